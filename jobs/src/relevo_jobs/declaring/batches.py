"""What a source, or a file, gives first, read by collect's own sources; nothing is kept of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from typing import Final

from relevo_contract.use_case import Declaration
from relevo_contract.use_case.columns import MOST_COLUMNS
from relevo_jobs.collect.delimited import Delimited
from relevo_jobs.collect.from_files import KINDS, pieces
from relevo_jobs.collect.from_http import Http
from relevo_jobs.collect.parquet import Parquet
from relevo_jobs.collect.step import batches_of
from relevo_jobs.collect.taken import Taken, Taking
from relevo_jobs.declaring.tables import GUESSED_ROWS, GUESSED_VALUES, Batch
from relevo_jobs.errors import MalformedAnswer, RepeatedBatch, SettingsError
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import SourceSettings
from relevo_jobs.stores.source_files import SourceFile

MOST_ROWS: Final = 100_000
"""Rows of a batch that are looked at..."""
MOST_VALUES: Final = 3_000_000
"""...or fewer, if they have more values than this."""
_OTHERS: Final = {
    b"\x1f\x8b": "is packed by gzip: call it .csv.gz",
    b"PAR1": "is Parquet: call it .parquet",
    b"PK\x03\x04": "is an Excel workbook or another zip: save the table as CSV",
    b"SQLite format 3": "is a SQLite database: export the table as CSV",
}
"""What people take for a CSV, by how it begins."""


class _Memory:
    """What RAW would know of the batches that were looked at."""

    def __init__(self) -> None:
        self._taken: list[Taken] = []
        self._files: dict[str, SourceFile] = {}

    def add(self, taken: Taken) -> None:
        self._taken.append(taken)
        if taken.file is not None:
            self.note(taken.file)

    def newest(self) -> int | None:
        return self._taken[-1].number if self._taken else None

    def hash_of(self, number: int) -> str | None:
        return next((one.body.sha256 for one in self._taken if one.number == number), None)

    def number_of(self, sha256: str) -> int | None:
        return next((one.number for one in self._taken if one.body.sha256 == sha256), None)

    def asks(self) -> bool:
        return False

    def accounted(self) -> None:
        """A request is lost with the memory of it."""

    def files(self) -> Mapping[str, SourceFile]:
        return self._files

    def note(self, file: SourceFile) -> None:
        self._files[file.name] = file

    def watermark(self) -> str | None:
        return (self._taken[-1].origin or {}).get("watermark") if self._taken else None


def first(declared: Declaration, folder: Path, settings: SourceSettings, most: int) -> Generator[Batch, None, None]:
    """The first batches of a use case whose declaration lies in a folder, as collect takes them into an empty RAW.

    To be closed: a server's count is set back then.

    Raises SettingsError if there is none, and what collect raises.
    """
    memory = _Memory()
    cut = declared.source.files is not None and declared.source.files.rows is not None
    group = 1 if declared.source.http is None else declared.source.http.group

    def taking(stack: ExitStack) -> Taking:
        return Taking(settings, declared.sent, stack, rest=True)

    try:
        for place in range(most):
            with ExitStack() as stack:
                try:
                    taken = batches_of(declared.source, folder, group, taking(stack)).take(memory)
                except RepeatedBatch:  # it has no other
                    if not place:
                        raise
                    return
                if isinstance(taken, Outcome):
                    if not place:
                        raise SettingsError(f"expected batches from the source, got none: {taken.sentence}")
                    return
                memory.add(taken)
                batch = _looked_at(taken, cut=cut)
            yield batch
    finally:
        if declared.source.http is not None:  # each request moved its count on
            with ExitStack() as stack:
                Http(declared.source.http, group, taking(stack)).restart()


def _looked_at(taken: Taken, *, cut: bool) -> Batch:
    most = max(1, min(MOST_ROWS, MOST_VALUES // len(taken.columns)))
    rows = list(islice(chain.from_iterable(taken.parts), most))
    there = [place for place, name in enumerate(taken.columns) if name not in taken.missing_columns]
    if taken.missing_columns:
        rows = [tuple([row[place] for place in there]) for row in rows]
    origin = taken.origin or {}
    title = f"batch {taken.number}"
    if taken.file is not None:
        rows_of_it = f", rows {origin['row'] + 1:,} to {taken.file.next_row:,}" if cut else ""
        title = f"{taken.file.name}{rows_of_it}"
    elif "watermark" in origin:
        title = f"rows to {origin['watermark']}"
    return Batch(title, tuple(taken.columns[place] for place in there), rows, taken.row_count)


def beginning(file: Path) -> Batch:
    """Look at the beginning of a file, as collect reads it.

    Raises SettingsError if it is no table, or has no rows, or too many columns.
    """
    name = file.name
    if not name.lower().endswith(KINDS):
        raise SettingsError(f"expected a file that ends in {', '.join(KINDS)}, as collect reads them, got {name}")
    try:
        with file.open("rb") as opened:
            begins = opened.read(16)
            size = file.stat().st_size
            kind = next((said for start, said in _OTHERS.items() if begins.startswith(start)), None)
            if kind is not None and name.lower().endswith(".csv"):
                raise SettingsError(f"expected CSV in {name}, it {kind}")
            source: Delimited | Parquet
            if name.lower().endswith(".parquet"):
                source = Parquet(opened, size, (), name, size, cut=True, rest=True)
            else:
                source = Delimited(lambda byte: pieces(opened, name, byte), (), name, rest=True)
            if source.table is None:
                raise SettingsError(f"expected a table in {name}, got an empty file")
            columns = source.table.columns
            if not 0 < len(columns) <= MOST_COLUMNS:
                raise SettingsError(
                    f"expected at most {MOST_COLUMNS:,} columns, {name} has {len(columns):,}: keep those that may tell "
                    "something"
                )
            rows = source.rows()
            taken = list(islice(rows, max(1, min(GUESSED_ROWS, GUESSED_VALUES // len(columns)))))
            if not taken:
                raise SettingsError(f"expected rows in {name}, got its header alone: name a file that has some")
            count = len(taken)
            if next(rows, None) is not None:
                read = source.count if isinstance(source, Parquet) else round(size * count / opened.tell())
                count = max(count + 1, read)
            return Batch(name, columns, taken, count)
    except OSError as error:
        raise SettingsError(f"expected a readable file at {file}, got: {error.strerror}") from None
    except MalformedAnswer as error:
        raise SettingsError(str(error)) from None
