"""The decision record: what was decided for one batch, with the evidence; an artifact of the batch's MLflow run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from relevo_contract.estimates import Estimate as Estimate  # noqa: PLC0414  # a record's readers find it here
from relevo_contract.estimates import Strict as Strict  # noqa: PLC0414
from relevo_contract.previous import Previous, RolledBack
from relevo_contract.rehearsal import Rehearsal


class BatchRef(Strict):
    """Which batch is spoken of: the answer `number` of the source to `group`, body's SHA-256 in hex."""

    group: int
    number: int
    sha256: str
    rows: int
    """Rows as they came."""
    kept: int
    """Rows that cleaning kept."""


class Distribution(Strict):
    """A column before (the champion's training data) and now, over the same bins or categories; counts of rows."""

    edges: tuple[float, ...] = ()
    """Of a number: `len(before) == len(edges) + 1`, the first and the last bin open. A date is its year."""
    categories: tuple[str, ...] = ()
    """Of a category: one a count, and one count more, of all the others."""
    before: tuple[int, ...]
    now: tuple[int, ...]


class ColumnEvidence(Strict):
    """How far one column of the batch is from the champion's training data."""

    column: str
    method: Literal["jensen_shannon", "wasserstein", "psi"]
    distance: float
    limit: float
    """The largest distance that noise alone is expected to give at this batch size."""
    moved: bool
    missing_before: float
    """Share of missing values in the champion's training data, 0 to 1."""
    missing_now: float
    unseen: float | None = None
    """Share of rows with a category that the champion never saw; None for numbers."""
    new_categories: tuple[str, ...] = ()
    """The most frequent of those categories, at most ten."""
    distribution: Distribution | None = None
    """None in records before it was kept."""


class ErrorEvidence(Strict):
    """The champion's headline on this batch against its promise on its own held-out rows."""

    now: Estimate
    promised: Estimate
    rows: int
    worse: bool
    expected: Estimate | None = None
    """The promise as such promises were kept so far, with the interval that nine batches in ten fall into; None, as
    with what follows, in records before it was kept."""
    kept: bool | None = None
    """Whether the error lies in that interval, or below it."""
    coverage: float | None = None
    """The share of the rows within the prediction interval that is said to hold nine in ten; None for probabilities."""
    stretch: float | None = None
    """How many times as wide as by the held-out rows that interval must be to hold nine rows in ten of these."""


class ExpectedGain(Strict):
    """What a training is expected to take off the mean loss of the rows to come, as shares of it: 0.05 is 5 %."""

    measured: Estimate | None = None
    """By what a correction of the champion takes off, that is learnt on the older rows waiting and tried on the newer;
    its 90 % interval. None: too few wait."""
    learnt_from: int = 0
    """Rows that the correction was learnt on..."""
    tried_on: int = 0
    """...and those that came after them, on which it was tried."""
    by_curve: Estimate | None = None
    """By the champion's learning curve, for the rows that wait; its 90 % interval. None: it has none."""
    believed: float = 1.0
    """Of what earlier trainings were expected to take off, the share that they did, by their hold-outs."""
    worth: float
    """The share from which a training is made."""
    waiting: int
    """Rows that a training would learn from beside..."""
    trained_on: int
    """...those that the champion did."""


class LiveEvidence(Strict):
    """How far what the inference API was asked is from the champion's training data."""

    rows: int
    since: datetime
    until: datetime
    columns: tuple[ColumnEvidence, ...]
    """Against what the champion was trained on, the furthest beyond noise first; houses asked for have no price."""
    with_batch: tuple[ColumnEvidence, ...] = ()
    """The same against that and the rows judged together: what a training would be nearer to."""
    closer: tuple[str, ...] = ()
    """Columns that moved and that a training on these rows would bring closer."""


class TrainReason(StrEnum):
    """Why `decide` said yes or no; a closed list, documented in docs/decisions.md."""

    BASELINE = "baseline"
    NEW_STATE = "new_state"
    ERROR = "error"
    DRIFT = "drift"
    LEARNING = "learning"
    LIVE_DRIFT = "live_drift"
    QUIET = "quiet"
    TOO_FEW_ROWS = "too_few_rows"
    BROKEN_COLUMN = "broken_column"
    ASKED = "asked"


class Asked(Strict):
    """What somebody asked for, and what the data alone called for."""

    id: str
    """Of the ask: each is honoured once."""
    reason: str
    data_alone: TrainReason
    data_alone_sentence: str


class DefectKind(StrEnum):
    """How a column looks broken; a closed list, documented in docs/decisions.md."""

    LOST = "lost"
    STUCK = "stuck"
    UNIT = "unit"


class Defect(Strict):
    """A column that looks broken rather than moved."""

    column: str
    kind: DefectKind
    what: str
    """For a person, with the figures."""


class TrainVerdict(Strict):
    """Whether to train, and why."""

    train: bool
    reason: TrainReason
    sentence: str
    """For a person, with the figures."""
    moved: tuple[str, ...] = ()
    """Columns, most first."""
    excluded: tuple[int, ...] = ()
    """Batches that no training uses unless they are taken back, for a column of theirs is broken."""
    defects: tuple[Defect, ...] = ()
    """Columns that look broken. Where the champion does not err more than it promised, they are a warning, and the
    batch is used."""
    new_places: tuple[str, ...] = ()
    """Where the reason is NEW_STATE, places that the champion hardly knows, most rows first, at most four..."""
    in_new_places: float | None = None
    """...and the share of the judged rows in all such places; None, also, in records before it was kept."""
    columns: tuple[ColumnEvidence, ...] = ()
    error: ErrorEvidence | None = None
    expected: ExpectedGain | None = None
    """None without a champion, and in records before it was kept."""
    live: LiveEvidence | None = None
    """None where inferences are not stored, or too few."""
    asked: Asked | None = None
    """Set if, and only if, the reason is ASKED."""
    previous: Previous | None = None
    """None where the champion took over from none, the batch is left out, or in records before it was kept."""


class TakenBack(Strict):
    """Batches that a decision left out and somebody took back: trainings use them again."""

    batches: tuple[int, ...]
    by: str
    at: datetime
    reason: str = ""


class Training(Strict):
    """What was trained; `version` is None until it is registered."""

    version: int | None
    batches: tuple[int, ...]
    rows: int
    seed: int
    parameters: dict[str, float | int | str]
    seconds: float
    onnx_difference: float
    """Largest absolute difference between ONNX Runtime and XGBoost, in log price."""


class Criterion(StrEnum):
    """Which criterion promoted or rejected a challenger; a closed list, documented in docs/decisions.md."""

    FIRST_BEATS_BASELINE = "first_beats_baseline"
    BETTER = "better"
    NOT_BETTER_THAN_BASELINE = "not_better_than_baseline"
    NOT_BETTER = "not_better"
    STATE_WORSE = "state_worse"
    TOO_FEW_ROWS = "too_few_rows"
    CHANGES_TOO_MUCH = "changes_too_much"
    NOT_FINITE = "not_finite"

    @classmethod
    def _missing_(cls, value: object) -> Criterion | None:
        """As records of releases before 0.4 have it, where all baselines were medians."""
        return cls(value.replace("median", "baseline")) if isinstance(value, str) and "median" in value else None


class StateComparison(Strict):
    """Champion and challenger on one state's held-out rows: their headlines, and the difference that decides."""

    state: str
    rows: int
    things: int | None = None
    """How many different things the rows are of; None, as with `shrunk`, in records before it was kept."""
    champion: float
    challenger: float
    difference: Estimate
    """By the state's rows alone."""
    shrunk: Estimate | None = None
    """The same drawn towards all states, as far as it is unsure: the state is worse if this is above the tolerance."""
    worse: bool


class Promotion(Strict):
    """Whether the challenger becomes production, and why. `champion` is the baseline's error for the first version.

    Figures are those of the data set's task (`relevo_contract.tasks`): what people read, and what decides.
    """

    promoted: bool
    criterion: Criterion
    sentence: str
    rows: int
    """Held-out rows on which both were judged."""
    champion_version: int | None
    challenger_version: int
    champion: Estimate
    """The task's headline, with its 95 % interval."""
    challenger: Estimate
    difference: Estimate
    """Mean loss, challenger minus champion, paired by row, the newest batches weighing most; below zero is better."""
    gain: float | None = None
    """The share of the champion's mean loss that the challenger takes off; None in records before it was kept."""
    states: tuple[StateComparison, ...] = ()
    """At most a hundred: those that became worse, and of the others those with most rows."""
    states_more: int = 0
    """How many there are beside them."""
    states_between: float | None = None
    """The standard deviation between all states of what is true of them; None without states."""
    rehearsal: Rehearsal | None = None
    """What customers would notice; None for the first version, and in records before it was kept."""


class DecisionRecord(Strict):
    """Everything decided for one batch."""

    batch: BatchRef
    champion_version: int | None
    """The version in production when the batch came."""
    decided_at: datetime
    decision: TrainVerdict
    training: Training | None = None
    promotion: Promotion | None = None
    origin: dict[str, int] | None = None
    """Rows kept by state, the most frequent first, at most ten; the empty name is of rows without one."""
    rejected: dict[str, int] | None = None
    """Rows that cleaning left out, by its reason; None, as with `origin`, where that is not known."""
    taken_back: tuple[TakenBack, ...] = ()
    """Of the batches that the decision left out, those that somebody took back, and who, and when."""
    rolled_back: RolledBack | None = None
    """Set where what the decision says of the version before gave the alias back to it."""
    airflow_run: str | None = None
    """The id of the Airflow run in which it was decided; None without Airflow."""

    def outline(self) -> DecisionRecord:
        """The record without its evidence by column and by state: what a line of a history needs, in some kilobytes."""
        decision = self.decision.model_copy(update={"columns": (), "live": None})
        promotion = self.promotion
        if promotion is not None:
            rehearsal = promotion.rehearsal and promotion.rehearsal.outline()
            promotion = promotion.model_copy(update={"states": (), "rehearsal": rehearsal})
        return self.model_copy(update={"decision": decision, "promotion": promotion})
