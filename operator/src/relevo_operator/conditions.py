"""The conditions and the closed list of their reasons, each documented in docs/modeldeployment.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from relevo_operator.values import Condition

READY: Final = "Ready"
"""The version that the alias marks serves, with every replica available."""
PROGRESSING: Final = "Progressing"
"""A hand-over or a change of the spec is being rolled out."""
REGISTRY_REACHABLE: Final = "RegistryReachable"
"""The registry answers, and marks a version with the alias."""


class Reason(StrEnum):
    """Every reason a condition can have."""

    SERVING = "Serving"
    COMPLETE = "Complete"
    RESOLVED = "Resolved"
    NOT_ASKED = "NotAsked"
    ROLLING_OUT = "RollingOut"
    NO_VERSION = "NoVersion"
    VERSION_FAILED = "VersionFailed"
    REPLICAS_UNAVAILABLE = "ReplicasUnavailable"
    SCALED_TO_ZERO = "ScaledToZero"
    SUSPENDED = "Suspended"
    NAME_TAKEN = "NameTaken"
    REFUSED = "Refused"
    INVALID = "Invalid"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    CONFIGURATION_MISSING = "ConfigurationMissing"
    QUOTA_EXCEEDED = "QuotaExceeded"
    PODS_REFUSED = "PodsRefused"
    UNSCHEDULABLE = "Unschedulable"
    PODS_CRASHING = "PodsCrashing"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    UNREACHABLE = "Unreachable"
    DENIED = "Denied"
    BAD_ANSWER = "BadAnswer"
    CREDENTIAL_MISSING = "CredentialMissing"
    ADDRESS_REFUSED = "AddressRefused"
    MODEL_MISSING = "ModelMissing"
    ALIAS_MISSING = "AliasMissing"


Status = Literal["True", "False", "Unknown"]


def conditions(
    old: Iterable[Condition], new: Iterable[tuple[str, Status, str, str]], *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions to be; `since` moves on only if a status changed, as the API conventions ask."""
    before = {condition.type: condition for condition in old}
    found = []
    for name, status, reason, message in new:
        condition = Condition(name, status, str(reason), message, now, generation)
        known = before.get(name)
        found.append(replace(condition, since=known.since) if known and known.status == status else condition)
    return tuple(found)
