"""A batch's rows as they come: what they have in common, which columns they bring, what is wrong with them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from relevo_contract.texts import shown

LONGEST_NAME: Final = 100
"""Characters of an unknown column's name that are told."""
MOST_ROWS: Final = 10_000_000
"""Rows of a batch: an empty one has three bytes."""
MOST_COLUMNS: Final = 1_600
"""Names in a batch's rows: as many as a table of PostgreSQL can have."""
DEEPEST: Final = 32
"""Lists and objects within each other in one value."""
PART: Final = 2_000
"""Rows looked at at a time..."""
PART_LENGTH: Final = 2**20
"""...or fewer, if they have more characters than this."""

Row = tuple[str | None, ...]
"""A row's values in the order of the data set's columns, to the letter; None where null or absent."""

_UNSPEAKABLE: Final = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text without what neither PostgreSQL nor UTF-8 can hold: NUL and lone surrogates become U+FFFD."""
    return _UNSPEAKABLE.sub("\ufffd", text)


class _Defect(Exception):
    """Why these are no rows."""


class Rows:
    """Rows that are taken in one by one and given back in parts. What is first found wrong is in `defect`.

    What every row has in common is asked once for a part: a look into each value costs as much as the JSON did.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        """The rows should have these columns."""
        self._columns, self._names = columns, frozenset(columns)
        self._part: list[Any] = []
        self._length = 0
        self._kind: type = dict
        self._seen: set[str] = set()
        self.count = 0
        self.extra: set[str] = set()
        """Columns that the data set does not know, their names made legible and short."""
        self.defect: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns of the data set that no row had."""
        return tuple(name for name in self._columns if name not in self._seen)

    def add(self, row: Any, length: int) -> Sequence[Row]:
        """Take a row of so many characters; gives a part of the rows, where one is full."""
        if self.defect is not None:
            return ()
        if not self.count:
            self._kind = dict if isinstance(row, dict) else list
        self.count += 1
        self._part.append(row)
        self._length += length
        return self.rest() if len(self._part) == PART or self._length > PART_LENGTH else ()

    def rest(self) -> Sequence[Row]:
        """The rows that were taken and not given back."""
        part, self._part, self._length = self._part, [], 0
        if not part:
            return ()
        try:
            return self._taken(part, self.count - len(part))
        except _Defect as defect:
            self.defect = str(defect)
            return ()

    def _taken(self, part: list[Any], first: int) -> Sequence[Row]:
        if self.count > MOST_ROWS:
            raise _Defect(f"expected at most {MOST_ROWS:,} rows, got more")
        if set(map(type, part)) != {self._kind}:
            place = next(i for i, row in enumerate(part) if not isinstance(row, self._kind))
            told = "nested too deep" if is_deep(part[place]) else shown(json.dumps(part[place], ensure_ascii=False))
            raise _Defect(f"expected every row to be an object, or every row a list, row {first + place} is {told}")
        rows = self._named(part, first) if self._kind is dict else self._listed(part, first)
        if not set(map(type, chain.from_iterable(rows))) <= {str, type(None)}:
            rows = [tuple([_as_text(value, first + i) for value in row]) for i, row in enumerate(rows)]
        return rows

    def _listed(self, part: list[list[Any]], first: int) -> list[tuple[Any, ...]]:
        if set(map(len, part)) != {len(self._columns)}:  # values without names: nobody could say which one is gone
            place = next(i for i, row in enumerate(part) if len(row) != len(self._columns))
            raise _Defect(
                f"expected {len(self._columns)} values in each row, got {len(part[place])} in row {first + place}: the "
                "source's columns changed, and rows without names do not say how"
            )
        self._seen = set(self._columns)
        return list(map(tuple, part))

    def _named(self, part: list[dict[str, Any]], first: int) -> list[tuple[Any, ...]]:
        if set(map(len, part)) == {len(self._columns)}:
            try:
                found = list(map(_getter(self._columns), part))
            except KeyError:  # as many names, but others
                pass
            else:
                self._seen = set(self._columns)
                return found
        widest = max(range(len(part)), key=lambda i: len(part[i]))
        if len(part[widest]) > MOST_COLUMNS:
            raise _Defect(
                f"expected at most {MOST_COLUMNS:,} columns, got {len(part[widest]):,} in row {first + widest}"
            )
        names: set[str] = set().union(*part)
        self._seen |= names & self._names
        self.extra |= {storable(name)[:LONGEST_NAME] for name in names - self._names}
        if len(self._seen) + len(self.extra) > MOST_COLUMNS:
            raise _Defect(f"expected at most {MOST_COLUMNS:,} columns in all rows together, got more")
        return [tuple(map(row.get, self._columns)) for row in part]


def _getter(columns: Sequence[str]) -> Any:
    """Takes the columns' values out of a row, as a tuple also of one."""
    if len(columns) == 1:
        return lambda row: (row[columns[0]],)
    return itemgetter(*columns)


def is_deep(value: Any) -> bool:
    """Whether there are more than DEEPEST lists and objects within each other."""
    nested = [value]
    for _ in range(DEEPEST + 1):
        nested = [one for one in nested if isinstance(one, list | dict)]
        if not nested:
            return False
        nested = list(chain.from_iterable(one.values() if isinstance(one, dict) else one for one in nested))
    return True


def _as_text(value: Any, row: int) -> str | None:
    """A value that is neither text nor number: true, false, a list or an object, as JSON."""
    if value is None or isinstance(value, str):
        return value
    if is_deep(value):
        raise _Defect(f"expected at most {DEEPEST} lists and objects within each other, got more in row {row}")
    return json.dumps(value, ensure_ascii=False)
