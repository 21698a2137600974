"""What the conditions Ready and Progressing say in each situation. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relevo_operator.conditions import Reason, Status
from relevo_operator.diagnosis import Progress, Trouble, progress
from relevo_operator.values import Absent, Entry, Found, Observed, Outcome, Past

ROLLING_LOOK: Final = 1.0
"""Seconds between two looks at pods that are not ready: their crashes change nothing that is watched."""
UNAVAILABLE_LOOK: Final = 10.0

Told = tuple[Status, str, str]
"""Status, reason and message of a condition."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Ready and Progressing say, and in how many seconds to look again even if nothing happens."""

    ready: Told
    progressing: Told
    look_again: float | None = None


def blocked(reason: Reason, message: str) -> Verdict:
    """Nothing may be written, or the API server refused it."""
    return Verdict(("False", reason, message), ("False", reason, message), UNAVAILABLE_LOOK)


def no_version(seen: Observed) -> Verdict:
    """The registry never named a version."""
    registry = seen.spec.registry
    why = seen.answer.message if isinstance(seen.answer, Absent) else "the registry was not asked yet"
    message = f"nothing to serve yet: no version of {registry.model} is known as {registry.alias}: {why}"
    return Verdict(("False", Reason.NO_VERSION, message), ("False", Reason.NO_VERSION, "waiting for a first version"))


def suspended(seen: Observed, past: Past) -> Verdict:
    """What serves is left as it is, whatever the registry says."""
    there = progress(seen.deployment) if seen.deployment is not None else None
    marked = f"; the alias marks version {seen.answer.version}" if isinstance(seen.answer, Found) else ""
    frozen: Told = ("False", Reason.SUSPENDED, f"spec.suspend is true: nothing is changed{marked}")
    if there is not None and there.complete and there.wanted > 0 and there.version == past.served:
        return Verdict(("True", Reason.SERVING, f"version {past.served} serves, suspended{marked}"), frozen)
    serves = "nothing serves" if past.served is None else f"version {past.served} served last"
    return Verdict(("False", Reason.SUSPENDED, f"{serves}, suspended{marked}"), frozen)


def scaled_to_zero(past: Past, target: int) -> Verdict:
    """No replica is wanted."""
    message = f"spec.serving.replicas is 0: nothing serves; version {target} will"
    return Verdict(
        ("False", Reason.SCALED_TO_ZERO, message),
        ("False", Reason.COMPLETE, f"pinned to version {target}, no replicas"),
    )


def serving(seen: Observed, past: Past, target: int) -> Verdict:
    """Every replica of the target is available."""
    pods = f"{seen.spec.replicas} of {seen.spec.replicas} replicas"
    if past.failed is not None and past.failed == past.desired and target != past.desired:
        why = _why_failed(past.history, past.failed)
        message = (
            f"version {target} goes on serving with {pods}; version {past.failed} was given up: {why}; it is not tried "
            "again until the alias moves or relevo.dev/retry is set"
        )
        return Verdict(("False", Reason.VERSION_FAILED, message), ("False", Reason.VERSION_FAILED, message))
    gone = ""
    if isinstance(seen.answer, Absent):
        gone = f"; it goes on though the registry names no version: {seen.answer.message}"
    done = f"version {target} serves with {pods}"
    return Verdict(("True", Reason.SERVING, done + gone), ("False", Reason.COMPLETE, done))


def _why_failed(history: tuple[Entry, ...], version: int) -> str:
    return next(
        (one.message for one in history if one.version == version and one.outcome is Outcome.FAILED), "see its Event"
    )


def unavailable(past: Past, there: Progress, obstacle: Trouble | None) -> Verdict:
    """Replicas of a version that served are not available any more."""
    why = f": {obstacle.message}" if obstacle else ""
    message = f"{there.available} of {there.wanted} replicas of version {past.served} are available{why}"
    return Verdict(
        ("False", Reason.REPLICAS_UNAVAILABLE, message),
        ("False", Reason.COMPLETE, f"version {past.served} is rolled out"),
        UNAVAILABLE_LOOK,
    )


def rolling(seen: Observed, past: Past, target: int, obstacle: Trouble | None, *, late: bool) -> Verdict:
    """The target is on its way, or held up by something that is not its fault."""
    available = progress(seen.deployment).available if seen.deployment is not None else 0
    serves = f"version {past.served} serves meanwhile"
    if past.served is None or not available:
        serves = "nothing serves yet" if past.served is None else "nothing serves meanwhile"
    elif target == past.served:
        serves = f"{available} of its replicas serve meanwhile"
    if past.failed == target:
        failed = (
            f"version {target} was given up ({_why_failed(past.history, target)}) and there is no version to go back to"
            if past.served is None
            else f"version {target} was given up and is held (rollout.onFailure: Hold)"
        )
        message = f"{failed}; {serves}"
        return Verdict(
            ("False", Reason.VERSION_FAILED, message), ("False", Reason.VERSION_FAILED, message), UNAVAILABLE_LOOK
        )
    doing = f"version {target} is being rolled out, {serves}"
    if past.failed is not None and past.failed == past.desired:
        doing = f"going back to version {target}, version {past.failed} was given up; {serves}"
    if obstacle is not None:
        message = f"{doing}; {obstacle.message}"
        return Verdict(("False", obstacle.reason, message), ("False", obstacle.reason, message), ROLLING_LOOK)
    if late:
        limit = f"{seen.spec.progress_deadline:g} s (rollout.progressDeadline)"
        message = f"{doing}; not ready after {limit}, which is not put down to the version: it served before"
        if target != past.served:
            message = f"{doing}; not ready after {limit}, and the registry, from which its pods load it, is away"
        return Verdict(
            ("False", Reason.DEADLINE_EXCEEDED, message), ("False", Reason.DEADLINE_EXCEEDED, message), ROLLING_LOOK
        )
    return Verdict(("False", Reason.ROLLING_OUT, doing), ("True", Reason.ROLLING_OUT, doing), ROLLING_LOOK)
