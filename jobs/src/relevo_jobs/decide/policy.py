"""Whether a batch calls for a training, and why, as a pure function. The rules stand in docs/decisions.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from relevo_contract.drift import evidence
from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.record import BatchRef, Defect, ErrorEvidence, ExpectedGain, TrainReason, TrainVerdict
from relevo_jobs.decide.case import Case, Champion, Judged, Limits
from relevo_jobs.decide.defects import defects
from relevo_jobs.decide.gain import believed, by_curve
from relevo_jobs.decide.live import live_evidence
from relevo_jobs.past import covered
from relevo_jobs.wording import listed, rows_of

FEWEST_ROWS: Final = 100
"""Below this nothing is judged, and no first model trained."""
NEW_STATES: Final = 0.2
"""Share of the judged rows in places hardly known from which these are why a training gains."""

Ruling = tuple[TrainReason, str]
"""A reason and its sentence."""


def _too_few(judged: Judged) -> Ruling | None:
    needed = judged.limits.rows
    if judged.rows >= needed:
        return None
    return TrainReason.TOO_FEW_ROWS, (
        f"{judged.these} are too few to tell a change from noise (at least {needed}); they wait for the next batch"
    )


def _broken(judged: Judged) -> Ruling | None:
    # A column alone cannot tell a defect from a summer: the champion errs where a defect reaches it, and where the
    # target is what broke. What it prices as well as ever is worth learning from.
    if not judged.limits.leaves_out or not judged.defects or not judged.error.worse:
        return None
    taken = " ".join(str(number) for number in judged.case.batches)
    return TrainReason.BROKEN_COLUMN, (
        f"{_told(judged.defects)}: broken, for {judged.against}; so no training uses {judged.these}. Look at "
        f"the source; if it is right, take them back (relevo-job include {taken}) or name the column in "
        "RELEVO_TRUSTED_COLUMNS"
    )


def _told(found: Sequence[Defect]) -> str:
    return "; ".join(f"{defect.column} {defect.what}" for defect in found)


def _looks_broken(profile: Profile, case: Case, limits: Limits) -> tuple[Defect, ...]:
    """The columns that look broken and that nobody vouches for."""
    if len(case) < FEWEST_ROWS:
        return ()
    return tuple(defect for defect in defects(profile, case.columns) if defect.column not in limits.trusted)


def _warned(judged: Judged, sentence: str) -> str:
    """A verdict's sentence with what looks broken and is not called so."""
    if not judged.defects:
        return sentence
    told = (
        ", and the error says that it is broken"
        if judged.error.worse
        else ", but the error does not say that it is broken"
    )
    return f"{sentence}; warning: {_told(judged.defects)}{told}"


def _new_state(judged: Judged) -> Ruling | None:
    places, share = judged.hardly_known if judged.pays else ((), 0.0)
    if not places or share < NEW_STATES:
        return None
    return TrainReason.NEW_STATE, (
        f"{percent(share)} of {judged.these} are in {listed(places)}, which version "
        f"{judged.champion.version} hardly knows: {judged.gain}; {judged.against}"
    )


def _error(judged: Judged) -> Ruling | None:
    if not judged.pays or judged.error.kept:
        return None
    cause = f"; {judged.furthest} moved" if judged.moved else ""
    return TrainReason.ERROR, f"{judged.against}, on {judged.these}, and it can be learnt: {judged.gain}{cause}"


def _drift(judged: Judged) -> Ruling | None:
    if not judged.pays or not judged.moved:
        return None
    return TrainReason.DRIFT, f"{judged.furthest} moved beyond noise, and {judged.gain}; {judged.against}"


def _learning(judged: Judged) -> Ruling | None:
    more = f"{rows_of(judged.case.learns)} wait beside {judged.champion.profile.rows:,} trained on"
    if judged.pays:
        return TrainReason.LEARNING, f"the model is still learning: {judged.gain}; {more}, {judged.against}"
    gain, error = judged.expected.by_curve, judged.error.promised.value
    if gain is None or not judged.learns:
        return None
    task, unit = judged.case.data.predicts, judged.case.data.unit
    before, after = (task.told_loss(one, unit) for one in (error, error * (1 - gain.value)))
    return TrainReason.LEARNING, (
        f"the model is still learning: {judged.case.learns:,} more rows would take its {task.figure} from {before} to "
        f"{after}, by its learning curve; {more}, {judged.against}"
    )


def _live_drift(judged: Judged) -> Ruling | None:
    live = judged.live
    if live is None or not live.closer:
        return None
    with_batch = {e.column: e.distance for e in live.with_batch}
    moved = [e for e in live.columns if e.column in live.closer][:3]
    named = [f"{e.column} ({e.distance:.2f}, noise {e.limit:.2f}, then {with_batch[e.column]:.2f})" for e in moved]
    return TrainReason.LIVE_DRIFT, (
        f"the last {rows_of(live.rows)} asked for are far from what version {judged.champion.version} was trained on, "
        f"and {judged.these} bring a training closer: {listed(named)}; {judged.against}"
    )


def _quiet(judged: Judged) -> Ruling:
    what = f"{judged.furthest} moved, but" if judged.moved else f"nothing moved beyond noise in {judged.these},"
    why = f"a training is not worth it (from {percent(judged.limits.worth)} off its loss): {judged.gain}"
    return TrainReason.QUIET, f"{what} {why}; {judged.against}"


Rule = Callable[[Judged], Ruling | None]
RULES: Final[Sequence[Rule]] = (
    _broken, _too_few, _new_state, _error, _drift, _learning, _live_drift, _quiet
)  # fmt: skip
"""The first that speaks decides."""
TRAINS: Final = frozenset(
    {
        TrainReason.BASELINE,
        TrainReason.NEW_STATE,
        TrainReason.ERROR,
        TrainReason.DRIFT,
        TrainReason.LEARNING,
        TrainReason.LIVE_DRIFT,
        TrainReason.ASKED,
    }
)
"""The reasons that call for a training; ASKED is no rule's, see `relevo_jobs.decide.asking`."""


def judged_together(untrained: Sequence[BatchRef], needed: int) -> list[BatchRef]:
    """The batches judged as one, oldest first: the newest, and while they are too few rows, small ones before it.

    `untrained` has the newest first.
    """
    chosen = list(untrained[:1])
    for earlier in untrained[1:]:
        if sum(b.kept for b in chosen) >= needed or earlier.kept >= needed:
            break
        chosen.append(earlier)
    return chosen[::-1]


def decide(champion: Champion | None, case: Case, limits: Limits) -> TrainVerdict:
    """The verdict on a case, with its evidence."""
    if champion is None:
        return _without_champion(case)
    if not len(case):
        return TrainVerdict(train=False, reason=TrainReason.TOO_FEW_ROWS, sentence="cleaning kept no row of the batch")
    found = evidence(champion.profile, case.columns, limits.false_alarms, case.identity)
    live = None if case.live is None else live_evidence(champion.profile, case.live, case.columns, limits)
    suspected = _looks_broken(champion.profile, case, limits)
    error, expected = _error_evidence(champion, case, limits), _expected_gain(champion, case, limits)
    judged = Judged(champion, case, limits, found, error, expected, live, suspected)
    reason, sentence = next(ruling for rule in RULES if (ruling := rule(judged)))
    if reason in TRAINS and case.lacking is not None:
        reason, sentence = TrainReason.TOO_FEW_ROWS, f"{sentence}; but {case.lacking}"
    broken = reason is TrainReason.BROKEN_COLUMN
    places, share = judged.hardly_known if reason is TrainReason.NEW_STATE else ((), None)
    return TrainVerdict(
        train=reason in TRAINS,
        reason=reason,
        sentence=sentence if broken else _warned(judged, sentence),
        moved=tuple(e.column for e in judged.moved),
        excluded=case.batches if broken else (),
        defects=suspected,
        new_places=places,
        in_new_places=share,
        columns=found,
        error=error,
        expected=expected,
        live=live,
    )


def _without_champion(case: Case) -> TrainVerdict:
    there = rows_of(case.untrained)
    if case.untrained < FEWEST_ROWS:
        sentence = f"no model yet, and {there} in all are too few for one (at least {FEWEST_ROWS})"
        return TrainVerdict(train=False, reason=TrainReason.TOO_FEW_ROWS, sentence=sentence)
    if case.lacking is not None:
        sentence = f"no model yet, and {case.lacking}; it waits for the next batch"
        return TrainVerdict(train=False, reason=TrainReason.TOO_FEW_ROWS, sentence=sentence)
    sentence = f"no model yet: the first learns from what there is, {there}"
    return TrainVerdict(train=True, reason=TrainReason.BASELINE, sentence=sentence)


def _error_evidence(champion: Champion, case: Case, limits: Limits) -> ErrorEvidence:
    task = case.data.predicts
    actual = task.scaled(case.columns[case.data.target])
    now = task.headline(actual, champion.predicted, case.identity)
    promised = champion.profile.promised
    expected = case.past.expected(promised, now)
    held = None if champion.quantile is None else covered(actual, champion.predicted, champion.quantile)
    return ErrorEvidence(
        now=now,
        promised=promised,
        rows=len(case),
        worse=now.low > promised.high and now.value > promised.value * (1 + limits.error_margin),
        expected=expected,
        kept=now.value <= expected.high,
        coverage=held and held[0],
        stretch=held and held[1] * champion.stretch,
    )


def _expected_gain(champion: Champion, case: Case, limits: Limits) -> ExpectedGain:
    found, trained_on = case.measured, champion.profile.rows
    return ExpectedGain(
        measured=found and found.gain,
        learnt_from=found.learnt_from if found else 0,
        tried_on=found.tried_on if found else 0,
        by_curve=by_curve(champion.profile.learning, trained_on, case.learns),
        believed=believed(case.past.gains),
        worth=limits.worth,
        waiting=case.learns,
        trained_on=trained_on,
    )
