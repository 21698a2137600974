"""What a version remembers of its training data, so that later batches can be held against it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import spelling
from relevo_contract.profile import CategoricalProfile, ColumnProfile, NumericProfile

PERCENT: Final = (0, 1, *range(5, 55, 5))
"""Percent of the training data, counted from below and from above alike, at which bins end: twentieths, so that each
bin has rows enough to compare; the outermost hundredths, beyond which half a batch hardly lies unless its unit is
wrong; and the smallest and the largest value, beyond which nothing was seen."""
HEAVY: Final = 20
"""A value that one row in so many has is a bin of its own: what moves off it moves, however near it stays."""


def numbers(columns: Columns, name: str) -> NDArray[np.float64]:
    """A column of numbers or dates as float64 (n,), NaN where missing; a date is its year with a fraction."""
    values = columns[name]
    if not np.issubdtype(values.dtype, np.datetime64):
        return np.asarray(values, dtype=np.float64)
    missing = np.isnat(values)
    days = np.where(missing, np.datetime64("1970-01-01", "D"), values).astype("datetime64[D]").astype(np.int64)
    return np.where(missing, np.nan, 1970 + days / 365.2425)


def categories(columns: Columns, name: str) -> list[str | None]:
    """A column of text, one spelling a category, None where missing; (n,)."""
    return [spelling(value) or None for value in columns[name]]


def numeric_profile(values: NDArray[np.float64]) -> NumericProfile:
    """The profile of the values that are there; (n,), NaN where missing."""
    there = values[~np.isnan(values)]
    found, counts = np.unique(there, return_counts=True)
    return counted_profile(found, counts.astype(np.int64), len(values) - len(there))


def counted_profile(values: NDArray[np.float64], counts: NDArray[np.int64], missing: int) -> NumericProfile:
    """The same from how often each value comes, (m,) both, the values ascending.

    The first bin and the last one are empty: what lies there is below or above all that was seen. The bins of mirrored
    values are the mirrored bins, so that a column that rises is judged as one that falls.
    """
    if not len(values):
        return NumericProfile(edges=(), counts=(0,), missing=missing)
    rows, reached = int(counts.sum()), np.cumsum(counts)
    ranks = np.array([max(1, -(-rows * percent // 100)) for percent in PERCENT])  # whole numbers: nothing is rounded
    from_below = values[np.searchsorted(reached, ranks)]
    from_above = values[np.searchsorted(reached, rows + 1 - ranks)]
    heavy = values[counts * HEAVY >= rows]
    just_above = np.nextafter([*from_above, *heavy], np.inf)  # an edge that leaves a value below it
    edges = np.unique(np.concatenate([from_below, heavy, just_above]))
    bins = bin_counts(edges, values, counts)
    return NumericProfile(edges=tuple(edges.tolist()), counts=tuple(bins.tolist()), missing=missing)


def bin_counts(
    edges: Sequence[float] | NDArray[np.float64], there: NDArray[np.float64], rows: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Rows in each bin `[edge, next edge)` between (m,) edges, the first and last bin open; (m + 1,).

    A value that is there is one row, or so many `rows`.
    """
    bins: NDArray[Any] = np.searchsorted(np.asarray(edges, dtype=np.float64), there, side="right")
    return np.bincount(bins, rows, minlength=len(edges) + 1).astype(np.int64)


def categorical_profile(found: Sequence[str | None] | Mapping[str | None, int]) -> CategoricalProfile:
    """Counts by category, the most frequent first; of rows, or of how many rows each has."""
    counts = Counter(found)
    missing = counts.pop(None, 0)
    return CategoricalProfile(counts={str(k): n for k, n in counts.most_common()}, missing=missing)


def column_profiles(data: DataSet, columns: Columns) -> dict[str, ColumnProfile]:
    """The profile of each of the data set's numbers, and of the categories that are compared."""
    profiles: dict[str, ColumnProfile] = {name: numeric_profile(numbers(columns, name)) for name in data.numbers}
    return profiles | {name: categorical_profile(categories(columns, name)) for name in data.compared}
