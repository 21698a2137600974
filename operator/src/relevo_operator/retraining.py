"""What is to be done about the annotations relevo.dev/retrain and relevo.dev/include, and what status says of it. Pure.

Both ask Airflow for a run of the DAG that trains: the one for a training in it, the other for taking batches back that
were left out, before the run decides anything.

    asked     a new value of the annotation: Requested, or Refused at once if it cannot be asked for
    followed  what Airflow says of the run, until it is over: Queued, Running, Succeeded, Failed, Refused

Nothing here depends on what serves, nor the other way round: suspended, or without a version, training goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from relevo_contract import texts
from relevo_contract.inclusion import inclusion
from relevo_operator import names
from relevo_operator.values import (
    EventNote,
    Observed,
    Retraining,
    RunAnswer,
    RunGone,
    RunRefused,
    RunSeen,
    RunState,
    RunUnheard,
    RunWanted,
    TaskSeen,
)

LONGEST_REASON: Final = 500
OVER: Final = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.REFUSED})
MOST_TASKS: Final = 5
"""Tasks that a message names."""
_CUT: Final = 100
_ANEW: Final = "then ask again with another value"


@dataclass(frozen=True)
class _Ask:
    """What an annotation asks for."""

    annotation: str
    param: str
    """The DAG's parameter, with which its runs' ids begin."""
    event: str
    """What its Events' reasons begin with."""
    gives: str
    """What the annotation gives, in one line."""


_RETRAIN: Final = _Ask(names.RETRAIN, "retrain", "Retraining", "a reason")
_INCLUDE: Final = _Ask(names.INCLUDE, "include", "Inclusion", "batches")
Passed = tuple[Retraining | None, tuple[EventNote, ...], RunWanted | None]
"""What status is to say, the Events about it, and the run that Airflow is to be asked for or about."""


def retrained(seen: Observed) -> Passed:
    """Of a training that is asked for."""
    return _pass(_RETRAIN, seen, seen.past.retraining, seen.run)


def included(seen: Observed) -> Passed:
    """Of batches that are to be taken back."""
    return _pass(_INCLUDE, seen, seen.past.inclusion, seen.inclusion_run)


def _pass(ask: _Ask, seen: Observed, before: Retraining | None, answer: RunAnswer | None) -> Passed:
    value = seen.annotations.get(ask.annotation, "")
    if value and (before is None or before.asked != _kept(value)):
        now = _asked(ask, seen, value, before)
        return now, _events(ask, None, now), _wanted(ask, seen, now)
    if before is None or before.state in OVER:
        return before, (), None
    ref = seen.spec.retraining
    now = _left_alone(seen, before) if ref is None else _followed(seen, before, ref.dag, answer)
    return now, _events(ask, before, now), _wanted(ask, seen, now)


def run_id(uid: str, value: str, before: str, param: str) -> str:
    """The DAG run's id, by which Airflow refuses to make it twice: the same whoever asks, and however often.

    The run asked for before is in it, so that a value given again after another asks for a run of its own.
    """
    return f"{param}__" + hashlib.sha256("\n".join((uid, before, value)).encode()).hexdigest()[:12]


def _kept(value: str) -> str:
    """The value as status keeps it: of one that is too long the beginning, and what tells it from others."""
    if len(value) <= LONGEST_REASON:
        return value
    return f"{value[:_CUT]}… (sha256 {hashlib.sha256(value.encode()).hexdigest()[:12]})"


def _asked(ask: _Ask, seen: Observed, value: str, before: Retraining | None) -> Retraining:
    made = run_id(seen.uid, value, before.run_id if before else "", ask.param)
    now = Retraining(_kept(value), made, RunState.REQUESTED, "", seen.now)
    wrong = _wrong(ask, value)
    if wrong is not None:
        return _refused(seen, now, wrong)
    if seen.spec.retraining is None:
        why = f"expected spec.retraining to say which DAG of which Airflow trains, it is not there: set it, {_ANEW}"
        return _refused(seen, now, why)
    return replace(now, message=f"Airflow is being asked for a run of the DAG {seen.spec.retraining.dag}")


def _wrong(ask: _Ask, value: str) -> str | None:
    if len(value) > LONGEST_REASON:
        got = f"{len(value):,} characters"
    elif texts.legible(value) != value:
        got = "line ends, or characters that cannot be seen"
    elif not value.strip():
        got = "only spaces"
    else:
        return _no_batches(value) if ask is _INCLUDE else None
    form = f"in one line of at most {LONGEST_REASON} characters"
    return f"expected {ask.annotation} to give {ask.gives} {form}, got {got}"


def _no_batches(value: str) -> str | None:
    try:
        inclusion(value)
    except ValueError as error:
        return f"{names.INCLUDE}: {error}"
    return None


def _refused(seen: Observed, now: Retraining, why: str) -> Retraining:
    return replace(now, state=RunState.REFUSED, message=why, finished_at=seen.now)


def _wanted(ask: _Ask, seen: Observed, now: Retraining) -> RunWanted | None:
    if now.state in OVER or seen.spec.retraining is None:
        return None
    known = now.state is not RunState.REQUESTED
    return RunWanted(seen.spec.retraining, now.run_id, now.asked, known=known, param=ask.param)


def _left_alone(seen: Observed, before: Retraining) -> Retraining:
    """One that is not over, whose spec.retraining is there no more."""
    if before.state is RunState.REQUESTED:
        why = f"spec.retraining was removed before Airflow confirmed the run: set it, {_ANEW}"
        return _refused(seen, before, why)
    return replace(before, message="spec.retraining was removed: Airflow is not asked what becomes of the run")


def _followed(seen: Observed, before: Retraining, dag: str, answer: RunAnswer | None) -> Retraining:
    """One that is not over, with what Airflow says now."""
    match answer:
        case RunSeen() as run:
            ended = (run.ended_at or seen.now) if run.state in OVER else None
            told = _told(run, dag)
            return replace(before, state=run.state, message=told, finished_at=ended, url=run.url)
        case RunRefused(message):
            return _refused(seen, before, f"{message}; {_ANEW}")
        case RunGone(message):
            return replace(before, state=RunState.FAILED, message=message, finished_at=seen.now)
        case RunUnheard() as unheard:
            return _unheard(before, unheard)
    return before


def _unheard(before: Retraining, answer: RunUnheard) -> Retraining:
    state = RunState.QUEUED if answer.known and before.state is RunState.REQUESTED else before.state
    doing = "not confirmed yet" if state is RunState.REQUESTED else f"{state.value} when last heard of"
    return replace(before, state=state, message=f"{doing}: {answer.message}; asked again until it answers")


def _told(answer: RunSeen, dag: str) -> str:
    match answer.state:
        case RunState.QUEUED if answer.paused:
            return f"the run waits, for the DAG {dag} is paused in Airflow: unpause it there"
        case RunState.QUEUED:
            return "the run waits in Airflow for its turn"
        case RunState.RUNNING:
            return "the run is under way"
        case RunState.FAILED:
            return _failed(answer)
        case _:
            return _succeeded(answer.tasks)


def _failed(answer: RunSeen) -> str:
    failed = [_tried(one) for one in answer.tasks if one.state == "failed"]
    if not failed:
        return f"the run failed; {answer.url} tells why"
    return f"the run failed in {_listed(failed)}; the log there says why: {answer.url}"


def _tried(task: TaskSeen) -> str:
    return task.name if task.tries <= 1 else f"{task.name} (try {task.tries})"


def _succeeded(tasks: Iterable[TaskSeen]) -> str:
    skipped = [one for one in tasks if one.state == "skipped"]
    if not skipped:
        return "the run succeeded with every task"
    first = [one.name for one in skipped if one.tries] or [one.name for one in skipped]
    after = [one.name for one in skipped if one.name not in first]
    told = f"the run succeeded, with nothing to do for {_listed(first)} (skipped)"
    return f"{told}; not run after that: {_listed(after)}" if after else told


def _listed(tasks: list[str]) -> str:
    more = len(tasks) - MOST_TASKS
    return ", ".join(tasks[:MOST_TASKS]) + (f" and {more} more" if more > 0 else "")


def _events(ask: _Ask, before: Retraining | None, now: Retraining) -> tuple[EventNote, ...]:
    if before is not None and before.state is now.state:
        return ()
    run = f"run {now.run_id}"
    notes = []
    if before is not None and before.state is RunState.REQUESTED and now.state is not RunState.REFUSED:
        notes.append(EventNote("Normal", f"{ask.event}Asked", f"Airflow has the {run}, asked for because: {now.asked}"))
    match now.state:
        case RunState.SUCCEEDED:
            notes.append(EventNote("Normal", f"{ask.event}Succeeded", f"{run}: {now.message}"))
        case RunState.FAILED:
            notes.append(EventNote("Warning", f"{ask.event}Failed", f"{run}: {now.message}"))
        case RunState.REFUSED:
            notes.append(EventNote("Warning", f"{ask.event}Refused", f"no run was begun: {now.message}"))
        case _:
            pass
    return tuple(notes)
