"""Columns that look broken rather than moved. Whether they are, the champion's error says (`policy`). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.figures import percent
from relevo_contract.profile import NumericProfile, Profile
from relevo_contract.profiling import bin_counts, categories, numbers
from relevo_contract.record import Defect, DefectKind

USUALLY_THERE: Final = 0.5
"""A column more often missing than this in training may well be missing in a whole region: real listings of Puerto Rico
have no earlier sale at all."""
LOST: Final = 0.05
"""A column is lost if fewer than this share of the values expected are there."""
ONE_VALUE: Final = 0.5
"""A number is stuck if it is one and the same in every row though no bin of the training data held this share."""
OUTERMOST: Final = 0.01
"""A number is in another unit if its median lies beyond this share of the training rows, below or above."""

Counts = NDArray[np.int64]
"""Rows by bin, (m,)."""


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _numeric_defect(known: NumericProfile, columns: Columns, name: str) -> Defect | None:
    values = numbers(columns, name)
    there = values[~np.isnan(values)]
    before = np.array(known.counts)
    if not len(there) or not before.sum():
        return None
    if there.min() == there.max() and before.max() < ONE_VALUE * before.sum():
        what = f"holds {_number(float(there[0]))} in every row"
        return Defect(column=name, kind=DefectKind.STUCK, what=what)
    # A date has no unit to be wrong.
    if np.issubdtype(columns[name].dtype, np.datetime64):
        return None
    now, median = bin_counts(known.edges, there), float(np.median(there))
    for usual, rows, where in _outermost(known.edges, before, now):
        if rows > len(there) / 2:
            what = (
                f"has its median at {_number(median)}: {percent(rows / len(there))} of its values are {where}, in "
                f"training {percent(usual / before.sum())} were; its unit may have changed"
            )
            return Defect(column=name, kind=DefectKind.UNIT, what=what)
    return None


def _outermost(edges: Sequence[float], before: Counts, now: Counts) -> list[tuple[int, int, str]]:
    """Rows in training and now, and where: below and above the edges beyond which a hundredth of the training rows lie.

    The profiles of earlier releases count the outermost edge itself to the rows above it, hence the one row more.
    """
    most = OUTERMOST * before.sum() + 1
    found = []
    below = np.cumsum(before)[:-1]  # of each edge
    if len(low := np.flatnonzero(below <= most)):
        edge = int(low[-1])
        found.append((int(below[edge]), int(now[: edge + 1].sum()), f"below {_number(edges[edge])}"))
    above = before.sum() - below
    if len(high := np.flatnonzero(above <= most)):
        edge = int(high[0])
        found.append((int(above[edge]), int(now[edge + 1 :].sum()), f"above {_number(edges[edge])}"))
    return found


def defects(profile: Profile, columns: Columns) -> tuple[Defect, ...]:
    """The columns that look broken of a batch of at least a hundred rows, in the profile's order.

    Lost (as good as no value where training had one in most rows), stuck (one value in all rows) or in another unit
    (its median beyond the outermost hundredth of the training data).
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
            what = f"is there in {there} of {rows} rows, in training in {percent(there_before)}"
            found.append(Defect(column=name, kind=DefectKind.LOST, what=what))
        elif isinstance(known, NumericProfile) and (defect := _numeric_defect(known, columns, name)):
            found.append(defect)
    return tuple(found)
