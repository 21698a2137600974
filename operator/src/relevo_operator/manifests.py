"""The Deployment and the Service that a ModelDeployment owns. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from relevo_operator import applying, names
from relevo_operator.values import Manifest, Observed

PRE_STOP_SECONDS: Final = 10
"""A pod told to stop goes on answering for so long: until no kube-proxy, even of a busy node, sends it connections."""
SPOOL: Final = "/var/spool/relevo"
"""Where a pod keeps the rows it predicted until RAW has them: it goes with the pod, not with a container."""
SCRATCH_BYTES: Final = 2 * 2**30
"""What a pod may put into /tmp: the version's files, and what it makes of them."""
SPOOL_BYTES: Final = 2**30
"""What the inference API lets wait in its spool unless RELEVO_SPOOL_BYTES says otherwise."""
SPOOL_BESIDE_BYTES: Final = 2**28
"""Room there beyond that: for what RAW can never take, which is set aside, and for what a disk's blocks round up."""
STORAGE: Final = "ephemeral-storage"
"""A pod's share of its node's disk, as a resource."""
SECRETS: Final = "/secrets"
"""Below it a folder for each setting that is in a file."""
REGISTRY: Final = "registry"
"""The volume, and the folder there, of the registry's address and login."""
_REGISTRY_FILES: Final = {
    "url": "MLFLOW_TRACKING_URI_FILE",
    "username": "MLFLOW_TRACKING_USERNAME_FILE",
    "password": "MLFLOW_TRACKING_PASSWORD_FILE",
    "token": "MLFLOW_TRACKING_TOKEN_FILE",
    "ca.crt": "MLFLOW_TRACKING_SERVER_CERT_PATH",
}
"""By key of the Secret the variable that names its file."""
DRAIN_SECONDS: Final = 840
"""A pod told to stop waits for RAW so long, if rows are left that it does not have."""
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
            "template": {"metadata": {"labels": labels}, "spec": _pod(seen, version)},
        },
    }
    return applying.stamped(made)


def literal(text: str) -> str:
    """Text as the value of a pod's variable: the kubelet takes $(NAME) for a variable's value, and $$ for a $."""
    return text.replace("$", "$$")


def _hosts(seen: Observed) -> str:
    """The names under which the cluster's DNS has the Service, which its pods answer to and to no other."""
    of_service = f"{seen.name}.{seen.namespace}.svc"
    return f"{seen.name},{seen.name}.{seen.namespace},{of_service},{of_service}.cluster.local"


def _keys(seen: Observed) -> tuple[str, ...]:
    """What pods get of the registry's Secret: while it cannot be read, what they had."""
    if seen.registry_keys is not None:
        return seen.registry_keys
    pod = {} if seen.deployment is None else seen.deployment["spec"]["template"]["spec"]
    there = [one["secret"].get("items") or () for one in pod.get("volumes") or () if one["name"] == REGISTRY]
    had = tuple(item["key"] for items in there for item in items if item["key"] in _REGISTRY_FILES)
    return tuple(key for key in had if key != "url") or ("username", "password")


def _pod(seen: Observed, version: int) -> dict[str, Any]:
    spec, hosts, keys = seen.spec, _hosts(seen), _keys(seen)
    ours = {
        "RELEVO_ALLOWED_HOSTS": hosts,
        "RELEVO_VERSION": str(version),
        "RELEVO_MODEL": spec.registry.model,
        "MLFLOW_TRACKING_URI": spec.registry.tracking_uri,
        "RELEVO_HOST": "0.0.0.0",  # noqa: S104  # in the pod's own network
        "RELEVO_PORT": str(spec.port),
        "RELEVO_SPOOL": SPOOL,
        "RELEVO_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    registry: list[dict[str, Any]] = []
    if spec.registry.secret is not None:
        # Address and login from one Secret, mounted as one: neither is ever there without the other.
        del ours["MLFLOW_TRACKING_URI"]
        ours |= {_REGISTRY_FILES[key]: f"{SECRETS}/{REGISTRY}/{key}" for key in ("url", *keys)}
        items = [{"key": key, "path": key} for key in ("url", *keys)]
        secret = {"secretName": spec.registry.secret[1], "items": items, "defaultMode": 0o444}
        registry = [{"name": REGISTRY, "secret": secret}]
    files = [(f"secret-{place}", one, f"{SECRETS}/{one['name']}") for place, one in enumerate(spec.secret_files)]
    ours |= {f"{one['name']}_FILE": f"{folder}/value" for _, one, folder in files}
    given = {one["name"] for one in spec.env}
    container: dict[str, Any] = {
        "name": names.CONTAINER,
        "image": spec.image,
        # The server refuses a variable that is there twice: one of spec.env goes before ours, as the kubelet has it.
        "env": [{"name": name, "value": literal(value)} for name, value in ours.items() if name not in given]
        # Names that somebody adds are more of them: an Ingress's, say.
        + [
            {**one, "value": f"{hosts},{one['value']}"}
            if one["name"] == "RELEVO_ALLOWED_HOSTS" and "value" in one
            else dict(one)
            for one in spec.env
        ],
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
            *({"name": REGISTRY, "mountPath": f"{SECRETS}/{REGISTRY}", "readOnly": True} for _ in registry),
            *({"name": name, "mountPath": folder, "readOnly": True} for name, _, folder in files),
        ],
    }
    spool = _spool_bytes(spec.env) + SPOOL_BESIDE_BYTES
    container["resources"] = _resources(spec.resources, SCRATCH_BYTES + spool)
    return {
        "automountServiceAccountToken": False,
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": _mebibytes(SCRATCH_BYTES)}},
            {"name": "spool", "emptyDir": {"sizeLimit": _mebibytes(spool)}},
            *registry,
            *({"name": name, "secret": _file(one)} for name, one, _ in files),
        ],
    }


def _mebibytes(size: int) -> str:
    """Bytes as Kubernetes and people write them, rounded up."""
    return f"{math.ceil(size / 2**20)}Mi"


def _spool_bytes(env: Sequence[Manifest]) -> int:
    """What may wait in the spool, as far as the ModelDeployment itself says it."""
    said = [str(one.get("value", "")) for one in env if one["name"] == "RELEVO_SPOOL_BYTES"]
    return int(said[-1]) if said and said[-1].isascii() and said[-1].isdigit() else SPOOL_BYTES


def _resources(asked: Manifest, disk: int) -> dict[str, Any]:
    """What a person asks for; of the node's disk as much as the pod's folders may hold, unless he asks for another."""
    limits, requests = asked.get("limits") or {}, asked.get("requests") or {}
    if STORAGE in limits or STORAGE in requests:
        return dict(asked)
    # Without a request the API server would ask a node for the whole limit.
    return {
        **asked,
        "requests": {**requests, STORAGE: _mebibytes(SPOOL_BESIDE_BYTES)},
        "limits": {**limits, STORAGE: _mebibytes(disk)},
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
