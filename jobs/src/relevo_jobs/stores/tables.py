"""Rows of PostgreSQL as columns of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract.listing import CATEGORICAL, DATES


def columns(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Rows with these columns of a listing as `relevo_contract.listing.Columns`; shape (n,) each."""
    by_column: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * len(names)
    table: dict[str, NDArray[Any]] = {}
    for name, values in zip(names, by_column, strict=True):
        if name in CATEGORICAL:
            column = np.empty(len(rows), dtype=object)
            column[:] = values
            table[name] = column
        else:
            table[name] = np.array(values, dtype="datetime64[D]" if name in DATES else np.float64)
    return table
