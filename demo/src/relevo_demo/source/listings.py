"""A user's copy of the public listings, read from CSV.

The whole public file has 2.2 million rows. It is kept as it is on disk, with the place where each row begins; the rows
of a batch become JSON when they are asked for, so that the source is up in seconds and not in minutes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from relevo_contract.listing import COLUMNS

AS_TEXT = frozenset({"status", "city", "state", "zip_code", "prev_sold_date"})
"""Columns that stay text; in the others what looks like a JSON number is one, to the letter."""
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)


class ListingsError(Exception):
    """The file cannot be served; the message says what was expected, what came and what to do."""


class Listings:
    """The rows of a file, in its order."""

    def __init__(self, content: bytes, starts: array[int], places: list[int]) -> None:
        self._content, self._starts, self._places = content, starts, places

    def __len__(self) -> int:
        return len(self._starts)

    def rows(self, start: int, stop: int) -> list[str]:
        """Rows `start` to before `stop`, each as a JSON object, its values to the letter."""
        begin = self._starts[start]
        end = self._starts[stop] if stop < len(self) else len(self._content)
        text = io.StringIO(self._content[begin:end].decode(), newline="")
        return [self._object(row) for row in csv.reader(text) if row]

    def _object(self, row: list[str]) -> str:
        told = [spell(row[place]) for spell, place in zip(_SPELLINGS, self._places, strict=True)]
        return "{" + ", ".join(told) + "}"


def read(path: Path, most: int | None = None) -> Listings:
    """Read a file, or no more than its first rows. Raises ListingsError."""
    try:
        with path.open("rb") as file:
            starts, places = _starts(path, file, most)
            end = file.tell()
            file.seek(0)
            return Listings(file.read(end), starts, places)
    except OSError as error:
        raise ListingsError(f"expected to read {path}: {error.strerror}; give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListingsError(f"expected UTF-8 CSV in {path}: {error}") from error


class _Lines:
    """The lines of a file, and how many bytes were read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.position = file, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline():
            first = self.position == 0
            self.position += len(line)
            yield line.decode("utf-8-sig" if first else "utf-8")


def _starts(path: Path, file: BinaryIO, most: int | None) -> tuple[array[int], list[int]]:
    """Where each row begins, in bytes, and at which place in a row each column stands."""
    lines = _Lines(file)
    reader = csv.reader(lines)
    header = next(reader, None)
    if header is None:
        raise ListingsError(f"expected listings in {path}, the file is empty")
    names = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ListingsError(
            f"expected the columns {', '.join(COLUMNS)} in {path}, missing are {', '.join(missing)} "
            f"(found: {', '.join(names)[:200]}): use the public file realtor-data.csv as it is published"
        )
    width, starts, begin = len(names), array("q"), lines.position
    for row in reader:
        if len(row) == width:
            starts.append(begin)
        elif row:  # an empty line is none
            raise ListingsError(
                f"expected {width} values in line {reader.line_num} of {path}, got {len(row)}: "
                "the file is cut or damaged"
            )
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
