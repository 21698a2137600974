"""What a version remembers of its training data, so that later batches can be held against it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.categories import word, zip_word
from relevo_contract.data_set import Columns, DataSet
from relevo_contract.profile import CategoricalProfile, ColumnProfile, NumericProfile, Profile
from relevo_contract.record import Estimate

LEVELS: Final = (0.01, *(level / 20 for level in range(1, 20)), 0.99)
"""Quantiles of the training data that become edges: twentieths, so that each bin has rows enough to compare, and the
outermost hundredths, beyond which half a batch can lie only if its unit is wrong."""


def numbers(columns: Columns, name: str) -> NDArray[np.float64]:
    """A column of numbers or dates as float64 (n,), NaN where missing; a date is its year with a fraction."""
    values = columns[name]
    if not np.issubdtype(values.dtype, np.datetime64):
        return np.asarray(values, dtype=np.float64)
    missing = np.isnat(values)
    days = np.where(missing, np.datetime64("1970-01-01", "D"), values).astype("datetime64[D]").astype(np.int64)
    return np.where(missing, np.nan, 1970 + days / 365.2425)


def categories(columns: Columns, name: str) -> list[str | None]:
    """A column of text, one spelling a category, None where missing; (n,). A `zip_code` is spelt as a US zip code."""
    spell = zip_word if name == "zip_code" else word
    return [spell(value) for value in columns[name]]


def numeric_profile(values: NDArray[np.float64]) -> NumericProfile:
    """Bins `[edge, next edge)` at the LEVELS of the values that are there; (n,), NaN where missing."""
    there = values[~np.isnan(values)]
    edges = np.unique(np.quantile(there, LEVELS, method="inverted_cdf")) if len(there) else np.empty(0)
    return NumericProfile(
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in bin_counts(edges, there)),
        missing=len(values) - len(there),
    )


def bin_counts(edges: Sequence[float] | NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows in each bin between (m,) edges, the first and last bin open; (m + 1,)."""
    bins: NDArray[Any] = np.searchsorted(np.asarray(edges, dtype=np.float64), there, side="right")
    return np.bincount(bins, minlength=len(edges) + 1).astype(np.int64)


def categorical_profile(found: Sequence[str | None] | Mapping[str | None, int]) -> CategoricalProfile:
    """Counts by category, the most frequent first; of rows, or of how many rows each has."""
    counts = Counter(found)
    missing = counts.pop(None, 0)
    return CategoricalProfile(counts={str(k): n for k, n in counts.most_common()}, missing=missing)


def build_profile(data: DataSet, columns: Columns, batches: Sequence[int], promised: Estimate) -> Profile:
    """The profile of a version's training rows (with the target), the batches they came in, its error's promise.

    `promised` is the median absolute percentage error on rows held out (0.2 is 20 %), with its 95 % interval.
    """
    rows = len(columns[data.target])
    return Profile(rows=rows, batches=tuple(batches), columns=column_profiles(data, columns), promised=promised)


def column_profiles(data: DataSet, columns: Columns) -> dict[str, ColumnProfile]:
    """The profile of each of the data set's numbers, and of the categories that are compared."""
    profiles: dict[str, ColumnProfile] = {name: numeric_profile(numbers(columns, name)) for name in data.numbers}
    return profiles | {name: categorical_profile(categories(columns, name)) for name in data.compared}
