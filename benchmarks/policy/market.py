"""The listings as the steps would have them: cut into batches in published order, cleaned, a fifth held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_demo.source.listings import read as read_listings
from relevo_jobs.clean.fates import Kept, Raw
from relevo_jobs.stores.tables import columns
from tests.houses import LISTINGS, clean_rows

Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Market:
    """All batches' rows that CLEAN keeps, n in all."""

    columns: Table
    batch: NDArray[np.int64]
    """Each row's batch, numbered from 1."""
    holdout: NDArray[np.bool_]
    sizes: tuple[int, ...]
    """Rows of each batch as they came."""

    @property
    def numbers(self) -> range:
        """The batches' numbers."""
        return range(1, len(self.sizes) + 1)

    def rows(self, mask: NDArray[np.bool_]) -> Table:
        """Some of the rows."""
        return {name: values[mask] for name, values in self.columns.items()}

    def of(self, batches: frozenset[int]) -> NDArray[np.bool_]:
        """Which rows came in these batches."""
        return np.isin(self.batch, list(batches))


def read(path: Path) -> list[Raw]:
    """The file's rows as the source would send them."""
    return [[value or None for value in row] for row in read_listings(path).values()]


def market(rows: list[Raw], sizes: tuple[int, ...]) -> Market:
    """Clean each batch as the step does."""
    kept: list[Kept] = []
    batch: list[int] = []
    start = 0
    for number, size in enumerate(sizes, 1):
        believed = [fate for fate in clean_rows(rows[start : start + size]) if isinstance(fate, Kept)]
        kept += believed
        batch += [number] * len(believed)
        start += size
    values = [tuple(row.values[name] for name in LISTINGS.typed) for row in kept]
    holdout = np.array([row.holdout for row in kept])
    return Market(columns(LISTINGS, values, LISTINGS.typed), np.array(batch), holdout, sizes)
