"""A batch that was taken from a source and is to be kept, whatever kind of source it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from relevo_jobs.collect.body import Body
from relevo_jobs.collect.rows import Row
from relevo_jobs.stores.source_files import SourceFile


@dataclass(frozen=True)
class Taken:
    """A batch as it came; what it is read from is open until it is kept."""

    number: int
    asked_at: datetime
    seconds: float
    body: Body
    kind: str
    """What the body is: json, csv, parquet, jsonl."""
    row_count: int
    parts: Iterable[Sequence[Row]]
    extra_columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    day: str | None = None
    http_status: int | None = None
    origin: Mapping[str, Any] | None = None
    """The file and the first row, or the last watermark; None: HTTP."""
    file: SourceFile | None = None
    notes: tuple[str, ...] = ()
    """What a person should know beside the batch."""
