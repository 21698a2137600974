"""What collect does next, decided from what came and what RAW holds. Pure.

what came                                        | next
RAW holds nothing, the count was not restarted   | Restart: the first batch must be the source's first
a body that RAW holds, newer than the one before | Ask: a replay, skip it
the same batch as the answer before, or an older | Wait: the source repeats itself, or goes round
a number that RAW holds, another body            | ConflictingBatch
the number after RAW's newest                    | Keep it
a number beyond that                             | Restart: an answer was lost; replay and fill the gap
... beyond that, and the replay is done          | MalformedAnswer: the source itself leaves numbers out
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from relevo_jobs.errors import ConflictingBatch, MalformedAnswer


@dataclass(frozen=True)
class Came:
    """An answer and what RAW knows of it."""

    number: int
    sha256: str
    held_number: int | None
    """The number under which RAW holds this body; None if it does not."""
    held_sha256: str | None
    """The body RAW holds under this number; None if it does not."""


@dataclass(frozen=True)
class Situation:
    """Where the run stands."""

    newest: int | None
    """RAW's newest number."""
    previous: int | None
    """The number of the answer before this one in this run, since the last restart."""
    restarted: bool
    """Whether this run restarted the source's count already."""


class Action(Enum):
    """What to do with an answer."""

    KEEP = "keep"
    ASK = "ask"
    WAIT = "wait"
    RESTART = "restart"
    STOP = "stop"


def starts_with_restart(newest: int | None) -> bool:
    """Whether to restart the count before the first request: when RAW is empty, earlier answers are lost to it."""
    return newest is None


def when_exhausted(*, lost: bool, restarted: bool) -> Action:
    """What to do when the source says that it has no more; `lost`: an earlier answer is not accounted for."""
    return Action.RESTART if lost and not restarted else Action.STOP


def next_action(situation: Situation, came: Came) -> Action:
    """What to do with the answer. Raises ConflictingBatch, MalformedAnswer."""
    if came.held_sha256 is not None and came.held_sha256 != came.sha256:
        raise ConflictingBatch(
            f"expected batch {came.number} with SHA-256 {came.held_sha256[:12]}…, which RAW holds, got "
            f"{came.sha256[:12]}…: the source changed its data, or RELEVO_SOURCE_DAY is another one than before; "
            "for new data use another RELEVO_GROUP or a new RAW"
        )
    if came.held_number is not None:
        # Backwards, and nobody here restarted it: a wait is bounded, a source that goes round is not asked for ever.
        stuck = situation.previous is not None and came.number <= situation.previous
        return Action.WAIT if stuck else Action.ASK
    expected = None if situation.newest is None else situation.newest + 1
    if expected is None:
        if came.number <= 1:  # sources count from 0 or from 1
            return Action.KEEP
    elif came.number == expected:
        return Action.KEEP
    if not situation.restarted:
        return Action.RESTART
    raise MalformedAnswer(
        f"expected batch {1 if expected is None else expected} after a restart of the count, got batch {came.number}: "
        "the source leaves numbers out, or somebody else asks with our group number"
    )
