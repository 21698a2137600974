"""The profile: the distributions of the data a version was trained on, as data, for drift."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from relevo_contract.record import Estimate


class _Profile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumericProfile(_Profile):
    """Counts in the bins `[edge, next edge)`; `len(counts) == len(edges) + 1`: the first and last bins are open.

    Of a version trained since 0.3 the open bins hold no row of the training data (`profiling.counted_profile`). Earlier
    ones have the outermost hundredths there; they are judged by the bins they have.
    """

    kind: Literal["numeric"] = "numeric"
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int


class CategoricalProfile(_Profile):
    """Counts by category."""

    kind: Literal["categorical"] = "categorical"
    counts: dict[str, int]
    missing: int


ColumnProfile = Annotated[NumericProfile | CategoricalProfile, Field(discriminator="kind")]


class Profile(_Profile):
    """The training data of one version, column by column (the target included), and the error it promises."""

    rows: int
    batches: tuple[int, ...]
    columns: dict[str, ColumnProfile]
    promised: Estimate
    """Median APE on the held-out rows, with its 95 % interval."""
    copies: float = 1.0
    """How many rows a row's thing has (`identity.copies`), of the held-out rows: all rows of a thing are among them, or
    none, so that it is the training rows' figure, too."""
