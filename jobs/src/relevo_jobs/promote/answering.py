"""Have both versions answer the same rows, and time them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np

from relevo_contract.data_set import Columns
from relevo_contract.rehearsal import Speed
from relevo_jobs.promote.comparison import Floats
from relevo_jobs.promote.rehearsal import Answered
from relevo_jobs.scoring import Scorer

ROWS: Final = 10_000
"""Rows of a batch that are rehearsed: enough for a share, whatever the batch has."""
SINGLE: Final = 50
"""Rows that are asked for alone, and..."""
REPEATED: Final = 3
"""...how often all are asked for, so that a median is told."""


def predicted(version: Scorer, rows: Columns) -> Floats:
    """A version's answers on the task's scale, (n,); what is no number there is not finite."""
    with np.errstate(all="ignore"):
        return version.predict(rows)


def answered(
    versions: Sequence[Scorer], rows: Columns, since: datetime | None = None, until: datetime | None = None
) -> Answered:
    """The rows with the answers of champion and challenger."""
    before, after = (predicted(version, rows) for version in versions)
    return Answered(rows, before, after, since, until)


def spread_out(rows: Columns, most: int = ROWS) -> Columns:
    """At most so many of n rows, evenly from all of them."""
    count = _rows(rows)
    if count <= most:
        return rows
    chosen = np.arange(most) * count // most
    return {name: column[chosen] for name, column in rows.items()}


def speeds(versions: Sequence[Scorer], rows: Columns) -> tuple[Speed, Speed]:
    """How fast champion and challenger answer n rows here, in turn, so that what slows one slows both; 0 of none."""
    if not _rows(rows):
        none = Speed(single_ms=0.0, all_ms=0.0)
        return none, none
    some = spread_out(rows, SINGLE)
    singles = [{name: column[[place]] for name, column in some.items()} for place in range(_rows(some))]
    alone = [[_milliseconds(version, row) for version in versions] for row in singles]
    together = [[_milliseconds(version, rows) for version in versions] for _ in range(REPEATED)]
    champion, challenger = (
        Speed(single_ms=single, all_ms=at_once)
        for single, at_once in zip(np.median(alone, axis=0), np.median(together, axis=0), strict=True)
    )
    return champion, challenger


def _rows(rows: Columns) -> int:
    return len(next(iter(rows.values())))


def _milliseconds(version: Scorer, rows: Columns) -> float:
    started = time.perf_counter()
    with np.errstate(all="ignore"):
        version.answer(rows)
    return 1000 * (time.perf_counter() - started)
