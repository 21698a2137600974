"""What a decision is made on: the batches judged, the champion, the lines drawn, and the evidence found. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.estimates import Estimate
from relevo_contract.figures import percent
from relevo_contract.identity import Identity
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_contract.profiling import categories
from relevo_contract.record import ColumnEvidence, Defect, ErrorEvidence, ExpectedGain, LiveEvidence
from relevo_jobs.decide.gain import Measured
from relevo_jobs.decide.live import LiveInputs
from relevo_jobs.past import Past
from relevo_jobs.wording import listed, rows_of

KNOWN_STATE: Final = 30
"""Training rows from which the champion knows a place (a twentieth, if it had few): stray rows teach it nothing."""
NEW_NAMED: Final = 4
"""Of the places that it hardly knows so many are named."""
SURE: Final = 0.999
"""What is believed in full is not told."""


@dataclass(frozen=True)
class Limits:
    """Where the rules draw their lines; each is a setting of `relevo-job decide`, measured in benchmarks/policy."""

    rows: int = 100
    """Rows that are enough to judge."""
    error_margin: float = 0.25
    """How much above its promise, relatively, the champion's error must be beside being above it beyond noise, for a
    column that looks broken to be called so."""
    worth: float = 0.02
    """The share of the loss that a training must be expected to take off."""
    least_gain: float = 0.0
    """What the lower end of that expectation's interval must reach: 0 is beyond noise."""
    false_alarms: float = 0.01
    """Rate at which a batch that did not move may have a column marked as moved."""
    live_gain: float = 0.05
    """How much nearer to what is asked the rows judged must bring a training, as a share of the distance."""
    trusted: frozenset[str] = frozenset()
    """Columns that are never called broken."""
    leaves_out: bool = True
    """Whether a batch with a broken column is left out; else it is told, and used."""


@dataclass(frozen=True)
class Champion:
    """The version in production, as far as a decision needs it."""

    version: int
    profile: Profile
    predicted: NDArray[np.float64]
    """Its answers for the rows judged, on the task's scale, (n,)."""
    quantile: float | None = None
    """The absolute residual that its 90 % prediction intervals are made with; None: a probability has none."""
    stretch: float = 1.0
    """How many times as large as by its held-out rows that is."""


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
    learns: int = 0
    """Rows waiting that a training would learn from: all but the held-out."""
    measured: Measured | None = None
    """What a correction of the champion takes off the loss of rows that wait; None: too few do."""
    past: Past = field(default_factory=Past)
    """What earlier batches taught."""

    def __len__(self) -> int:
        return len(self.columns[self.data.target])


@dataclass(frozen=True)
class Judged:
    """A case with a champion, and the evidence found."""

    champion: Champion
    case: Case
    limits: Limits
    found: tuple[ColumnEvidence, ...]
    error: ErrorEvidence
    expected: ExpectedGain
    live: LiveEvidence | None
    defects: tuple[Defect, ...]

    @property
    def rows(self) -> int:
        """How many are judged."""
        return len(self.case)

    @property
    def these(self) -> str:
        """The rows judged, in a sentence."""
        batches = self.case.batches
        together = f" of batches {listed([str(number) for number in batches])} together" if len(batches) > 1 else ""
        return rows_of(self.rows) + together

    @cached_property
    def moved(self) -> tuple[ColumnEvidence, ...]:
        """The columns that moved beyond noise, the furthest first."""
        return tuple(e for e in self.found if e.moved)

    @cached_property
    def hardly_known(self) -> tuple[tuple[str, ...], float]:
        """The places that the champion hardly knows, most rows first, and the share of the rows in all of them."""
        place = self.case.data.place
        known = None if place is None else self.champion.profile.columns.get(place)
        if place is None or not isinstance(known, CategoricalProfile):  # added or retyped since: all new
            return (), 0.0
        enough = min(KNOWN_STATE, self.champion.profile.rows / 20)
        spelled = categories(self.case.columns, place)
        new = Counter(name for name in spelled if name is not None and known.counts.get(name, 0) < enough)
        written = (str(self.case.columns[place][spelled.index(name)]) for name, _ in new.most_common(NEW_NAMED))
        return tuple(written), sum(new.values()) / self.rows

    @property
    def furthest(self) -> str:
        """Of these the first three, in a sentence."""
        named = [f"{e.column} ({e.distance:.2f}, noise {e.limit:.2f})" for e in self.moved[:3]]
        more = [f"{len(self.moved) - 3} more"] if len(self.moved) > 3 else []
        return listed(named + more)

    @property
    def against(self) -> str:
        """The champion's error here beside what was to be expected of it."""
        task, unit = self.case.data.predicts, self.case.data.unit
        now, expected = (task.told(figure, unit) for figure in (self.error.now, self.error.expected) if figure)
        return f"version {self.champion.version} {task.errs} {now} here, expected {expected}"

    @property
    def pays(self) -> bool:
        """Whether a training is worth it by what the rows waiting themselves show."""
        return self._worth_it(self.expected.measured)

    @property
    def learns(self) -> bool:
        """Whether it is by the champion's learning curve."""
        return self._worth_it(self.expected.by_curve)

    def _worth_it(self, gain: Estimate | None) -> bool:
        if gain is None:
            return False
        value, low = (self.expected.believed * one for one in (gain.value, gain.low))
        return value >= self.limits.worth and low > self.limits.least_gain

    @property
    def gain(self) -> str:
        """What a training is expected to take off, and how that is known."""
        found, decides = self.expected, self.case.data.predicts.decides
        if found.measured is None:
            return f"too few rows wait to try what a training takes off its {decides}"
        share, low, high = (percent(one) for one in (found.measured.value, found.measured.low, found.measured.high))
        tried = f"learnt from {rows_of(found.learnt_from)} waiting and tried on the {found.tried_on:,} after them"
        kept = "" if found.believed > SURE else f"; of what was expected so far {percent(found.believed)} came"
        if found.measured.value <= 0:
            return f"a correction {tried} takes nothing off its {decides}"
        return f"a correction {tried} takes {share} ({low} to {high}) off its {decides}{kept}"
