"""The Deployment and the Service that a ModelDeployment owns. Pure."""

from __future__ import annotations

import math
from typing import Any, Final

from relevo_operator import applying, names
from relevo_operator.values import Manifest, Observed, Spec

PRE_STOP_SECONDS: Final = 5
"""A pod told to stop goes on answering for so long: until no kube-proxy sends it connections any more."""
SPOOL: Final = "/var/spool/relevo"
"""Where a pod keeps the houses it priced until RAW has them: it goes with the pod, not with a container."""
SECRETS: Final = "/secrets"
"""Below it a folder for each setting that is in a file."""
DRAIN_SECONDS: Final = 840
"""A pod told to stop waits for RAW so long, if houses are left that it does not have."""
GRACE_SECONDS: Final = DRAIN_SECONDS + 60


def selector(name: str) -> dict[str, str]:
    """The labels that select a ModelDeployment's pods."""
    return {names.OWNER_LABEL: name}


def selector_text(name: str) -> str:
    """The same as kubectl and the scale subresource write it."""
    return f"{names.OWNER_LABEL}={name}"


def _metadata(seen: Observed, **labels: str) -> dict[str, Any]:
    # Labels of the ModelDeployment are not copied: Argo CD would take the children for its own and prune them.
    return {
        "name": seen.name,
        "namespace": seen.namespace,
        "labels": {"app.kubernetes.io/managed-by": names.MANAGER, **selector(seen.name), **labels},
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": seen.name,
                "uid": seen.uid,
                "controller": True,  # not blockOwnerDeletion: some clusters ask for rights on finalizers for it
            }
        ],
    }


def is_owned(live: Manifest, uid: str) -> bool:
    """Whether an object was made for the ModelDeployment with this uid."""
    owners = live["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid and owner.get("controller") for owner in owners)


def service(seen: Observed) -> dict[str, Any]:
    """The Service in front of whichever pods are ready."""
    made = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(seen),
        "spec": {
            "selector": selector(seen.name),
            "ports": [{"name": "http", "port": seen.spec.port, "targetPort": "http", "protocol": "TCP"}],
        },
    }
    return applying.stamped(made)


def endpoint(seen: Observed) -> str:
    """Where predictions are asked for."""
    return f"http://{seen.name}.{seen.namespace}.svc:{seen.spec.port}"


def deployment(seen: Observed, version: int) -> dict[str, Any]:
    """The Deployment pinned to a version; old pods stay until new ones passed their self-test (maxUnavailable 0)."""
    spec = seen.spec
    labels = {**selector(seen.name), names.VERSION_LABEL: str(version)}
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(seen, **{names.VERSION_LABEL: str(version)}),
        "spec": {
            "replicas": spec.replicas,
            "selector": {"matchLabels": selector(seen.name)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            # Kubernetes' own deadline only marks the Deployment; giving up is decided in reconcile.
            "progressDeadlineSeconds": max(1, math.ceil(spec.progress_deadline)),
            "revisionHistoryLimit": 3,
            "template": {"metadata": {"labels": labels}, "spec": _pod(spec, version)},
        },
    }
    return applying.stamped(made)


def literal(text: str) -> str:
    """Text as the value of a pod's variable: the kubelet takes $(NAME) for a variable's value, and $$ for a $."""
    return text.replace("$", "$$")


def _pod(spec: Spec, version: int) -> dict[str, Any]:
    ours = {
        "RELEVO_VERSION": str(version),
        "RELEVO_MODEL": spec.registry.model,
        "MLFLOW_TRACKING_URI": spec.registry.tracking_uri,
        "RELEVO_HOST": "0.0.0.0",  # noqa: S104  # in the pod's own network
        "RELEVO_PORT": str(spec.port),
        "RELEVO_SPOOL": SPOOL,
        "RELEVO_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    files = [(f"secret-{place}", one, f"{SECRETS}/{one['name']}") for place, one in enumerate(spec.secret_files)]
    ours |= {f"{one['name']}_FILE": f"{folder}/value" for _, one, folder in files}
    given = {one["name"] for one in spec.env}
    container: dict[str, Any] = {
        "name": names.CONTAINER,
        "image": spec.image,
        # The server refuses a variable that is there twice: one of spec.env goes before ours, as the kubelet has it.
        "env": [{"name": name, "value": literal(value)} for name, value in ours.items() if name not in given]
        + [dict(one) for one in spec.env],
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        "readinessProbe": _probe("/readyz", period=1, failures=1),
        "livenessProbe": _probe("/healthz", period=10, failures=6),
        "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # where the version's files are put
            {"name": "spool", "mountPath": SPOOL},
            *({"name": name, "mountPath": folder, "readOnly": True} for name, _, folder in files),
        ],
    }
    if spec.resources:
        container["resources"] = dict(spec.resources)
    return {
        "automountServiceAccountToken": False,
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "spool", "emptyDir": {}},
            *({"name": name, "secret": _file(one)} for name, one, _ in files),
        ],
    }


def _file(asked: Manifest) -> dict[str, Any]:
    """A volume with one key of a Secret, which the image's user may read, whoever that is."""
    return {
        "secretName": asked["secretName"],
        "items": [{"key": asked["key"], "path": "value"}],
        "defaultMode": 0o444,
        **({"optional": asked["optional"]} if "optional" in asked else {}),
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def pinned_version(live: Manifest) -> int | None:
    """The version a Deployment or a pod is pinned to."""
    text = (live["metadata"].get("labels") or {}).get(names.VERSION_LABEL, "")
    return int(text) if text.isascii() and text.isdigit() else None
