"""The profile: the distributions of the data a version was trained on, as data, for drift."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from relevo_contract.record import Estimate, Strict


class NumericProfile(Strict):
    """Counts in the bins `[edge, next edge)`; `len(counts) == len(edges) + 1`: the first and last bins are open.

    They hold no row of the training data (`profiling.counted_profile`); of a version older than 0.3 the outermost
    hundredths, by which it is judged.
    """

    kind: Literal["numeric"] = "numeric"
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int


class CategoricalProfile(Strict):
    """Counts by category."""

    kind: Literal["categorical"] = "categorical"
    counts: dict[str, int]
    missing: int


ColumnProfile = Annotated[NumericProfile | CategoricalProfile, Field(discriminator="kind")]


class LearningCurve(Strict):
    """How the mean loss on the held-out rows falls as a plain model of the kind is given more of the training rows."""

    rows: tuple[int, ...]
    """A quarter of the training rows, half of them, all: each twice the one before."""
    losses: tuple[float, ...]
    """The mean loss with so many."""
    last: Estimate
    """What the last doubling changed, paired by row, with its 90 % interval; below zero is a fall."""


class Profile(Strict):
    """The training data of one version, column by column (the target included), and the error it promises."""

    rows: int
    batches: tuple[int, ...]
    columns: dict[str, ColumnProfile]
    promised: Estimate
    """Median APE on the held-out rows, with its 95 % interval."""
    copies: float = 1.0
    """How many rows a row's thing has (`identity.copies`): of the held-out rows, which is the training rows' figure,
    too, for all rows of a thing are among them, or none."""
    learning: LearningCurve | None = None
    """None where there were too few rows, and in versions of releases before 0.5."""
