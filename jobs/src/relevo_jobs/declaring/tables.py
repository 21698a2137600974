"""The beginning of a table in a file, CSV or Parquet: as much as a guess needs, however large the file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from relevo_contract import strict_csv
from relevo_contract.texts import shown
from relevo_contract.use_case.columns import MOST_COLUMNS
from relevo_jobs.collect.texts import as_text
from relevo_jobs.errors import SettingsError

MOST_ROWS: Final = 20_000
"""Rows that are looked at..."""
MOST_VALUES: Final = 2_000_000
"""...or fewer, if they have more values than this."""
LONGEST_LINE: Final = 2**22
"""Characters of a line."""
_OTHERS: Final = {
    b"\x1f\x8b": "is packed by gzip: unpack it",
    b"PK\x03\x04": "is an Excel workbook or another zip: save the table as CSV",
    b"SQLite format 3": "is a SQLite database: export the table as CSV",
}
"""What people take for a table, by how it begins."""

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Table:
    """The beginning of a table."""

    names: tuple[str, ...]
    """As the file has them."""
    columns: tuple[list[str | None], ...]
    """The values of each, as texts."""
    rows: int
    """That were looked at."""
    rows_in_file: int
    """Counted, or estimated by the file's size."""
    whole: bool
    """Whether these are all rows."""


@dataclass(frozen=True)
class Batch:
    """A batch as it came."""

    title: str
    """Where it came from."""
    names: tuple[str, ...]
    """As the source calls its columns."""
    rows: Sequence[Row]
    """In the order of the names."""
    whole: bool
    """Whether these are all of its rows."""


def beginning(file: Path, target: str) -> Table:
    """Look at the beginning of a file that should have this column.

    Raises SettingsError if it is no table, or has no names, no rows, or too many columns.
    """
    names, rows = opened(file, lambda name: name == target)
    most = max(1, min(MOST_ROWS, MOST_VALUES // len(names)))
    taken: list[Row] = []
    read = 0
    for row, size in rows:
        taken.append(row)
        read += size
        if len(taken) == most:
            break
    if not taken:
        raise SettingsError(f"expected rows in {file.name}, got its header alone: name a file that has some")
    whole = next(rows, None) is None
    in_file = len(taken)
    if not whole:
        counted = pq.read_metadata(file).num_rows if is_parquet(file) else 0
        in_file = counted or max(in_file + 1, round(file.stat().st_size * len(taken) / max(1, read)))
    columns = tuple(list(column) for column in zip(*taken, strict=True))
    return Table(names, columns, len(taken), in_file, whole)


def is_parquet(file: Path) -> bool:
    """Whether a file says that it is Parquet."""
    with file.open("rb") as opened_file:
        return opened_file.read(4) == b"PAR1"


def opened(file: Path, known: Callable[[str], bool]) -> tuple[tuple[str, ...], Iterator[tuple[Row, int]]]:
    """The names of a file's columns, and its rows one after another, each with its size in bytes, or 0.

    Of names that are known a CSV's separator is found. Raises SettingsError, also while the rows are read.
    """
    try:
        with file.open("rb") as opened_file:
            begins = opened_file.read(16)
    except OSError as error:
        raise SettingsError(f"expected a readable file at {file}, got: {error.strerror}") from None
    if not begins.strip():
        raise SettingsError(f"expected a table in {file.name}, got an empty file")
    for how, said in _OTHERS.items():
        if begins.startswith(how):
            raise SettingsError(f"expected CSV or Parquet, {file.name} {said}")
    names, rows = _parquet(file) if begins.startswith(b"PAR1") else _csv(file, known)
    if len(names) > MOST_COLUMNS:
        raise SettingsError(
            f"expected at most {MOST_COLUMNS:,} columns, {file.name} has {len(names):,}: keep those that may "
            "tell something"
        )
    twice = {name for name in names if name.strip() and names.count(name) > 1}
    if twice:
        raise SettingsError(
            f"expected each name once in the first line of {file.name}, {shown(min(twice))} stands twice: rename one"
        )
    return names, rows


def _lines(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        number = 0
        try:
            while line := text.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise SettingsError(
                        f"expected lines of fewer than {LONGEST_LINE:,} characters in {file.name}, line {number} "
                        "has more"
                    )
                yield line
        except UnicodeDecodeError as error:
            raise SettingsError(
                f"expected UTF-8 in {file.name}, got the byte {error.object[error.start]:#04x} after line {number}: "
                "save it as UTF-8"
            ) from None


def _csv(file: Path, known: Callable[[str], bool]) -> tuple[tuple[str, ...], Iterator[tuple[Row, int]]]:
    delimiter = strict_csv.delimiter(lambda: _lines(file), known)
    try:
        _, header = next(strict_csv.rows(_lines(file), delimiter))
        if not any(map(known, header)):  # none is known: the one that makes most of it
            delimiter = max(strict_csv.DELIMITERS, key=lambda one: len(_header(file, one)))
            header = _header(file, delimiter)
    except StopIteration:
        raise SettingsError(f"expected a table in {file.name}, got blank lines alone") from None
    except strict_csv.NotCsvError as error:
        raise SettingsError(f"expected CSV or Parquet in {file.name}: {error}") from None
    return tuple(header), _csv_rows(file, delimiter, len(header))


def _header(file: Path, delimiter: str) -> list[str]:
    try:
        return next(strict_csv.rows(_lines(file), delimiter))[1]
    except strict_csv.NotCsvError:
        return []


def _csv_rows(file: Path, delimiter: str, width: int) -> Iterator[tuple[Row, int]]:
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in _lines(file):
            read += len(line) if line.isascii() else len(line.encode())
            yield line

    rows = strict_csv.rows(counted(), delimiter)
    try:
        next(rows)
        before = read
        for line, values in rows:
            if len(values) != width:
                raise SettingsError(
                    f"expected {width} values in each row of {file.name}, as its first line has, line {line} has "
                    f"{len(values)}: a value with {shown(delimiter)} in it stands in quotes"
                )
            yield tuple(values), read - before
            before = read
    except strict_csv.NotCsvError as error:
        raise SettingsError(f"expected CSV in {file.name}: {error}") from None


def _parquet(file: Path) -> tuple[tuple[str, ...], Iterator[tuple[Row, int]]]:
    try:
        names = tuple(pq.read_schema(file).names)
    except (pa.ArrowException, OSError) as error:
        raise SettingsError(
            f"expected Parquet in {file.name}, got: {str(error)[:200]}: it was cut, or is damaged"
        ) from None
    if not names:
        raise SettingsError(f"expected columns in {file.name}, got none")
    return names, _parquet_rows(file, max(1, min(1_000, MOST_VALUES // 10 // len(names))))


def _parquet_rows(file: Path, part: int) -> Iterator[tuple[Row, int]]:
    try:
        with pq.ParquetFile(file) as table:
            for rows in table.iter_batches(batch_size=part):
                columns = [[as_text(value) for value in column.to_pylist()] for column in rows.columns]
                for row in zip(*columns, strict=True):
                    yield row, 0
    except (pa.ArrowException, OSError) as error:
        raise SettingsError(
            f"expected Parquet in {file.name}, got: {str(error)[:200]}: it was cut, or is damaged"
        ) from None
