"""Columns that are broken rather than moved: a model trained on them would learn the defect. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from relevo_contract.data_set import Columns
from relevo_contract.profile import NumericProfile, Profile
from relevo_contract.profiling import bin_counts, categories, numbers
from relevo_jobs.wording import percent

USUALLY_THERE: Final = 0.5
"""A column more often missing than this in training may well be missing in a whole region: real listings of Puerto Rico
have no earlier sale at all."""
LOST: Final = 0.05
"""A column is lost if fewer than this share of the values expected are there."""
ONE_VALUE: Final = 0.5
"""A number is stuck if it is one and the same in every row though no bin of the training data held this share."""


@dataclass(frozen=True)
class Defect:
    """A broken column and what is wrong with it, in words."""

    column: str
    what: str


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _numeric_defect(known: NumericProfile, columns: Columns, name: str) -> str | None:
    values = numbers(columns, name)
    there = values[~np.isnan(values)]
    before = np.array(known.counts)
    if not len(there) or not before.sum():
        return None
    if there.min() == there.max() and before.max() < ONE_VALUE * before.sum():
        return f"holds {_number(float(there[0]))} in every row"
    # The outermost edges are the training data's 1 % and 99 % quantiles; a date has no unit to be wrong.
    if len(known.edges) < 2 or np.issubdtype(columns[name].dtype, np.datetime64):
        return None
    now = bin_counts(known.edges, there)
    low, high, median = known.edges[0], known.edges[-1], float(np.median(there))
    outside = ((before[0], now[0], f"below {_number(low)}"), (before[-1], now[-1], f"from {_number(high)} up"))
    for usual, rows, where in outside:
        # A count such as `bath` may well have a tenth of its rows in the last bin.
        if rows > len(there) / 2 and usual < before.sum() / 10:
            return (
                f"has its median at {_number(median)}: {percent(rows / len(there))} of its values are {where}, in "
                f"training {percent(usual / before.sum())} were; its unit may have changed"
            )
    return None


def defects(profile: Profile, columns: Columns) -> tuple[Defect, ...]:
    """The broken columns of a batch of at least a hundred rows, in the profile's order.

    Lost (as good as no value where training had one in most rows), stuck (one value in all rows) or in another unit
    (half its values beyond the outermost hundredth of the training data).
    """
    found = []
    for name, known in profile.columns.items():
        if name not in columns:  # the data set has it no more, which is no defect
            continue
        rows = len(columns[name])
        there_before = 1 - known.missing / max(1, profile.rows)
        if isinstance(known, NumericProfile):
            there = rows - int(np.isnan(numbers(columns, name)).sum())
        else:
            there = rows - categories(columns, name).count(None)
        if there_before > USUALLY_THERE and there < LOST * there_before * rows:
            found.append(Defect(name, f"is there in {there} of {rows} rows, in training in {percent(there_before)}"))
        elif isinstance(known, NumericProfile) and (what := _numeric_defect(known, columns, name)):
            found.append(Defect(name, what))
    return tuple(found)
