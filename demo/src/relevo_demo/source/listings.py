"""A user's copy of the public listings, read from CSV.

The whole public file has 2.2 million rows. It is kept as it is on disk, with the place where each row begins; the rows
of a batch become JSON when they are asked for, so that the source is up in seconds and not in minutes.
"""

from __future__ import annotations

import io
import json
import re
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from relevo_contract import strict_csv

COLUMNS = (
    "brokered_by", "status", "price", "bed", "bath", "acre_lot", "street", "city", "state", "zip_code", "house_size",
    "prev_sold_date",
)  # fmt: skip
"""Of a listing, in the order of realtor.com's public file."""
AS_TEXT = frozenset({"status", "city", "state", "zip_code", "prev_sold_date"})
"""Columns that stay text; in the others what looks like a JSON number is one, to the letter."""
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)


class ListingsError(Exception):
    """The file cannot be served; the message says what was expected, what came and what to do."""


class Listings:
    """The rows of a file, in its order."""

    def __init__(self, content: bytes, starts: array[int], places: list[int], delimiter: str) -> None:
        self._content, self._starts, self._places, self._delimiter = content, starts, places, delimiter

    def __len__(self) -> int:
        return len(self._starts)

    def values(self, start: int = 0, stop: int | None = None) -> Iterator[list[str]]:
        """Rows `start` to before `stop`, each by COLUMNS, to the letter."""
        stop = len(self) if stop is None else stop
        begin = self._starts[start]
        end = self._starts[stop] if stop < len(self) else len(self._content)
        for _, row in strict_csv.rows(io.StringIO(self._content[begin:end].decode(), newline=""), self._delimiter):
            yield [row[place] for place in self._places]

    def rows(self, start: int, stop: int) -> list[str]:
        """The same as JSON objects."""
        return [self._object(row) for row in self.values(start, stop)]

    @staticmethod
    def _object(row: list[str]) -> str:
        return "{" + ", ".join([spell(value) for spell, value in zip(_SPELLINGS, row, strict=True)]) + "}"


def read(path: Path, most: int | None = None) -> Listings:
    """Read a file, or no more than its first rows. Raises ListingsError."""
    try:
        with path.open("rb") as file:
            delimiter = strict_csv.delimiter(lambda: _Lines(path, file), COLUMNS.__contains__)
            starts, places = _starts(path, _Lines(path, file), delimiter, most)
            end = file.tell()
            file.seek(0)
            return Listings(file.read(end), starts, places, delimiter)
    except OSError as error:
        raise ListingsError(f"expected to read {path}: {error.strerror}; give the path of a CSV file") from error
    except strict_csv.NotCsvError as error:
        raise ListingsError(
            f"expected CSV in line {error.line} of {path}, but {error.fault}: the file is damaged, or not saved as CSV"
        ) from error


class _Lines:
    """The lines of a file from its beginning, and how many bytes were read of it. Raises ListingsError."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        file.seek(0)
        self._path, self._file, self.position = path, file, 0

    def __iter__(self) -> Iterator[str]:
        number, encoding = 1, "utf-8-sig"
        try:
            while line := self._file.readline():
                self.position += len(line)
                yield line.decode(encoding)
                number, encoding = number + 1, "utf-8"
        except UnicodeDecodeError as error:
            raise ListingsError(
                f"expected UTF-8 in line {number} of {self._path}, got the byte {error.object[error.start]:#04x}: "
                "save the file as UTF-8"
            ) from error


def _starts(path: Path, lines: _Lines, delimiter: str, most: int | None) -> tuple[array[int], list[int]]:
    """Where each row begins, in bytes, and at which place in a row each column stands."""
    reader = strict_csv.rows(lines, delimiter)
    first, header = next(reader, (0, None))
    if header is None:
        raise ListingsError(f"expected listings in {path}, the file is empty")
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ListingsError(
            f"expected the columns {', '.join(COLUMNS)} in {path}, missing are {', '.join(missing)} "
            f"(found: {', '.join(names)[:200]}): use the public file realtor-data.csv as it is published"
        )
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise ListingsError(
            f"expected each column once in line {first} of {path}, more than once stands {', '.join(twice)}: "
            "name the other one differently"
        )
    width, starts, begin = len(names), array("q"), lines.position
    for line, row in reader:
        if len(row) != width:
            raise ListingsError(
                f"expected {width} values in line {line} of {path}, as the line of names has, got {len(row)}: "
                "the file is cut or damaged, or a value with a comma is not in quotes"
            )
        starts.append(begin)
        begin = lines.position
        if len(starts) == most:
            break
    if not starts:
        raise ListingsError(f"expected listings in {path}, found the header alone")
    return starts, [names.index(name) for name in COLUMNS]


class _Spelling:
    """A column's name and value as JSON; few values make up most of a file, so they are kept."""

    def __init__(self, name: str) -> None:
        self._name, self._as_text = json.dumps(name), name in AS_TEXT

    def __call__(self, value: str) -> str:
        return f"{self._name}: {self._value(value)}"

    def _value(self, value: str) -> str:
        if value == "":
            return "null"
        if not self._as_text and _JSON_NUMBER.match(value):
            return value
        return json.dumps(value, ensure_ascii=False)


_SPELLINGS = [lru_cache(maxsize=10_000)(_Spelling(name)) for name in COLUMNS]
