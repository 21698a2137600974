"""A table whose columns are of other types than a data set has them, read by that data set's own rules. Pure.

The use case may have given a column another type since a version was trained, or since customers asked. What is there
is spelt as it would have come, and read by the rule of that data set: a version that learnt numbers finds numbers.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import columns_of
from relevo_contract.values import AnyRule, Came, Value


def reread(data: DataSet, columns: Columns) -> dict[str, NDArray[Any]]:
    """The n rows of a table, those of the data set's inputs that are of another type there read by its rules.

    Other columns stay as they are. What a rule cannot read, or does not believe, is missing.
    """
    read = dict(columns)
    for name, like in columns_of(data, []).items():
        if name in columns and columns[name].dtype.kind != like.dtype.kind:
            came = [_spelt(value) for value in columns[name].tolist()]
            known = {value: _read(data.rule(name), value) for value in set(came)}
            read[name] = np.array([known[value] for value in came], dtype=like.dtype)
    return read


def _spelt(value: Any) -> Came:
    """A value as it would have come: a whole number without the point that its type gives it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return None if np.isnan(value) else int(value) if value.is_integer() else value
    return value if isinstance(value, str) else None


def _read(rule: AnyRule, came: Came) -> Value | None:
    return rule.read(came).value
