"""A CSV of the source: its header, its rows to the letter, and pieces of it that are CSV themselves. Pure."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from relevo_contract import strict_csv
from relevo_contract.texts import tidy
from relevo_jobs.collect.lines import LONGEST_ROW, lines
from relevo_jobs.collect.rows import MOST_ROWS, Row
from relevo_jobs.collect.table import Table
from relevo_jobs.errors import MalformedAnswer


class _Feed:
    """Lines as text for the reader, which takes none before the row that it belongs to; they are kept as they came."""

    def __init__(self, pieces: Iterable[bytes], where: str) -> None:
        self._lines, self._where = lines(pieces, where), where
        self._taken: list[bytes] = []
        self._length = self._number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._number += 1
            came = line.removeprefix(codecs.BOM_UTF8) if self._number == 1 else line
            self._taken.append(line)
            self._length += len(line)
            if self._length > LONGEST_ROW:
                raise MalformedAnswer(
                    f"expected rows of at most {LONGEST_ROW:,} bytes in {self._where}, the one that ends in line "
                    f"{self._number} is longer, or a quote is never closed"
                )
            try:
                yield came.decode()
            except UnicodeDecodeError as error:
                raise MalformedAnswer(
                    f"expected UTF-8 in {self._where}, line {self._number} is none ({error.reason}): save it as UTF-8"
                ) from None

    def taken(self) -> bytes:
        """The bytes of the lines since it was last asked."""
        taken = b"".join(self._taken)
        self._taken.clear()
        self._length = 0
        return taken


class Delimited:
    """A CSV with a header, of bytes that `begin` gives from a byte on, as often as it is asked."""

    def __init__(
        self, begin: Callable[[int], Iterable[bytes]], columns: Sequence[str], where: str, *, rest: bool = False
    ) -> None:
        """Read the header with the delimiter that finds most of these columns, or, of none, most names.

        Raises MalformedAnswer if it cannot.
        """
        self._begin, self._where = begin, where
        known = frozenset(columns).__contains__ if columns else bool
        self._delimiter = strict_csv.delimiter(lambda: _Feed(begin(0), where), known)
        feed = _Feed(begin(0), where)
        try:
            first = next(strict_csv.rows(feed, self._delimiter), None)
        except strict_csv.NotCsvError as error:
            raise MalformedAnswer(f"expected a CSV, {where} is none: {error}") from None
        self.head = feed.taken()
        self.table = None if first is None else Table([tidy(name) for name in first[1]], columns, where, rest=rest)
        """None: there is nothing in it."""

    def _rows(self, feed: _Feed, expected: int, where: str, above: int = 0) -> Iterator[list[str]]:
        """The rows of what is fed, each with so many values; so many lines stand above them."""
        try:
            for count, (line, values) in enumerate(strict_csv.rows(feed, self._delimiter)):
                if len(values) != expected:
                    raise MalformedAnswer(
                        f"expected {expected} values in each row of {where}, as in its header, got {len(values)} in "
                        f"line {line + above}: see whether the file was cut, or a value with a separator has no quotes"
                    )
                if count > MOST_ROWS:
                    raise MalformedAnswer(f"expected at most {MOST_ROWS:,} rows in {where}, got more: cut it by `rows`")
                yield values
        except strict_csv.NotCsvError as error:
            raise MalformedAnswer(
                f"expected a CSV, {where} is none: line {error.line + above}: {error.fault}"
            ) from None

    def rows(self) -> Iterator[Row]:
        """Its rows in the order of its table's `columns`. Raises MalformedAnswer at the first that is wrong."""
        if self.table is None:
            return
        feed = _Feed(self._begin(0), self._where)
        for values in islice(self._rows(feed, len(self.table.names), self._where), 1, None):
            feed.taken()
            yield self.table.row(values)

    def cut(self, first_byte: int, most: int, first_row: int = 0) -> Iterator[bytes]:
        """So many rows at most from this byte on (0: the first), each as its bytes, blank lines before it too."""
        if self.table is None:
            return
        where = f"{self._where} behind row {first_row}" if first_byte else self._where
        above = 0 if first_byte else self.head.count(b"\n")
        feed = _Feed(self._begin(first_byte or len(self.head)), where)
        for _ in islice(self._rows(feed, len(self.table.names), where, above), most):
            yield feed.taken()
