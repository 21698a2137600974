"""The lines of bytes that come in pieces, and rows as JSON, one a line. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from relevo_jobs.collect.table import Table
from relevo_jobs.errors import MalformedAnswer

LONGEST_ROW: Final = 2**20
"""Bytes of a row, as of one over HTTP."""


def lines(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    """The lines with their ends. Raises MalformedAnswer if one is longer than a row may be."""
    rest = b""
    for piece in pieces:
        whole, end, begun = (rest + piece).rpartition(b"\n")
        if end:
            yield from (line + b"\n" for line in whole.split(b"\n"))
        rest = begun if end else rest + piece
        if len(rest) > LONGEST_ROW:
            raise MalformedAnswer(f"expected rows of at most {LONGEST_ROW:,} bytes in {where}, got a longer line")
    if rest:
        yield rest


def as_json(names: Sequence[str], rows: Iterable[Sequence[str | None]], where: str) -> Iterator[bytes]:
    """The rows as JSON, one a line. Raises MalformedAnswer if one is longer than it may be."""
    for place, row in enumerate(rows):
        line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False).encode()
        if len(line) >= LONGEST_ROW:
            raise MalformedAnswer(f"expected rows of at most {LONGEST_ROW:,} bytes in {where}, row {place} is longer")
        yield line + b"\n"


def from_json(pieces: Iterable[bytes], table: Table) -> Iterator[tuple[str | None, ...]]:
    """The rows that `as_json` wrote, in the data set's order."""
    for line in lines(pieces, table.where):
        yield table.row(list(json.loads(line).values()))
