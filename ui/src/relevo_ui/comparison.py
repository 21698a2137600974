"""Two versions side by side: errors on the rows they share, the data each saw, what each looks at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import spelling, values_of
from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.record import Estimate
from relevo_contract.tasks import Task
from relevo_contract.version import Entry, HoldoutPredictions, ShapleySummary

Floats = NDArray[np.float64]
Shown = float | date | str
"""A column's value in a picture."""


@dataclass(frozen=True)
class Shared:
    """Errors of two versions on the same held-out rows, which neither was trained on."""

    batches: tuple[int, ...]
    rows: int
    older: Estimate
    newer: Estimate
    better: float
    """Share of the rows on which the newer has the smaller loss."""


class Common(NamedTuple):
    """What two versions said of the same held-out rows, (n,) each, on the task's scale."""

    batches: tuple[int, ...]
    actual: Floats
    older: Floats
    newer: Floats
    things: NDArray[np.int64] | None
    """The same number for rows of one thing; None: each is its own."""
    described: NDArray[np.bool_]
    """Which of the rows are told by their inputs..."""
    inputs: Mapping[str, Sequence[Entry]]
    """...which are these, by column."""


def common(older: HoldoutPredictions | None, newer: HoldoutPredictions | None) -> Common | None:
    """On the batches both were trained on; None if they share no row or keep no predictions."""
    if older is None or newer is None:
        return None
    first, second = _by_batch(older), _by_batch(newer)
    # A batch cleaned anew would have other rows: those that do not agree on the target are not the same.
    batches = [
        n for n in first if n in second and np.array_equal(first[n].actual, second[n].actual) and len(first[n].actual)
    ]
    if not batches:
        return None
    of = second if newer.things else first  # the rows are the same, and so are the things
    told = {n: rows.inputs for n in batches for rows in (first[n], second[n]) if rows.inputs}
    names = set[str]().union(*told.values())
    return Common(
        tuple(batches),
        np.concatenate([first[n].actual for n in batches]),
        np.concatenate([first[n].predicted for n in batches]),
        np.concatenate([second[n].predicted for n in batches]),
        np.concatenate([of[n].things for n in batches]) if older.things or newer.things else None,
        np.concatenate([np.full(len(first[n].actual), n in told) for n in batches]),
        {name: [one for n in batches if n in told for one in told[n][name]] for name in sorted(names)},
    )


def shared(found: Common, task: Task) -> Shared:
    """Their errors on these rows."""
    actual, older, newer, things = found.actual, found.older, found.newer, found.things
    return Shared(
        batches=found.batches,
        rows=len(actual),
        older=task.headline(actual, older, things),
        newer=task.headline(actual, newer, things),
        better=float((task.losses(actual, newer) < task.losses(actual, older)).mean()),
    )


class _Rows(NamedTuple):
    """A batch's kept rows, (n,) each."""

    actual: Floats
    predicted: Floats
    things: NDArray[np.int64]
    """Zeros where they are not known."""
    inputs: Mapping[str, Sequence[Entry]]
    """Empty where they are not known."""


def _by_batch(kept: HoldoutPredictions) -> dict[int, _Rows]:
    if not kept.batches:
        return {}
    ends = np.cumsum(kept.counts)[:-1].tolist()
    actual, predicted = (np.split(np.array(one), ends) for one in (kept.actual, kept.predicted))
    things = np.split(np.array(kept.things or np.zeros(len(kept.actual)), dtype=np.int64), ends)
    first = len(kept.actual) - kept.described
    inputs = [
        {name: column[begin - first : begin - first + count] for name, column in kept.inputs.items() if begin >= first}
        for begin, count in zip([0, *ends], kept.counts, strict=True)
    ]
    return dict(zip(kept.batches, map(_Rows, actual, predicted, things, inputs), strict=True))


@dataclass(frozen=True)
class Weight:
    """How much a version looks at one column: its share of all mean absolute Shapley values, 0 to 1."""

    column: str
    older: float
    newer: float

    @property
    def gained(self) -> float:
        """How much more the newer looks at it."""
        return self.newer - self.older


def weights(older: ShapleySummary | None, newer: ShapleySummary | None) -> list[Weight]:
    """Every column of either, the weightiest first. Shares, for two versions' values differ in their sum."""
    a, b = _shares(older), _shares(newer)
    found = [Weight(name, a.get(name, 0.0), b.get(name, 0.0)) for name in dict.fromkeys([*a, *b])]
    return sorted(found, key=lambda w: -max(w.older, w.newer))


def _shares(summary: ShapleySummary | None) -> dict[str, float]:
    if summary is None:
        return {}
    total = sum(summary.mean_absolute) or 1.0
    return {n: v / total for n, v in zip(summary.columns, summary.mean_absolute, strict=True)}


def dependence(summary: ShapleySummary, column: str, data: DataSet) -> list[tuple[Shown, float]]:
    """A column's values and by how much they moved the prediction, row by row.

    Texts are spelt as the model reads them, a missing one is ""; missing numbers and days are left out.
    """
    place = summary.columns.index(column)
    found = [values_of(data, {column: row[place]})[column] for row in summary.inputs]
    if column in data.categorical:
        found = [spelling(value) if isinstance(value, str) else "" for value in found]
    effects = (row[place] for row in summary.values)
    return [(value, effect) for value, effect in zip(found, effects, strict=True) if value is not None]


def new_places(older: Profile | None, newer: Profile | None, column: str) -> list[tuple[str, int]]:
    """Categories that the newer saw and the older never, by all that each saw; the most frequent first.

    None where it is not known what the older saw.
    """
    if older is None or column not in older.columns:
        return []
    known, found = _counts(older, column), _counts(newer, column)
    return sorted(((c, n) for c, n in found.items() if c and c not in known), key=lambda item: (-item[1], item[0]))


def _counts(profile: Profile | None, column: str) -> Mapping[str, int]:
    held = profile.columns.get(column) if profile is not None else None
    return held.counts if isinstance(held, CategoricalProfile) else {}


def median(profile: Profile | None, column: str) -> float | None:
    """The middle of a number's training rows, to the edge of its bin; None where it is not known."""
    held = profile.columns.get(column) if profile is not None else None
    if not isinstance(held, NumericProfile) or not held.edges:
        return None
    reached = np.cumsum(held.counts) >= sum(held.counts) / 2
    return held.edges[min(int(np.argmax(reached)), len(held.edges) - 1)]


def share(profile: Profile | None, column: str) -> float | None:
    """The share of ones among a column of zeros and ones; None where it is not known."""
    held = profile.columns.get(column) if profile is not None else None
    if not isinstance(held, NumericProfile) or not sum(held.counts):
        return None
    from_one = sum(edge < 1 for edge in held.edges) + 1
    return sum(held.counts[from_one:]) / sum(held.counts)


def differing(older: Mapping[str, object], newer: Mapping[str, object]) -> Sequence[tuple[str, object, object, bool]]:
    """Parameters of both: name, the older's, the newer's, whether they differ."""
    return [
        (name, older.get(name), newer.get(name), older.get(name) != newer.get(name))
        for name in dict.fromkeys([*newer, *older])
    ]
