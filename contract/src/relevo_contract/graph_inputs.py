"""How rows enter a version's graph: the one step between a row as CLEAN has it and the ONNX graph. Pure.

The graph takes each column of the data set by its name, as a tensor of rank 1: numbers as float32 with NaN where
missing, days as the float32 number of days since 1970-01-01, text in one spelling with "" where missing. Training, the
decisions and the inference API all come through here, so that they cannot differ.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.values import Value
from relevo_contract.version import Entry

Feeds = dict[str, NDArray[Any]]
"""A table as the graph takes it: by column (n,) of float32 or of object (str)."""
FIRST_DAY: Final = date(1970, 1, 1).toordinal()


def spelling(text: Value | None) -> str:
    """Return a category's one spelling, for case makes no new category; "" where the text is missing."""
    if not isinstance(text, str):
        return ""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def graph_inputs(data: DataSet, columns: Columns | Mapping[str, Sequence[Value | None]]) -> Feeds:
    """Turn a table, n rows of each input of the data set, into what the graph takes.

    None, NaN or NaT are missing. Columns that the table lacks are left out; columns that are no input of the data set
    are not looked at.
    """
    feeds: Feeds = {}
    with np.errstate(over="ignore"):  # beyond float32 is infinite, for the pipeline and the graph alike
        for name in data.numeric:
            if name in columns:
                feeds[name] = np.array(columns[name], dtype=np.float32)
        for name in data.categorical:
            if name in columns:
                feeds[name] = np.array([spelling(value) for value in columns[name]], dtype=object)
        for name in data.dates:
            if name in columns:
                feeds[name] = np.array(_days_of(columns[name]), dtype=np.float32)
    return feeds


def _days_of(values: Any) -> Any:
    """Days since 1970-01-01 of dates, or of datetime64; None or NaN where missing."""
    if isinstance(values, np.ndarray):
        days = values.astype("datetime64[D]")
        return np.where(np.isnat(days), np.nan, days.astype(np.int64))
    return [None if value is None else value.toordinal() - FIRST_DAY for value in values]


def columns_of(data: DataSet, rows: Sequence[Mapping[str, Value | None]]) -> dict[str, NDArray[Any]]:
    """Turn rows as they are understood (`DataSet.understand`) into the form of `Columns`, without the target."""
    kinds: dict[str, Any] = dict.fromkeys(data.numeric, np.float64)  # None becomes NaN
    kinds |= dict.fromkeys(data.categorical, object) | dict.fromkeys(data.dates, "datetime64[D]")
    return {name: np.array([row.get(name) for row in rows], dtype=kind) for name, kind in kinds.items()}


def entries(columns: Columns, names: Sequence[str], row: int) -> dict[str, Entry]:
    """One row of a table as a version's files have it."""
    found: dict[str, Entry] = {}
    for name in names:
        value = columns[name][row]
        if isinstance(value, np.datetime64):
            (value,) = _days_of(columns[name][row : row + 1])
        if not isinstance(value, str | None):
            value = None if np.isnan(value) else float(value)
        found[name] = value
    return found


def values_of(data: DataSet, inputs: Mapping[str, Entry]) -> dict[str, Value | None]:
    """One row of a version's files as values; the reverse of `entries`."""
    return {
        name: date.fromordinal(FIRST_DAY + int(entry)) if name in data.dates and isinstance(entry, float) else entry
        for name, entry in inputs.items()
    }
