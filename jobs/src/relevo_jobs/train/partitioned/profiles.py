"""The profile of rows that nobody holds all of: exact, from how often each value comes. Pure.

Numbers come in cents, feet and days: a few ten thousand different ones, however many rows there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from relevo_contract.data_set import Columns
from relevo_contract.listing import LISTINGS
from relevo_contract.profile import ColumnProfile
from relevo_contract.profiling import categorical_profile, categories, counted_profile, numbers
from relevo_jobs.train.partitioned.sums import Sums, added, summed


@dataclass(frozen=True)
class Counts:
    """How often each value comes in some rows."""

    numbers: Mapping[str, Sums]
    missing: Mapping[str, int]
    """Of the numbers."""
    categories: Mapping[str, Mapping[str | None, int]]
    """In the order in which they came, None where missing."""


def counted(columns: Columns) -> Counts:
    """Of rows with `price`."""
    values = {name: numbers(columns, name) for name in LISTINGS.numbers}
    return Counts(
        {name: summed(value[~np.isnan(value)], [None]) for name, value in values.items()},
        {name: int(np.isnan(value).sum()) for name, value in values.items()},
        {name: Counter(categories(columns, name)) for name in LISTINGS.compared},
    )


def added_counts(parts: Sequence[Counts]) -> Counts:
    """Of all rows, from those of at least one partition, in their order."""
    found: dict[str, Counter[str | None]] = {name: Counter() for name in LISTINGS.compared}
    for part in parts:
        for name, counter in found.items():
            counter.update(part.categories[name])
    return Counts(
        {name: added([part.numbers[name] for part in parts]) for name in LISTINGS.numbers},
        {name: sum(part.missing[name] for part in parts) for name in LISTINGS.numbers},
        found,
    )


def profiles(counts: Counts) -> dict[str, ColumnProfile]:
    """As `relevo_contract.profiling.column_profiles` of the rows that were counted."""
    found: dict[str, ColumnProfile] = {
        name: counted_profile(sums.keys, sums.values[:, 0].astype(np.int64), counts.missing[name])
        for name, sums in counts.numbers.items()
    }
    return found | {name: categorical_profile(counts.categories[name]) for name in LISTINGS.compared}
