"""What lies beside the graph in a model version, below `relevo/`: its promises, its self-test, its explanation."""

from __future__ import annotations

from pydantic import Field

from relevo_contract.record import Strict

Entry = float | str | None
"""A raw input as the graph takes it, in JSON: a number (a day is counted from 1970-01-01), a text, or None."""


class Example(Strict):
    """A row and what the graph answered for it when it was trained."""

    inputs: dict[str, Entry]
    """By column, before spelling; None where missing."""
    prediction: float
    """In the target's unit."""


class SelfTest(Strict):
    """What a freshly loaded version must reproduce before it may serve."""

    relative_tolerance: float = 1e-3
    examples: tuple[Example, ...] = Field(min_length=1)


class Residuals(Strict):
    """Quantiles of `|log(target) - log(prediction)|` over held-out rows, for split conformal intervals.

    Method: Papadopoulos et al. 2002; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression".
    """

    rows: int
    levels: tuple[float, ...]
    absolute: tuple[float, ...]
    """The quantiles, one a level."""
    stretch: float = 1.0
    """How many times as wide as by the held-out rows alone they are, for so much wider earlier versions' had to be."""

    def at(self, level: float) -> float:
        """The quantile of one of its levels. Raises ValueError if it is none."""
        return self.absolute[self.levels.index(level)]


class ShapleySummary(Strict):
    """What moves a version's predictions: Shapley values of the raw columns over a sample of its held-out rows.

    The typical row's prediction plus a row's values is the row's prediction, all in the target's unit (Lundberg & Lee
    2017, "A Unified Approach to Interpreting Model Predictions").
    """

    columns: tuple[str, ...]
    mean_absolute: tuple[float, ...]
    """One a column."""
    typical: Example
    inputs: tuple[tuple[Entry, ...], ...]
    """The sample, (rows, columns), as its `values` are."""
    values: tuple[tuple[float, ...], ...]


class HoldoutPredictions(Strict):
    """A version's own predictions for held-out rows of the batches it was trained on.

    Which rows are kept depends on the batch alone, so that two versions can be compared on the rows they share.
    """

    batches: tuple[int, ...]
    counts: tuple[int, ...]
    """Rows of each batch, in its order; `sum(counts)` is the number of rows below."""
    actual: tuple[float, ...]
    """The target on the task's scale, as `predicted` is."""
    predicted: tuple[float, ...]
    things: tuple[int, ...] = ()
    """The same number for rows of one thing, by which the rows are counted; empty: each is its own."""
    inputs: dict[str, tuple[Entry, ...]] = Field(default={})
    """By column what the newest batches' rows, which are the last ones, are of; none in releases before 0.5."""

    @property
    def described(self) -> int:
        """How many of the last rows have inputs."""
        return len(next(iter(self.inputs.values()), ()))


class Vocabulary(Strict):
    """Which finer places a version's training rows have in each place: a form offers a state's own cities."""

    within: dict[str, dict[str, tuple[str, ...]]]
    """By finer column and place its categories, the most frequent first, all in one spelling."""


class ManifestEntry(Strict):
    """One file of a version; `size` in bytes."""

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(Strict):
    """The files of a version that Relevo's parts read, so that one that was cut or exchanged is not served."""

    files: dict[str, ManifestEntry]
    """By path below the folder."""
