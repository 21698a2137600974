"""Whether a batch calls for a training, and why, as a pure function. The rules stand in docs/decisions.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.drift import evidence
from relevo_contract.figures import percent
from relevo_contract.identity import Identity
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_contract.profiling import categories
from relevo_contract.record import (
    BatchRef,
    ColumnEvidence,
    Defect,
    ErrorEvidence,
    LiveEvidence,
    TrainReason,
    TrainVerdict,
)
from relevo_jobs.decide.defects import defects
from relevo_jobs.decide.live import LiveInputs, live_evidence
from relevo_jobs.wording import listed, rows_of


@dataclass(frozen=True)
class Limits:
    """Where the rules draw their lines; each is a setting of `relevo-job decide`, measured in benchmarks/policy."""

    rows: int = 400
    """Rows that are enough to judge, whatever the champion was trained on; see `rows_needed`."""
    error_margin: float = 0.25
    """How much above its promise, relatively, the champion's error must be beside being above it beyond noise."""
    new_state: float = 0.05
    """Rows in places (states) the champion hardly knows, as a share of its training rows, from which they weigh."""
    new_places: float = 0.4
    """Share of rows in finer places (cities, zip codes) it never saw from which inputs have moved enough."""
    waiting: float = 0.25
    """Rows waiting untrained, as a share of the champion's training rows, from which moved inputs are worth one."""
    false_alarms: float = 0.01
    """Rate at which a batch that did not move may have a column marked as moved."""
    live_gain: float = 0.05
    """How much nearer to what is asked the rows judged must bring a training, as a share of the distance."""
    trusted: frozenset[str] = frozenset()
    """Columns that are never called broken."""


FEWEST_ROWS: Final = 100
"""Below this nothing is judged, and no first model trained."""
SHARE_OF_TRAINING: Final = 0.2
"""Rows worth judging as a share of the training rows: fewer would hardly change a model."""
KNOWN_STATE: Final = 30
"""Training rows from which the champion knows a place (a twentieth, if it had few): stray rows teach it nothing."""
MOST_ROWS: Final = 0.5
"""Share of the judged rows from which new places weigh, however much the champion was trained on."""


@dataclass(frozen=True)
class Champion:
    """The version in production, as far as a decision needs it."""

    version: int
    profile: Profile
    predicted: NDArray[np.float64]
    """Its answers for the rows judged, on the task's scale, (n,)."""


@dataclass(frozen=True)
class Case:
    """What is to be judged: the rows of one batch, or of several that were too small each."""

    columns: Columns
    """The n rows, with the target."""
    batches: tuple[int, ...]
    """The numbers they came in."""
    untrained: int
    """Rows that cleaning kept and the champion was not trained on, these among them."""
    data: DataSet
    """What the columns are."""
    live: LiveInputs | None = None
    """What the inference API was asked; None if that is not known."""
    lacking: str | None = None
    """What a training would lack of its rows, in words; None: it has enough."""
    identity: Identity | None = None
    """Which rows are of one thing, (n,); None: each is its own."""

    def __len__(self) -> int:
        return len(self.columns[self.data.target])


@dataclass(frozen=True)
class _Judged:
    """A case with a champion, and the evidence found."""

    champion: Champion
    case: Case
    limits: Limits
    found: tuple[ColumnEvidence, ...]
    error: ErrorEvidence
    live: LiveEvidence | None
    defects: tuple[Defect, ...]

    @property
    def rows(self) -> int:
        return len(self.case)

    @property
    def these(self) -> str:
        batches = self.case.batches
        together = f" of batches {listed([str(number) for number in batches])} together" if len(batches) > 1 else ""
        return rows_of(self.rows) + together

    @cached_property
    def moved(self) -> tuple[ColumnEvidence, ...]:
        return tuple(e for e in self.found if e.moved)

    @property
    def furthest(self) -> str:
        named = [f"{e.column} ({e.distance:.2f}, noise {e.limit:.2f})" for e in self.moved[:3]]
        more = [f"{len(self.moved) - 3} more"] if len(self.moved) > 3 else []
        return listed(named + more)

    @property
    def against(self) -> str:
        task, unit = self.case.data.predicts, self.case.data.unit
        now, promised = (task.told(figure, unit) for figure in (self.error.now, self.error.promised))
        return f"version {self.champion.version} {task.errs} {now} here, promised {promised}"


Ruling = tuple[TrainReason, str]
"""A reason and its sentence."""


def rows_needed(profile: Profile | None, limits: Limits) -> int:
    """Rows from which a batch is judged: a fifth of the champion's training rows, within bounds."""
    if profile is None:
        return FEWEST_ROWS
    return min(limits.rows, max(FEWEST_ROWS, round(SHARE_OF_TRAINING * profile.rows)))


def _too_few(judged: _Judged) -> Ruling | None:
    needed = rows_needed(judged.champion.profile, judged.limits)
    if judged.rows >= needed:
        return None
    return TrainReason.TOO_FEW_ROWS, (
        f"{judged.these} are too few to tell a change from noise (at least {needed}); they wait for the next batch"
    )


def _broken(judged: _Judged) -> Ruling | None:
    # A column alone cannot tell a defect from a summer: the champion errs where a defect reaches it, and where the
    # target is what broke. What it prices as well as ever is worth learning from.
    if not judged.defects or not judged.error.worse:
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


def _warned(judged: _Judged, sentence: str) -> str:
    """A verdict's sentence with what looks broken and is not called so."""
    if not judged.defects:
        return sentence
    return f"{sentence}; warning: {_told(judged.defects)}, but the error does not say that it is broken"


def _new_state(judged: _Judged) -> Ruling | None:
    place = judged.case.data.place
    known = None if place is None else judged.champion.profile.columns.get(place)
    if place is None or not isinstance(known, CategoricalProfile):  # added or retyped since, all places would be new
        return None
    counts = known.counts
    enough = min(KNOWN_STATE, judged.champion.profile.rows / 20)
    spelled = categories(judged.case.columns, place)
    new = Counter(name for name in spelled if name is not None and counts.get(name, 0) < enough)
    rows = sum(new.values())
    if rows < min(MOST_ROWS * judged.rows, judged.limits.new_state * judged.champion.profile.rows) or not rows:
        return None
    written = [str(judged.case.columns[place][spelled.index(name)]) for name, _ in new.most_common(4)]
    return TrainReason.NEW_STATE, (
        f"{percent(rows / judged.rows)} of {judged.these} are in {listed(written)}, which version "
        f"{judged.champion.version} hardly knows; {judged.against}"
    )


def _error(judged: _Judged) -> Ruling | None:
    if not judged.error.worse:
        return None
    cause = f"; {judged.furthest} moved" if judged.moved else ""
    return TrainReason.ERROR, f"{judged.against}: worse beyond noise on {judged.these}{cause}"


def _drift(judged: _Judged) -> Ruling | None:
    # Of all that was measured, the share of places never seen says best what a training gains (docs/decisions.md).
    within = [(e.unseen or 0.0, e.column) for e in judged.found if e.column in judged.case.data.within]
    training, untrained = judged.champion.profile.rows, judged.case.untrained
    waits = f"{rows_of(untrained)} wait untrained beside {training:,} trained on; {judged.against}"
    unseen, place = max(within, default=(0.0, ""))
    if place and unseen >= judged.limits.new_places and untrained >= judged.limits.waiting * training:
        never_saw = f"have a {place} that version {judged.champion.version} never saw"
        return TrainReason.DRIFT, f"{percent(unseen)} of {judged.these} {never_saw}, and {waits}"
    if judged.moved and untrained >= training:
        return TrainReason.DRIFT, f"{judged.furthest} moved beyond noise, and {waits}"
    return None


def _live_drift(judged: _Judged) -> Ruling | None:
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


def _quiet(judged: _Judged) -> Ruling:
    if not judged.moved:
        return TrainReason.QUIET, f"nothing moved beyond noise in {judged.these}; {judged.against}"
    return TrainReason.QUIET, (
        f"{judged.furthest} moved, not enough to train: {judged.against}, and {rows_of(judged.case.untrained)} wait "
        f"untrained beside {judged.champion.profile.rows:,} trained on"
    )


Rule = Callable[[_Judged], Ruling | None]
RULES: Final[Sequence[Rule]] = (_broken, _too_few, _new_state, _error, _drift, _live_drift, _quiet)
"""The first that speaks decides."""
TRAINS: Final = frozenset(
    {
        TrainReason.BASELINE,
        TrainReason.NEW_STATE,
        TrainReason.ERROR,
        TrainReason.DRIFT,
        TrainReason.LIVE_DRIFT,
        TrainReason.ASKED,
    }
)
"""The reasons that call for a training; ASKED is no rule's, see `relevo_jobs.decide.asking`."""


def judged_together(untrained: Sequence[BatchRef], needed: int) -> list[BatchRef]:
    """The batches judged as one, oldest first: the newest, and while they are too few rows, small ones before it.

    `untrained` has the newest first, `needed` is of `rows_needed`.
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
    judged = _Judged(champion, case, limits, found, _error_evidence(champion, case, limits), live, suspected)
    reason, sentence = next(ruling for rule in RULES if (ruling := rule(judged)))
    if reason in TRAINS and case.lacking is not None:
        reason, sentence = TrainReason.TOO_FEW_ROWS, f"{sentence}; but {case.lacking}"
    broken = reason is TrainReason.BROKEN_COLUMN
    return TrainVerdict(
        train=reason in TRAINS,
        reason=reason,
        sentence=sentence if broken else _warned(judged, sentence),
        moved=tuple(e.column for e in judged.moved),
        excluded=case.batches if broken else (),
        defects=suspected,
        columns=found,
        error=judged.error,
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
    now = task.headline(task.scaled(case.columns[case.data.target]), champion.predicted, case.identity)
    promised = champion.profile.promised
    worse = now.low > promised.high and now.value > promised.value * (1 + limits.error_margin)
    return ErrorEvidence(now=now, promised=promised, rows=len(case), worse=worse)
