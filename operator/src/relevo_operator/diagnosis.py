"""How far a Deployment's roll-out is, and what keeps new pods from getting ready: the version, or its surroundings.

The distinction decides what happens: a version that cannot serve is given up for the last good one; a missing image, a
full quota or a missing Secret is nobody's version, so what serves goes on, the pods wait, and the condition says why.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from relevo_contract.texts import legible
from relevo_operator import names
from relevo_operator.conditions import Reason
from relevo_operator.manifests import pinned_version
from relevo_operator.values import Manifest

CRASHES: Final = 2
"""Restarts from which a version is crashing: one may be a node's hiccup, and the second comes ten seconds later."""
_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_LONGEST: Final = 600
"""Characters of somebody else's words in a condition."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a Deployment says of itself."""

    version: int | None
    replicas: int
    """Pods there are, old ones included."""
    updated: int
    available: int
    """Pods that are ready, old ones included."""
    observed: bool
    """The Deployment controller has seen its newest spec."""
    wanted: int

    @property
    def complete(self) -> bool:
        """Every pod is of the newest template, as many as asked for, and available."""
        return self.rolled_out and self.available >= self.wanted

    @property
    def rolled_out(self) -> bool:
        """No pod of an older template is left, available or not."""
        return self.observed and self.updated == self.replicas == self.wanted


def progress(deployment: Manifest) -> Progress:
    """How far a Deployment is."""
    status: Mapping[str, Any] = deployment.get("status") or {}
    return Progress(
        version=pinned_version(deployment),
        replicas=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        observed=status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1),
        wanted=deployment["spec"].get("replicas", 1),
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why pods are not ready."""

    reason: Reason
    message: str
    final: bool = False
    """The version itself said that it can never be served."""

    @property
    def is_crash(self) -> bool:
        """The container starts and ends: the version's doing, if the version is what is new."""
        return self.reason is Reason.PODS_CRASHING


def trouble(deployment: Manifest, pods: Iterable[Manifest], version: int) -> Trouble | None:
    """What keeps this version's pods from getting ready, the most telling first; None if nothing shows."""
    mine = [pod for pod in pods if pinned_version(pod) == version and not pod["metadata"].get("deletionTimestamp")]
    found = [one for pod in mine if (one := _of_pod(pod)) is not None]
    refused = _refused_pods(deployment)
    if refused is not None:
        found.append(refused)
    order = [
        Reason.PODS_CRASHING, Reason.IMAGE_UNAVAILABLE, Reason.CONFIGURATION_MISSING, Reason.QUOTA_EXCEEDED,
        Reason.PODS_REFUSED, Reason.UNSCHEDULABLE,
    ]  # fmt: skip
    return min(found, key=lambda one: (not one.final, order.index(one.reason)), default=None)


def _of_pod(pod: Manifest) -> Trouble | None:
    name = pod["metadata"]["name"]
    status: Mapping[str, Any] = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        if container.get("ready"):
            continue
        ended = _ended(container)
        if ended.get("exitCode") == names.BROKEN_VERSION_EXIT:
            said = ended.get("message") or "its container gave no reason"
            return Trouble(Reason.PODS_CRASHING, _cut(f"pod {name}: {said}"), final=True)
        if ended and container.get("restartCount", 0) >= CRASHES:
            why = ended.get("message") or ended.get("reason") or "no reason given"
            return Trouble(
                Reason.PODS_CRASHING,
                _cut(
                    f"pod {name} was restarted {container['restartCount']} times, its container ended with code "
                    f"{ended.get('exitCode')}: {why}"
                ),
            )
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _IMAGE:
            said = f"pod {name} waits for image {container.get('image')} ({reason}): {message}"
            return Trouble(Reason.IMAGE_UNAVAILABLE, _cut(said))
        if reason in _CONFIGURATION:
            return Trouble(Reason.CONFIGURATION_MISSING, _cut(f"pod {name} cannot start ({reason}): {message}"))
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Trouble(Reason.UNSCHEDULABLE, _cut(f"pod {name} finds no node: {condition.get('message', '')}"))
    return None


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the container ended last; empty if it never did."""
    for state in ("state", "lastState"):
        if ended := (container.get(state) or {}).get("terminated"):
            return dict(ended)
    return {}


def _refused_pods(deployment: Manifest) -> Trouble | None:
    """The API server refuses the pods themselves: a quota, or a policy such as Pod Security."""
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            message = condition.get("message", "")
            reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.PODS_REFUSED
            return Trouble(reason, _cut(f"no pod could be made: {message}"))
    return None


def _cut(text: str) -> str:
    """What a pod's last words are is whatever its image wrote, and `kubectl` prints a status as it is."""
    text = legible(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
