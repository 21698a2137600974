"""Sums over rows by a key, sparse, so that those of partitions add up whatever keys each has met. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[Any]


class Sums(NamedTuple):
    """Sums by key."""

    keys: Keys
    """(k,), ascending, each once; integers or numbers without NaN."""
    values: NDArray[np.float64]
    """(k, sums)."""


Statistics = Mapping[str, Sums]
"""Several of them by name."""


def summed(keys: Keys, columns: Sequence[NDArray[Any] | None]) -> Sums:
    """Of rows with these keys, (n,), the sum of each column, (n,); None counts rows."""
    unique, place = np.unique(keys, return_inverse=True)
    sums = [np.bincount(place, column, minlength=len(unique)) for column in columns]
    return Sums(unique, np.column_stack(sums).astype(np.float64).reshape(len(unique), len(columns)))


def added(parts: Sequence[Sums]) -> Sums:
    """The sums of all rows, from those of at least one partition."""
    keys = np.concatenate([part.keys for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, dtype=np.intp)
    return Sums(keys[starts], np.add.reduceat(values[order], starts, axis=0) if len(keys) else values)


def added_statistics(parts: Sequence[Statistics]) -> dict[str, Sums]:
    """The same of several; each part has all the names."""
    return {name: added([part[name] for part in parts]) for name in parts[0]}


def dense(sums: Sums, size: int) -> NDArray[np.float64]:
    """(size, sums), 0 where there was no row; the keys are below `size`."""
    table = np.zeros((size, sums.values.shape[1]))
    table[sums.keys] = sums.values
    return table
