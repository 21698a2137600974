"""A table whose columns have names: which of them the data set knows, and its rows in the data set's order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from relevo_contract.texts import shown
from relevo_jobs.collect.answers import EXTRA_NAMED
from relevo_jobs.collect.rows import LONGEST_NAME, MOST_COLUMNS, PART, PART_LENGTH, Row, storable
from relevo_jobs.errors import MalformedAnswer


class Table:
    """The columns of a table, held against those that its rows should have."""

    def __init__(self, names: Sequence[str], columns: Sequence[str], where: str, *, rest: bool = False) -> None:
        """With `rest`, a row has the values of all other columns as well, behind those that it should have.

        Raises MalformedAnswer if it has too many columns, one twice, or none of those that it should have.
        """
        self.names, self.where = names, where
        if len(names) > MOST_COLUMNS:
            raise MalformedAnswer(f"expected at most {MOST_COLUMNS:,} columns in {where}, got {len(names):,}")
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise MalformedAnswer(
                f"expected each column of {where} once, {', '.join(shown(name) for name in twice[:5])} stands twice: "
                "nobody can say which one is meant"
            )
        places = {name: place for place, name in enumerate(names)}
        self.missing = tuple(name for name in columns if name not in places)
        if columns and len(self.missing) == len(columns):
            raise MalformedAnswer(
                f"expected the columns {', '.join(columns[:20])} in {where}, got "
                f"{', '.join(shown(name) for name in names[:20])}: see whether its first row has their names, and "
                "the use case's columns (`from` is what the source calls one)"
            )
        known = frozenset(columns)
        others = [name for name in names if name not in known]
        self.extra = tuple(storable(name)[:LONGEST_NAME] for name in sorted(others)[:EXTRA_NAMED])
        self.columns = (*columns, *others) if rest else tuple(columns)
        """What a row has values of."""
        self._places = [places.get(name) for name in self.columns]

    def row(self, values: Sequence[str | None]) -> Row:
        """The values in the order of `columns`; None of a column that the table does not have."""
        return tuple([None if place is None else values[place] for place in self._places])


def in_parts(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    """The rows, some thousand at a time, fewer if they are long."""
    part: list[Row] = []
    length = 0
    for row in rows:
        part.append(row)
        length += sum(map(len, filter(None, row)))
        if len(part) == PART or length > PART_LENGTH:
            yield part
            part, length = [], 0
    if part:
        yield part
