"""A data set's columns in PostgreSQL, and rows from there as columns of numpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet

Place = tuple[int, int]
"""A row of CLEAN: its batch and its number there."""

NUMBER: Final = "double precision"
TEXT: Final = "text"
DATE: Final = "date"
_OF_RULE: Final = {"number": NUMBER, "day": DATE}


def quoted(*names: str) -> str:
    """Names as SQL takes them, with commas between: a column may be called `order` or `user`."""
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def types(data: DataSet, names: Iterable[str]) -> dict[str, str]:
    """The type of each of these columns of a data set."""
    known = dict.fromkeys(data.categorical, TEXT) | dict.fromkeys(data.dates, DATE)
    known |= {name: _OF_RULE.get(data.rule(name).kind, TEXT) for name in data.aside}
    return {name: known.get(name, NUMBER) for name in names}


def definitions(columns: Mapping[str, str]) -> str:
    """Columns with their types, as `create table` takes them."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())


def columns(data: DataSet, rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Rows with these columns of a data set as `relevo_contract.data_set.Columns`; shape (n,) each."""
    by_column: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * len(names)
    kinds = types(data, names)
    return {name: _column(values, kinds[name]) for name, values in zip(names, by_column, strict=True)}


def _column(values: Sequence[Any], kind: str) -> NDArray[Any]:
    if kind == TEXT or any(isinstance(value, str) for value in values):  # of a column that was retyped
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
    return np.array(values, dtype="datetime64[D]" if kind == DATE else np.float64)
