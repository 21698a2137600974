"""What a version remembers of its training data, so that later batches can be held against it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.categories import word, zip_word
from relevo_contract.listing import NUMERIC, TARGET, Columns
from relevo_contract.profile import CategoricalProfile, ColumnProfile, NumericProfile, Profile
from relevo_contract.record import Estimate

NUMBERS: Final = (TARGET, *NUMERIC, "prev_sold_date")
"""Columns held as numbers; a date counts as its year with a fraction."""
CATEGORIES: Final = ("state", "city", "zip_code", "brokered_by", "status")
"""Columns held as categories. Not `street`: almost every house has its own, so its distribution says nothing."""

LEVELS: Final = (0.01, *(level / 20 for level in range(1, 20)), 0.99)
"""Quantiles of the training data that become edges: twentieths, so that each bin has rows enough to compare, and the
outermost hundredths, beyond which half a batch can lie only if its unit is wrong."""


def numbers(columns: Columns, name: str) -> NDArray[np.float64]:
    """A column of NUMBERS as float64 (n,), NaN where missing."""
    values = columns[name]
    if not np.issubdtype(values.dtype, np.datetime64):
        return np.asarray(values, dtype=np.float64)
    missing = np.isnat(values)
    days = np.where(missing, np.datetime64("1970-01-01", "D"), values).astype("datetime64[D]").astype(np.int64)
    return np.where(missing, np.nan, 1970 + days / 365.2425)


def categories(columns: Columns, name: str) -> list[str | None]:
    """A column of CATEGORIES in the spelling the encoder knows it by, None where missing; (n,)."""
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


def categorical_profile(found: Sequence[str | None]) -> CategoricalProfile:
    """Counts by category, the most frequent first."""
    counts = Counter(found)
    missing = counts.pop(None, 0)
    return CategoricalProfile(counts={str(k): n for k, n in counts.most_common()}, missing=missing)


def build_profile(columns: Columns, batches: Sequence[int], promised: Estimate) -> Profile:
    """The profile of a version's training rows (with `price`), the batches they came in and its error's promise.

    `promised` is the median absolute percentage error on rows held out (0.2 is 20 %), with its 95 % interval.
    """
    profiles: dict[str, ColumnProfile] = {name: numeric_profile(numbers(columns, name)) for name in NUMBERS}
    profiles |= {name: categorical_profile(categories(columns, name)) for name in CATEGORIES}
    return Profile(rows=len(columns[TARGET]), batches=tuple(batches), columns=profiles, promised=promised)
