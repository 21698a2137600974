"""A use case's rows as the steps would have them: cut into batches in the source's order, cleaned, some held out."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_contract.identity import Identity
from relevo_contract.tasks import Task
from relevo_jobs.clean.fates import Kept, Raw
from relevo_jobs.stores.tables import columns
from relevo_jobs.use_case import UseCase

Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Market:
    """All batches' rows that CLEAN keeps, n in all."""

    use_case: UseCase
    columns: Table
    batch: NDArray[np.int64]
    """Each row's batch, numbered from 1."""
    holdout: NDArray[np.bool_]
    sizes: tuple[int, ...]
    """Rows of each batch as they came."""

    @property
    def data(self) -> DataSet:
        """What the columns are."""
        return self.use_case.data

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.data.predicts

    @property
    def actual(self) -> NDArray[np.float64]:
        """The target on the task's scale, (n,)."""
        return self.task.scaled(self.columns[self.data.target])

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

    def identity(self, mask: NDArray[np.bool_]) -> Identity | None:
        """Which of some rows are of one thing."""
        return self.use_case.identity_of(self.rows(mask))


def read(path: Path, data: DataSet) -> list[Raw]:
    """The rows of a CSV with the data set's columns; empty fields and NA are missing."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := set(data.sent).difference(rows.fieldnames or ()):
            raise SystemExit(f"expected the columns {', '.join(sorted(missing))} in {path}, it has {rows.fieldnames}")
        return [[None if row[name] in {"", "NA", None} else row[name] for name in data.sent] for row in rows]


def market(use_case: UseCase, rows: Sequence[Raw], sizes: tuple[int, ...]) -> Market:
    """Clean each batch as the step does."""
    kept: list[Kept] = []
    batch: list[int] = []
    start = 0
    for number, size in enumerate(sizes, 1):
        believed = [fate for fate in use_case.clean(rows[start : start + size]) if isinstance(fate, Kept)]
        kept += believed
        batch += [number] * len(believed)
        start += size
    data = use_case.data
    values = [tuple(row.values[name] for name in data.typed) for row in kept]
    holdout = np.array([row.holdout for row in kept])
    return Market(use_case, columns(data, values, data.typed), np.array(batch), holdout, sizes)
