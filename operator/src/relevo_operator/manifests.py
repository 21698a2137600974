"""The Deployment and the Service that a ModelDeployment owns, and whether what is there differs from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from relevo_operator import names
from relevo_operator.values import Manifest, Observed, Spec

PRE_STOP_SECONDS: Final = 5
"""A pod told to stop goes on answering for so long: until no kube-proxy sends it connections any more."""
SPOOL: Final = "/var/spool/relevo"
"""Where a pod keeps the houses it priced until RAW has them: it goes with the pod, not with a container."""
DRAIN_SECONDS: Final = 840
"""A pod told to stop waits for RAW so long, if houses are left that it does not have."""
GRACE_SECONDS: Final = DRAIN_SECONDS + 60
_SUFFIXES: Final = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}  # fmt: skip


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
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(seen),
        "spec": {
            "selector": selector(seen.name),
            "ports": [{"name": "http", "port": seen.spec.port, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def endpoint(seen: Observed) -> str:
    """Where predictions are asked for."""
    return f"http://{seen.name}.{seen.namespace}.svc:{seen.spec.port}"


def deployment(seen: Observed, version: int) -> dict[str, Any]:
    """The Deployment pinned to a version; old pods stay until new ones passed their self-test (maxUnavailable 0)."""
    spec = seen.spec
    labels = {**selector(seen.name), names.VERSION_LABEL: str(version)}
    return {
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
    container: dict[str, Any] = {
        "name": names.CONTAINER,
        "image": spec.image,
        # Kubernetes would take $(NAME) in a model's name for a variable.
        "env": [{"name": name, "value": value.replace("$", "$$")} for name, value in ours.items()]
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
        ],
    }
    if spec.resources:
        container["resources"] = dict(spec.resources)
    return {
        "automountServiceAccountToken": False,
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "spool", "emptyDir": {}}],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def differs(wanted: Any, live: Any) -> bool:
    """Whether something of `wanted` is otherwise in `live`, or a list of it holds more there.

    What `live` has beyond `wanted` in its objects is the API server's defaults, or others' annotations such as
    `kubectl rollout restart`'s, and is let be.
    """
    if isinstance(wanted, Mapping):
        return not isinstance(live, Mapping) or any(
            _quantities_differ(value, live.get(key)) if key in {"requests", "limits"} else differs(value, live.get(key))
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not wanted and live is None:  # the API server drops what is empty
            return False
        return (
            not isinstance(live, list)
            or len(wanted) != len(live)
            or any(differs(one, other) for one, other in zip(wanted, live, strict=True))
        )
    if wanted == "" and live is None:
        return False
    return bool(wanted != live)


def _quantities_differ(wanted: Mapping[str, Any], live: Any) -> bool:
    """The API server writes quantities its own way: 0.5 becomes 500m, 1024Mi becomes 1Gi."""
    return not isinstance(live, Mapping) or {name: _quantity(value) for name, value in wanted.items()} != {
        name: _quantity(value) for name, value in live.items()
    }


def _quantity(value: object) -> Decimal | str:
    text = str(value)
    number = text.rstrip("numkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (ArithmeticError, KeyError):
        return text


def pinned_version(live: Manifest) -> int | None:
    """The version a Deployment or a pod is pinned to."""
    text = (live["metadata"].get("labels") or {}).get(names.VERSION_LABEL, "")
    return int(text) if text.isascii() and text.isdigit() else None
