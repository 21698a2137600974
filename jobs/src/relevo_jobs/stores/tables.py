"""A data set's columns in PostgreSQL, and rows from there as columns of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet

Place = tuple[int, int]
"""A row of CLEAN: its batch and its number there."""


def definitions(data: DataSet, names: Sequence[str]) -> str:
    """These columns of a data set with their types, as `create table` takes them."""
    types = dict.fromkeys(data.categorical, "text") | dict.fromkeys(data.dates, "date")
    return ", ".join(f"{name} {types.get(name, 'double precision')}" for name in names)


def columns(data: DataSet, rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Rows with these columns of a data set as `relevo_contract.data_set.Columns`; shape (n,) each."""
    by_column: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * len(names)
    table: dict[str, NDArray[Any]] = {}
    for name, values in zip(names, by_column, strict=True):
        if name in data.categorical:
            column = np.empty(len(rows), dtype=object)
            column[:] = values
            table[name] = column
        else:
            table[name] = np.array(values, dtype="datetime64[D]" if name in data.dates else np.float64)
    return table
