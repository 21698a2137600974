"""How like the training data a row is: numbers outside of them, and held-out rows to check a prediction by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import FIRST_DAY, spelling, values_of
from relevo_contract.profile import NumericProfile, Profile
from relevo_contract.values import Value
from relevo_contract.version import Entry, HoldoutPredictions, ShapleySummary
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import Wording

COMPARED: Final = 3
"""Rows to check a prediction by."""
YEAR: Final = 365.2425
"""Days, as a profile counts them."""
LEAST_WEIGHT: Final = 0.01
"""Of a column at which a version hardly looks, so that rows it takes for the same are still told apart."""


@dataclass(frozen=True)
class Outside:
    """A number, or a day, that no row of the training data comes near."""

    column: str
    value: Value
    low: Value
    """The smallest that was trained on..."""
    high: Value
    """...and the largest."""


def outside(data: DataSet, profile: Profile | None, row: Mapping[str, Any]) -> list[Outside]:
    """Inputs below or above everything that was trained on; none where the profile does not say what that was."""
    values, _, _ = data.understand(row)
    found = []
    for name, value in values.items():
        held = profile.columns.get(name) if profile is not None else None
        # Versions older than 0.3 have rows of the training data in the outermost bins.
        if not isinstance(held, NumericProfile) or not held.edges or held.counts[0] or held.counts[-1]:
            continue
        if value is None or isinstance(value, str):
            continue
        at = 1970 + (value.toordinal() - FIRST_DAY) / YEAR if isinstance(value, date) else value
        if held.edges[0] <= at < held.edges[-1]:
            continue
        ends = (held.edges[0], held.edges[-1])
        low, high = map(day_of, ends) if isinstance(value, date) else ends
        found.append(Outside(name, value, low, high))
    return found


def day_of(year: float) -> date:
    """The day of a year with its fraction, as a profile counts days."""
    return date(1970, 1, 1) + timedelta(days=round((year - 1970) * YEAR))


@dataclass(frozen=True)
class Alike:
    """A held-out row that is like another one."""

    inputs: Mapping[str, Entry]
    actual: float
    """In the target's unit, as `predicted` is; 1 or 0 of an outcome."""
    predicted: float


def alike(
    data: DataSet,
    kept: HoldoutPredictions | None,
    shapley: ShapleySummary | None,
    row: Mapping[str, Any],
    most: int = COMPARED,
) -> list[Alike]:
    """The held-out rows most like a row by what was given of it, each of another thing; the likest first.

    How far two rows are from each other is Gower's distance (1971, Biometrics 27, 857-871): of numbers and days how
    many held-out rows lie between, of categories whether they differ; each column weighs what the version looks at it.
    """
    if kept is None or not kept.inputs:
        return []
    weights = dict(zip(shapley.columns, shapley.mean_absolute, strict=True)) if shapley is not None else {}
    total = sum(weights.values()) or 1.0
    values, _, _ = data.understand(row)
    far = np.zeros(kept.described)
    for name, column in kept.inputs.items():
        if (value := values.get(name)) is not None:
            far += (LEAST_WEIGHT + weights.get(name, 0.0) / total) * _apart(value, column)
    first = len(kept.actual) - kept.described
    found: list[Alike] = []
    seen = set[int]()
    for at in np.argsort(far, kind="stable").tolist():
        thing = kept.things[first + at] if kept.things else -1 - at
        if thing in seen:
            continue
        seen.add(thing)
        actual, predicted = data.predicts.unscaled(np.array([kept.actual[first + at], kept.predicted[first + at]]))
        inputs = {name: column[at] for name, column in kept.inputs.items()}
        found.append(Alike(inputs, float(actual), float(predicted)))
        if len(found) == most:
            break
    return found


def _apart(value: Value, column: Sequence[Entry]) -> NDArray[np.float64]:
    """How far each row's entry is from a value, 0 to 1; a missing one is as far as can be; (n,)."""
    if isinstance(value, str):
        same = spelling(value)
        return np.array([not isinstance(one, str) or spelling(one) != same for one in column], dtype=np.float64)
    at = float(value.toordinal() - FIRST_DAY) if isinstance(value, date) else float(value)
    entries = np.array([np.nan if one is None else one for one in column], dtype=np.float64)
    there = np.sort(entries[~np.isnan(entries)])
    ranks = (np.searchsorted(there, entries) + np.searchsorted(there, entries, side="right")) / 2
    rank = (np.searchsorted(there, at) + np.searchsorted(there, at, side="right")) / 2
    return np.where(np.isnan(entries), 1.0, np.abs(ranks - rank) / max(1, len(there)))


def table(row: Mapping[str, Any], predicted: float, found: Sequence[Alike], say: Wording) -> pd.DataFrame:
    """A row beside those that are like it: targets first, then what each is of; a column a row."""
    difference = [say.change(one.predicted - one.actual, one.actual) for one in found]
    values, _, _ = say.data.understand(row)
    columns = [name for name in say.data.columns if name in found[0].inputs]
    lines = {
        say("real {target}", target=say.column(say.data.target)): [
            "",
            *(say.target_value(one.actual) for one in found),
        ],
        say("predicted"): [say.amount_with_unit(one) for one in (predicted, *(one.predicted for one in found))],
        say("off by"): ["", *difference],
    } | {
        say.column(name): [
            harmless(say.value(name, value))
            for value in (values.get(name), *(values_of(say.data, one.inputs)[name] for one in found))
        ]
        for name in columns
    }
    heads = [say("this row"), *(say("held-out row {number}", number=1 + place) for place in range(len(found)))]
    told = pd.DataFrame.from_dict(lines, orient="index", columns=heads)
    told.insert(0, say("what"), told.index)
    return told
