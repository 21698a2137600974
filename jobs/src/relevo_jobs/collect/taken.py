"""A batch that was taken from a source and is to be kept, whatever kind of source it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from relevo_jobs.collect.body import Body
from relevo_jobs.collect.rows import Row
from relevo_jobs.settings import SourceSettings
from relevo_jobs.stores.source_files import SourceFile


@dataclass(frozen=True)
class Taking:
    """How batches are taken, from whatever source."""

    settings: SourceSettings
    columns: Sequence[str]
    """That rows should have, as the source calls them."""
    stack: ExitStack
    """With it closes what the batch that was taken is read from."""
    rest: bool = False
    """Whether rows have the values of all other columns as well: to look at them, not to keep them."""


class Known(Protocol):
    """What is known of the batches that were taken before: RAW is, and `check`, which keeps none, has it in memory."""

    def newest(self) -> int | None:
        """The newest batch's number; None if there is none."""

    def hash_of(self, number: int) -> str | None:
        """The body hash of a batch by its number."""

    def number_of(self, sha256: str) -> int | None:
        """The number of the batch that has this body."""

    def asks(self) -> bool:
        """Note that the source is being asked; True if an earlier request is not accounted for."""

    def accounted(self) -> None:
        """Note that every answer is accounted for."""

    def files(self) -> Mapping[str, SourceFile]:
        """The source's files that are known, by name."""

    def note(self, file: SourceFile) -> None:
        """Note of a file what no batch comes of."""

    def watermark(self) -> str | None:
        """The watermark of the newest batch that came of a query."""


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
    columns: Sequence[str]
    """As the source calls them; in their order..."""
    parts: Iterable[Sequence[Row]]
    """...the rows have their values, some thousand at a time."""
    extra_columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    day: str | None = None
    http_status: int | None = None
    origin: Mapping[str, Any] | None = None
    """The file and the first row, or the last watermark; None: HTTP."""
    file: SourceFile | None = None
    notes: tuple[str, ...] = ()
    """What a person should know beside the batch."""
