"""Held-out rows in segments by one column, and the rows of which two versions say the most different things. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relevo_contract.graph_inputs import FIRST_DAY, spelling, values_of
from relevo_contract.means import mean
from relevo_contract.median_error import NORMAL_975
from relevo_contract.record import Estimate
from relevo_contract.values import Number
from relevo_contract.version import Entry, HoldoutPredictions
from relevo_ui.comparison import Common
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import Wording

FEWEST: Final = 10
"""Rows of a segment: of fewer an interval says little, so a rarer category is not told apart, and less is not told."""
MOST: Final = 30
"""Segments of one column."""
MOVERS: Final = 10
COLUMNS_TOLD: Final = 6
"""Of a row in a table, those at which the versions look most."""
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """Some of the rows, at least FEWEST."""

    label: str
    rows: Rows
    """Their places, ascending."""


def segments(name: str, entries: Sequence[Entry], say: Wording, most: int = MOST) -> list[Segment]:
    """A column's segments: its categories by frequency, or quarters of its numbers and days; the rest last."""
    if name in say.data.categorical:
        spelt = [spelling(one) if isinstance(one, str) else "" for one in entries]
        frequent = [one for one, rows in Counter(spelt).most_common(most) if one and rows >= FEWEST]
        labels = {one: say.category(name, one) for one in frequent}
        others = say("all others")
        of = [labels.get(one, others) if one else say("(no value)") for one in spelt]
        order = [*labels.values(), others, say("(no value)")]
    else:
        numbers = np.array([np.nan if one is None else one for one in entries], dtype=np.float64)
        order, places = _quarters(name, numbers, say)
        of = [say("(no value)") if np.isnan(one) else order[place] for one, place in zip(numbers, places, strict=True)]
        order = [*order, say("(no value)")]
    there = {label: np.flatnonzero([one == label for one in of]) for label in dict.fromkeys(order)}
    return [Segment(label, rows) for label, rows in there.items() if len(rows) >= FEWEST]


def _quarters(name: str, numbers: NDArray[np.float64], say: Wording) -> tuple[list[str], Rows]:
    """What the quarters are called, and in which one each number lies; a bound has three figures, so it is told as it
    is.
    """
    there = numbers[~np.isnan(numbers)]
    bounds = np.quantile(there, (0.25, 0.5, 0.75)).tolist() if len(there) else []
    rule, dates = say.data.rule(name), name in say.data.dates
    whole = dates or (isinstance(rule, Number) and rule.whole)
    edges = sorted({float(math.ceil(one)) if whole else float(f"{one:.3g}") for one in bounds})
    if not edges:
        return [say("all values")], np.zeros(len(numbers), dtype=np.int64)
    told = [str(date.fromordinal(FIRST_DAY + int(one))) if dates else say.figure_of(one) for one in edges]
    if whole and not dates:  # 3 up to 4 is 3
        between = [say.figure_of(a) if b - a == 1 else f"{a:,.0f}–{b - 1:,.0f}" for a, b in pairwise(edges)]
    else:
        between = [f"{low}–{high}" for low, high in pairwise(told)]
    labels = [say("below {edge}", edge=told[0]), *between, say("{edge} and above", edge=told[-1])]
    return labels, np.searchsorted(edges, numbers, side="right")


def columns(inputs: Mapping[str, Sequence[Entry]], say: Wording) -> list[str]:
    """Columns that rows can be told apart by: the places first, then as they are declared."""
    return list(dict.fromkeys(name for name in (*say.data.places, *say.data.columns) if name in inputs))


@dataclass(frozen=True)
class Compared:
    """Two versions on one segment's rows: their headlines, and the difference of their losses, newer less older."""

    label: str
    rows: int
    older: Estimate
    newer: Estimate
    difference: Estimate

    @property
    def better(self) -> bool | None:
        """Whether the newer is better beyond noise; None: neither is."""
        return True if self.difference.high < 0 else False if self.difference.low > 0 else None


def compared(found: Common, name: str, say: Wording) -> list[Compared]:
    """Segment by segment, of the rows that are told by their inputs."""
    task, told = say.task, found.described
    actual, older, newer = (one[told] for one in (found.actual, found.older, found.newer))
    things = None if found.things is None else found.things[told]
    apart = task.losses(actual, newer) - task.losses(actual, older)
    made = []
    for segment in segments(name, found.inputs[name], say):
        of = segment.rows
        mine = None if things is None else things[of]
        made.append(
            Compared(
                segment.label,
                len(of),
                task.headline(actual[of], older[of], mine),
                task.headline(actual[of], newer[of], mine),
                mean(apart[of], mine, NORMAL_975),
            )
        )
    return made


def compared_table(found: Sequence[Compared], name: str, versions: tuple[str, str], say: Wording) -> pd.DataFrame:
    """The figures, a line a segment."""
    first, second = versions
    verdicts = {True: second, False: first, None: say("neither beyond noise")}
    return pd.DataFrame(
        {
            say.column(name): [harmless(one.label) for one in found],
            say("rows"): [one.rows for one in found],
            f"{first}, {say.figure}": [say.estimate(one.older) for one in found],
            f"{second}, {say.figure}": [say.estimate(one.newer) for one in found],
            say("difference of the {decides}", decides=say.decides): [say.difference(one.difference) for one in found],
            say("which is closer"): [verdicts[one.better] for one in found],
        }
    )


def movers(
    found: Common, rows: Rows | None, looked_at: Sequence[str], versions: tuple[str, str], say: Wording
) -> pd.DataFrame:
    """The rows that the two versions say the most different things of, by how many of them people would notice most.

    `rows` are places among those told by their inputs, None all; `looked_at` are columns, the weightiest first.
    """
    task = say.task
    places = np.flatnonzero(found.described)
    chosen = np.arange(len(places)) if rows is None else rows
    at = places[chosen]
    changed = task.changes(found.older[at], found.newer[at], task.spread(found.actual))
    most = np.argsort(-changed, kind="stable")[:MOVERS]
    units = [task.unscaled(one[at[most]]) for one in (found.actual, found.older, found.newer)]
    before, now = (task.losses(found.actual[at[most]], one[at[most]]) for one in (found.older, found.newer))
    names = [name for name in looked_at if name in found.inputs][:COLUMNS_TOLD]
    told: dict[str, list[Any]] = {
        say("real {target}", target=say.column(say.data.target)): [say.target_value(one) for one in units[0].tolist()],
        versions[0]: [say.amount_with_unit(one) for one in units[1].tolist()],
        versions[1]: [say.amount_with_unit(one) for one in units[2].tolist()],
        say("change"): [say.change(b - a, b) for a, b in zip(*(one.tolist() for one in units[1:]), strict=True)],
        say("which is closer"): [versions[int(b < a)] for a, b in zip(before.tolist(), now.tolist(), strict=True)],
    }
    for name in names:
        told[say.column(name)] = [
            harmless(say.value(name, values_of(say.data, {name: found.inputs[name][int(one)]})[name]))
            for one in chosen[most]
        ]
    return pd.DataFrame(told)


def errors(kept: HoldoutPredictions, name: str, say: Wording, most: int) -> list[tuple[str, int, Estimate]]:
    """One version's headline by segment, of the rows that are told by their inputs: label, rows, figure."""
    first = len(kept.actual) - kept.described
    actual, predicted = (np.array(one[first:]) for one in (kept.actual, kept.predicted))
    things = np.array(kept.things[first:]) if kept.things else None
    return [
        (one.label, len(of), say.task.headline(actual[of], predicted[of], None if things is None else things[of]))
        for one in segments(name, kept.inputs[name], say, most)
        for of in (one.rows,)
    ]
