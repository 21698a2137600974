"""The first batches of a declared source, as the steps would be given them; nothing is kept of them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

import httpx

from relevo_contract import bounded_http
from relevo_contract.use_case import Declaration
from relevo_contract.use_case.sources import FilesSource, HttpSource
from relevo_jobs.collect.answers import Exhausted, parse, parts
from relevo_jobs.collect.source import Source
from relevo_jobs.declaring.tables import Batch, opened
from relevo_jobs.errors import SettingsError

MOST_ROWS: Final = 100_000
"""Rows of a batch that are looked at..."""
MOST_VALUES: Final = 3_000_000
"""...or fewer, if they have more values than this."""
SECONDS: Final = 300.0
MOST_BYTES: Final = 2**30


def first(declared: Declaration, folder: Path, most: int) -> Iterator[Batch]:
    """The first batches of a use case whose declaration lies in a folder.

    Raises SettingsError if there is no such source or it gives none, and what a source over HTTP raises.
    """
    names = [column.source_name or name for name, column in declared.columns.items()]
    names.append(declared.target.source_name or declared.target.column)
    source = declared.source
    if source.files is not None:
        yield from islice(_of_files(source.files, folder, frozenset(names)), most)
    elif source.http is not None:
        yield from _of_server(source.http, names, most)
    else:
        raise SettingsError(
            "expected files or http as the source of what is checked, got sql: no query is run here yet"
        )


def _of_files(source: FilesSource, folder: Path, known: frozenset[str]) -> Iterator[Batch]:
    if "://" in source.path:
        raise SettingsError(
            f"expected a folder of this machine to look at, got {source.path}: copy its first files here, and name "
            "them in a copy of this declaration"
        )
    place = folder / source.path
    try:
        there = sorted(one.name for one in place.iterdir() if one.is_file() and not one.name.startswith("."))
    except OSError as error:
        raise SettingsError(f"expected a folder of files at {place}, got: {error.strerror}") from None
    files = [name for name in there if fnmatch.fnmatchcase(name, source.pattern)]
    if not files:
        some = f"it has {', '.join(there[:5])}" if there else "it is empty"
        raise SettingsError(f"expected files that match {source.pattern} in {place}, found none: {some}")
    for name in files:
        yield from _of_file(place / name, source.rows, known)


def _of_file(file: Path, size: int | None, known: frozenset[str]) -> Iterator[Batch]:
    names, rows = opened(file, known.__contains__)
    most = max(1, min(MOST_ROWS, MOST_VALUES // len(names)))
    begins = 1
    while taken := [row for row, _ in islice(rows, min(size or most, most))]:
        last = begins + len(taken) - 1
        whole = True
        if size is not None and size > most:
            whole = len(taken) + sum(1 for _ in islice(rows, size - len(taken))) == len(taken)
        elif size is None:
            whole = next(rows, None) is None
        yield Batch(file.name if size is None else f"{file.name}, rows {begins:,} to {last:,}", names, taken, whole)
        if size is None:
            return
        begins = last + 1
    if begins == 1:
        raise SettingsError(f"expected rows in {file.name}, got its header alone: leave it out of the folder")


def _of_server(declared: HttpSource, names: Sequence[str], most: int) -> Iterator[Batch]:
    """Asked from its start, and left as if it had never been asked: each request moves its count on."""
    url = declared.url or os.environ.get("RELEVO_SOURCE_URL")
    if not url:
        raise SettingsError(
            "expected the source's address, as url in the declaration or RELEVO_SOURCE_URL, got neither"
        )
    client = httpx.Client(timeout=httpx.Timeout(SECONDS, connect=10.0), limits=bounded_http.KEEP_NONE)
    with closing(client):
        source = Source(client, url, declared.group, declared.day, timeout=SECONDS, most=MOST_BYTES)
        source.restart()
        try:
            seen: set[int] = set()
            while len(seen) < most:
                answer = source.data()
                with answer.body:
                    batch = parse(answer.status, answer.body, declared.group, names)
                    if isinstance(batch, Exhausted) or batch.number in seen:
                        return
                    seen.add(batch.number)
                    columns = tuple(
                        dict.fromkeys([*(n for n in names if n not in batch.missing_columns), *batch.extra_columns])
                    )
                    most_rows = max(1, min(MOST_ROWS, MOST_VALUES // len(columns)))
                    rows = [row for part in parts(answer.body, batch, columns) for row in part]
                    yield Batch(f"batch {batch.number}", columns, rows[:most_rows], len(rows) <= most_rows)
        finally:
            source.restart()
