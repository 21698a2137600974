"""Files as a source: each is a batch, in the order of their names, or every so many rows of one.

Which comes next follows from what lies there and what RAW holds: the rest of a file that is collected in part, or else
the first that RAW does not know. So a file that is added later is collected whatever its name is, one that is empty is
looked at again, and one that was changed after it was collected is told: what is kept is never changed.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Final

from relevo_contract.texts import legible
from relevo_contract.use_case.sources import FilesSource
from relevo_jobs.collect.body import PIECE, Body, bounded
from relevo_jobs.collect.delimited import Delimited
from relevo_jobs.collect.folders import Listed, files_in, place_of
from relevo_jobs.collect.lines import as_json, from_json
from relevo_jobs.collect.parquet import Parquet
from relevo_jobs.collect.rows import Row
from relevo_jobs.collect.table import Table, in_parts
from relevo_jobs.collect.taken import Known, Taken, Taking
from relevo_jobs.errors import ConflictingBatch, MalformedAnswer
from relevo_jobs.outcome import Outcome
from relevo_jobs.stores.source_files import SourceFile

KINDS: Final = (".csv", ".csv.gz", ".parquet")
_DIGESTED: Final = 2**20
"""Bytes hashed at a time."""


def _say(what: str) -> None:
    print(legible(f"collect: {what}"), file=sys.stderr, flush=True)  # noqa: T201


class Files:
    """The files of a use case that is in this folder."""

    def __init__(self, declared: FilesSource, folder: Path, taking: Taking) -> None:
        """Raises SettingsError if the Secret that is declared is not there."""
        self._place = place_of(declared, folder, taking.settings)
        self._declared, self._columns, self._stack, self._rest = declared, taking.columns, taking.stack, taking.rest
        self._most, self._patience = taking.settings.source_most_bytes, taking.settings.repeat_wait

    def take(self, raw: Known) -> Taken | Outcome:
        """Take the next batch. Raises Unavailable, MalformedAnswer, ConflictingBatch, RepeatedBatch, SettingsError."""
        known = raw.files()
        found, others = files_in(self._place, self._declared.pattern, KINDS)
        for file in found:
            if (before := known.get(file.name)) is not None:
                self._expect_unchanged(file, before, raw)
        begun = {name for name, one in known.items() if not one.whole}
        if gone := begun - {file.name for file in found}:
            raise MalformedAnswer(
                f"expected {min(gone)}, which is collected to row {known[min(gone)].next_row} and has more, it is not "
                "there any more: put it back"
            )
        newest = raw.newest()
        for file in sorted(found, key=lambda one: one.name not in begun):  # what is begun comes first
            before = known.get(file.name)
            if before is not None and before.whole:
                continue
            taken = self._taken(file, before, known, raw, 1 if newest is None else newest + 1)
            if taken is not None:
                late = [name for name in known if name > file.name and before is None]
                note = (f"{file.name} stands before files that were collected earlier",) if late else ()
                return replace(taken, notes=note)
        what = f"no file is new among the {len(found):,} of {self._declared.path} after batch {newest}"
        if not found:
            there = f"has {others}" if others else "is empty"
            what = f"no file is called {self._declared.pattern} in {self._declared.path}, which {there}"
        return Outcome.nothing("collect", what, newest)

    def _expect_unchanged(self, file: Listed, before: SourceFile, raw: Known) -> None:
        if (file.size, file.stamp) == (before.size, before.stamp):
            return
        if file.size == before.size and self._digest(file) == before.sha256:  # copied anew
            raw.note(replace(before, stamp=file.stamp))
            return
        raise ConflictingBatch(
            f"expected {file.name} as it was collected, {before.size:,} bytes with SHA-256 {before.sha256[:12]}…, it "
            f"has {file.size:,} bytes and other content now: what RAW keeps is never changed. Put it back, and give "
            "new rows a file of their own"
        )

    def _digest(self, file: Listed) -> str:
        digest = hashlib.sha256()
        with self._place.opened(file) as opened:
            while piece := opened.read(_DIGESTED):
                digest.update(piece)
        return digest.hexdigest()

    def _taken(
        self, file: Listed, before: SourceFile | None, known: Mapping[str, SourceFile], raw: Known, number: int
    ) -> Taken | None:
        """The next batch of a file; None if nothing is in it, or nothing is left, or another one has the same bytes."""
        asked_at, began = datetime.now(UTC), time.monotonic()
        self._place.expect_same(file, self._patience)
        if file.size == 0:
            _say(f"{file.name} is empty, and left for now")
            return None
        if before is None:
            sha256 = self._digest(file)
            before = SourceFile(file.name, file.size, file.stamp, sha256, 0, 0, whole=False)
            if same := [one.name for one in known.values() if one.sha256 == sha256]:
                _say(f"{file.name} has the same bytes as {same[0]}, which was collected: it is left out")
                raw.note(replace(before, whole=True))
                return None
        opened = self._stack.enter_context(self._place.opened(file))
        read = self._parquet if file.name.lower().endswith(".parquet") else self._csv
        found = read(file, opened, before)
        self._place.expect_same(file, self._patience)
        if found is None:
            if before.next_row:
                raw.note(replace(before, whole=True))
            else:
                _say(f"{file.name} has no rows, and is left for now")
            return None
        body, kind, table, count, parts, next_byte = found
        next_row = before.next_row + count
        whole = self._declared.rows is None or count < self._declared.rows
        return Taken(
            number=number,
            asked_at=asked_at,
            seconds=time.monotonic() - began,
            body=body,
            kind=kind,
            row_count=count,
            columns=table.columns,
            parts=parts,
            extra_columns=table.extra,
            missing_columns=table.missing,
            origin={"file": file.name, "row": before.next_row},
            file=replace(before, next_row=next_row, next_byte=next_byte, whole=whole),
        )

    def _csv(self, file: Listed, opened: IO[bytes], before: SourceFile) -> _Found | None:
        where, rows = file.name, self._declared.rows
        next_byte = 0
        if rows is None:
            body = self._kept(self._bounded(pieces(opened, where), where))
        else:
            source = Delimited(lambda byte: pieces(opened, where, byte), self._columns, where)
            first = before.next_byte or len(source.head)
            body = self._kept(self._bounded(_with_head(source, before, rows), where))
            next_byte = first + body.size - len(source.head)
            where = f"{where} from row {before.next_row} on"
        content = Delimited(lambda _: body, self._columns, where, rest=self._rest)
        count = sum(1 for _ in content.rows())
        if content.table is None or not count:
            return None
        return body, "csv", content.table, count, in_parts(content.rows()), next_byte

    def _parquet(self, file: Listed, opened: IO[bytes], before: SourceFile) -> _Found | None:
        rows, where = self._declared.rows, file.name
        source = Parquet(opened, file.size, self._columns, where, self._most, cut=rows is not None, rest=self._rest)
        count = min(source.count - before.next_row, rows or source.count)
        if count <= 0:
            return None
        if rows is None:
            opened.seek(0)
            body = self._kept(self._bounded(iter(partial(opened.read, PIECE), b""), where))
            return body, "parquet", source.table, count, in_parts(source.rows()), 0
        found = source.rows(source.table.names, before.next_row)
        lines = as_json(source.table.names, (row for row, _ in zip(found, range(count), strict=False)), where)
        body = self._kept(self._bounded(lines, where))
        return body, "jsonl", source.table, count, in_parts(from_json(body, source.table)), 0

    def _kept(self, pieces: Iterable[bytes]) -> Body:
        return self._stack.enter_context(Body(pieces))

    def _bounded(self, pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
        instead = "cut it by `rows` of source.files, write it in several files"
        return bounded(pieces, self._most, f"a batch of {where}", instead)


_Found = tuple[Body, str, Table, int, Iterable[Sequence[Row]], int]
"""Body, its kind, columns, how many rows, the rows, and where in the unpacked file the next ones begin."""


def _with_head(source: Delimited, before: SourceFile, rows: int) -> Iterator[bytes]:
    yield source.head
    yield from source.cut(before.next_byte, rows, before.next_row)


def pieces(opened: IO[bytes], name: str, first: int = 0) -> Iterator[bytes]:
    """The bytes of a file of this name from one on, unpacked. Raises MalformedAnswer if it is packed wrongly."""
    opened.seek(0)
    with _unpacking(name):
        source = gzip.GzipFile(fileobj=opened, mode="rb") if name.lower().endswith(".gz") else opened
        source.seek(first)
        while piece := source.read(PIECE):
            yield piece


@contextmanager
def _unpacking(where: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MalformedAnswer(
            f"expected a whole gzip file in {where}, got: {error}; it was cut, or is still being written: put a whole "
            "one there"
        ) from error
