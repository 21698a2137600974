"""status.history: what became of the last versions, newest first. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from relevo_operator.values import Entry, Outcome, Past

KEPT: Final = 10

History = tuple[Entry, ...]


def _ended(history: History, outcome: Outcome, becomes: Outcome, now: datetime) -> History:
    """The entries with this outcome, of which a newer one takes the place."""
    return tuple(replace(one, outcome=becomes, ended_at=now) if one.outcome is outcome else one for one in history)


def started(past: Past, version: int, now: datetime) -> History:
    """The hand-over to this version begins; one that was under way is superseded. Going back to what serves is none."""
    under_way = [one for one in past.history if one.outcome is Outcome.ROLLING_OUT]
    if any(one.version == version for one in under_way):
        return past.history  # the spec changed meanwhile
    history = _ended(past.history, Outcome.ROLLING_OUT, Outcome.SUPERSEDED, now)
    if version == past.served:
        return history
    return (Entry(version, Outcome.ROLLING_OUT, now), *history)[:KEPT]


def serving(past: Past, version: int, now: datetime) -> History:
    """The version took over from the one that served."""
    history = _ended(past.history, Outcome.SERVING, Outcome.REPLACED, now)
    newest = next((one for one in history if one.version == version), None)
    if newest is None or newest.outcome not in (Outcome.ROLLING_OUT, Outcome.FAILED):
        began = past.rollout.started_at if past.rollout else now
        newest = Entry(version, Outcome.SERVING, began)
        history = (newest, *history)
    arrived = replace(newest, outcome=Outcome.SERVING, ready_at=now, ended_at=None, message="")
    return tuple(arrived if one is newest else one for one in history)[:KEPT]


def failed(history: History, version: int, now: datetime, why: str) -> History:
    """The version under way was given up."""
    return tuple(
        replace(one, outcome=Outcome.FAILED, ended_at=now, message=why)
        if one.outcome is Outcome.ROLLING_OUT and one.version == version
        else one
        for one in history
    )


def since(history: History, version: int, outcome: Outcome) -> datetime | None:
    """When the version last came to this outcome, SERVING or FAILED; None if history no longer tells."""
    found = next((one for one in history if one.version == version and one.outcome is outcome), None)
    return None if found is None else (found.ready_at if outcome is Outcome.SERVING else found.ended_at)


def seconds_to_ready(history: History, version: int) -> float:
    """How long the hand-over to the version that serves took."""
    return next(
        (
            (one.ready_at - one.started_at).total_seconds()
            for one in history
            if one.version == version and one.outcome is Outcome.SERVING and one.ready_at is not None
        ),
        0.0,
    )
