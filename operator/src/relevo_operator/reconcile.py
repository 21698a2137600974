"""What is to be done about one ModelDeployment: a pure function from what is observed. docs/modeldeployment.md tells
users what it promises.

    heard     what the alias marks, and whether a version that was given up may be tried again
    target    the version the Deployment is to be pinned to: the wanted one, or the last good one
    roll out  apply, wait, and either arrive or give up, which chooses the target anew
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from relevo_operator import applying, history, manifests, names, verdicts, wire
from relevo_operator.conditions import PROGRESSING, READY, REGISTRY_REACHABLE, Reason, conditions
from relevo_operator.diagnosis import Trouble, progress, trouble
from relevo_operator.retraining import included, retrained
from relevo_operator.values import (
    Absence,
    Absent,
    Condition,
    EventNote,
    Found,
    Manifest,
    Observed,
    Outcome,
    Past,
    Plan,
    Rollout,
    VersionTag,
)
from relevo_operator.verdicts import Told, Verdict


def reconcile(seen: Observed) -> Plan:
    """What to apply, to say and to tag."""
    past = _heard(seen)
    if foreign := _foreign(seen):
        return _plan(seen, past, verdicts.blocked(Reason.NAME_TAKEN, foreign))
    if seen.spec.suspend:
        return _plan(seen, replace(past, rollout=None), verdicts.suspended(seen, past))
    return _follow(seen, past, ())


def _heard(seen: Observed) -> Past:
    """The past, with what the registry and the annotations say now."""
    past, live = seen.past, seen.deployment
    if past == Past() and live is not None and manifests.is_owned(live, seen.uid):
        there = progress(live)
        if there.complete and there.wanted > 0:  # status was lost, by a backup that left it out for one
            past = replace(past, served=there.version, desired=past.desired or there.version)
    if isinstance(seen.answer, Found) and not seen.spec.suspend:
        past = replace(past, desired=seen.answer.version)
    retry = seen.annotations.get(names.RETRY, "")
    if retry != past.retried:
        past = replace(past, retried=retry)
        if retry:
            past = replace(past, failed=None, rollout=None)
    if past.failed != past.desired:
        past = replace(past, failed=None)
    if seen.asked_now:
        past = replace(past, refreshed=seen.annotations.get(names.REFRESH, ""))
    return past


def _foreign(seen: Observed) -> str | None:
    for live in (seen.deployment, seen.service):
        if live is not None and not manifests.is_owned(live, seen.uid):
            kind = live.get("kind", "object")
            return (
                f"expected to make the {kind} {seen.name}, one that belongs to somebody else is there: delete it, or "
                "name the ModelDeployment otherwise"
            )
    return None


def _target(seen: Observed, past: Past) -> int | None:
    if past.desired is None:
        return past.served
    if past.desired == past.failed and past.served is not None and seen.spec.on_failure == "Rollback":
        return past.served
    return past.desired


def _follow(seen: Observed, past: Past, events: tuple[EventNote, ...]) -> Plan:  # noqa: PLR0911  # one a situation
    """Bring the Deployment to its target, or tell why it does not get there."""
    target = _target(seen, past)
    if target is None:
        return _plan(seen, past, verdicts.no_version(seen), events=events)
    apply = tuple(
        wanted
        for wanted, live in (
            (manifests.service(seen), seen.service),
            (manifests.deployment(seen, target), seen.deployment),
        )
        if live is None or not applying.is_applied(wanted, live)
    )
    if seen.refusal:
        return _plan(seen, past, verdicts.blocked(Reason.REFUSED, seen.refusal), events=events)
    changing = any(wanted["kind"] == "Deployment" for wanted in apply)
    there = None if seen.deployment is None or changing else progress(seen.deployment)
    if seen.spec.replicas == 0:
        verdict = verdicts.scaled_to_zero(past, target)
        return _plan(seen, replace(past, rollout=None), verdict, apply=apply, events=events)
    if there is not None and there.complete:
        return _arrived(seen, past, target, apply, events)
    obstacle = None if there is None or seen.deployment is None else trouble(seen.deployment, seen.pods, target)
    if there is not None and past.rollout is None and target == past.served and there.rolled_out:
        return _plan(seen, past, verdicts.unavailable(past, there, obstacle), apply=apply, events=events)
    under_way = past.rollout and (past.rollout.version, past.rollout.generation)
    if target != past.failed and under_way != (target, seen.generation):
        began = Rollout(target, seen.generation, seen.now)
        past = replace(past, rollout=began, history=history.started(past, target, seen.now))
    why = _reason_to_give_up(seen, past, target, obstacle)
    if why is not None:
        given_up = replace(
            past, failed=target, rollout=None, history=history.failed(past.history, target, seen.now, why)
        )
        note = EventNote("Warning", Reason.VERSION_FAILED.value, f"version {target} was given up: {why}")
        return _follow(seen, given_up, (*events, note))
    late = past.rollout is not None and _late(seen, past.rollout)
    return _plan(seen, past, verdicts.rolling(seen, past, target, obstacle, late=late), apply=apply, events=events)


def _arrived(
    seen: Observed, past: Past, target: int, apply: tuple[Manifest, ...], events: tuple[EventNote, ...]
) -> Plan:
    """Every replica of the target is available."""
    took = None
    if target != past.served:
        before = f", version {past.served} before" if past.served is not None else ""
        past = replace(past, history=history.serving(past, target, seen.now))
        took = history.seconds_to_ready(past.history, target)
        events = (*events, EventNote("Normal", "HandedOver", f"version {target} serves after {took:.1f} s{before}"))
    elif past.rollout is not None and past.failed is not None:
        events = (*events, EventNote("Normal", "RolledBack", f"version {target} serves with all its replicas again"))
    past = replace(past, served=target, rollout=None, failed=None if past.failed == target else past.failed)
    return _plan(seen, past, verdicts.serving(seen, past, target), apply=apply, events=events, handed_over=took)


def _reason_to_give_up(seen: Observed, past: Past, target: int, obstacle: Trouble | None) -> str | None:
    """Why the target cannot be served; None while it may, or if the fault is not the version's."""
    if target in (past.served, past.failed) or past.rollout is None:
        return None
    if obstacle is not None:
        return obstacle.message if obstacle.is_crash else None
    if isinstance(seen.answer, Absent) and seen.answer.reason not in (Absence.ALIAS_MISSING, Absence.MODEL_MISSING):
        return None  # the pods cannot get the model either
    return (
        f"not ready within {seen.spec.progress_deadline:g} s (rollout.progressDeadline)"
        if _late(seen, past.rollout)
        else None
    )


def _late(seen: Observed, rollout: Rollout) -> bool:
    """Whether the deadline is over, counted from when the registry last came back: pods load their model from it."""
    since = rollout.started_at
    reachable = _condition(seen, REGISTRY_REACHABLE)
    if reachable is not None and isinstance(seen.answer, Found):
        since = max(since, reachable.since if reachable.status == "True" else seen.now)
    return seen.now - since >= timedelta(seconds=seen.spec.progress_deadline)


def _condition(seen: Observed, name: str) -> Condition | None:
    return next((one for one in seen.past.conditions if one.type == name), None)


def _plan(
    seen: Observed,
    past: Past,
    verdict: Verdict,
    *,
    apply: tuple[Manifest, ...] = (),
    events: tuple[EventNote, ...] = (),
    handed_over: float | None = None,
) -> Plan:
    found = conditions(
        seen.past.conditions,
        (
            (READY, *verdict.ready),
            (PROGRESSING, *verdict.progressing),
            (REGISTRY_REACHABLE, *_registry(seen)),
        ),
        generation=seen.generation,
        now=seen.now,
    )
    live = seen.deployment
    there = progress(live) if live is not None and manifests.is_owned(live, seen.uid) else None
    asked, notes, run = retrained(seen)
    back, told, inclusion_run = included(seen)
    return Plan(
        status=wire.status_of(
            replace(past, conditions=found, retraining=asked, inclusion=back),
            generation=seen.generation,
            endpoint=manifests.endpoint(seen) if past.served is not None else None,
            replicas=there.replicas if there else 0,
            ready_replicas=there.available if there else 0,
            selector=manifests.selector_text(seen.name),
        ),
        apply=apply,
        events=(*events, *_turns(seen, found), *notes, *told),
        tags=_tags(past),
        look_again=verdict.look_again,
        run=run,
        inclusion_run=inclusion_run,
        handed_over=handed_over,
    )


def _registry(seen: Observed) -> Told:
    alias = seen.spec.registry.alias
    if isinstance(seen.answer, Found):
        return "True", Reason.RESOLVED, f"alias {alias} marks version {seen.answer.version}"
    if isinstance(seen.answer, Absent):
        return "False", Reason(seen.answer.reason.value), seen.answer.message
    known = _condition(seen, REGISTRY_REACHABLE)
    if known is not None:
        return known.status, known.reason, known.message
    return "Unknown", Reason.NOT_ASKED, "the registry was not asked yet"


def _turns(seen: Observed, found: tuple[Condition, ...]) -> tuple[EventNote, ...]:
    """An Event for each condition that turned bad, or is bad for another reason than before."""
    quiet = {Reason.COMPLETE.value, Reason.NO_VERSION.value, Reason.SUSPENDED.value, Reason.VERSION_FAILED.value}
    notes = []
    for condition in found:
        before = _condition(seen, condition.type)
        new = before is None or (before.status, before.reason) != (condition.status, condition.reason)
        # Ready repeats what Progressing says; a version given up has an Event of its own.
        if condition.type != READY and condition.status == "False" and new and condition.reason not in quiet:
            notes.append(EventNote("Warning", condition.reason, condition.message))
    return tuple(notes)


def _tags(past: Past) -> tuple[VersionTag, ...]:
    tags = []
    if past.served is not None:
        tags.append(VersionTag(past.served, "ready", history.since(past.history, past.served, Outcome.SERVING)))
    if past.failed is not None:
        tags.append(VersionTag(past.failed, "failed", history.since(past.history, past.failed, Outcome.FAILED)))
    return tuple(tags)
