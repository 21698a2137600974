"""Batches as strangers send them: whatever JSON has, in any column, of houses that may be one and the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from tests.houses import COLUMNS
from tests.jobs.market import listings

SMALL: Final = (1, 3, 40, 99)
"""Rows below what decide judges."""
LARGE: Final = (100, 130)
"""Rows enough to judge, and to train on."""

TEXTS: Final = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.text(max_size=3).map(lambda text: text * 100),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "N/A",
                "NaN",
                "null",
                "\u202eacademy",
                "a\x00b",
                "\ud800",
                "\u200b",
                "x" * 230,
                "9" * 300,
                "'; --",
            ),
            *("350000,50", "0,12", "1,200", "1_000", "0x10", "١٢٣", "1e5", "1e400", "-5", "$3", "00000", "99999", "0"),
            *(
                "2019-02-30",
                "0001-01-01",
                "9999-12-31",
                "20190628",
                "2019-06-28T10:00",
                "01/02/2003",
                "infinity",
                "\\N",
            ),
        ]
    ),
)
NUMBERS: Final = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([0, -1, 1e-320, 5e-324, 1.7e308, 10**30, 10**320, 99_999, 2**31, 0.1 + 0.2, 1e38, 3.5e38]),
)
VALUES: Final = st.one_of(
    st.none(),
    TEXTS,
    NUMBERS,
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(TEXTS, NUMBERS, max_size=2),
)

Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


@dataclass(frozen=True)
class Told:
    """A change to a batch, and what it is, for who reads a failure."""

    name: str
    change: Change

    def __repr__(self) -> str:
        return self.name


def good(rows: int, seed: int) -> list[Row]:
    """Rows as the source should send them."""
    table = listings(rows, seed)
    found = []
    for place in range(rows):
        row = {name: table[name][place] for name in COLUMNS}
        found.append({n: None if v is None or v != v or str(v) == "NaT" else _plain(v) for n, v in row.items()})
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else str(value) if "date" in str(type(value)) else float(value)


def _cells(column: str, values: list[Any], seed: int, share: float) -> Told:
    def change(rows: list[Row]) -> list[Row]:
        draw = random.Random(seed)
        return [row | {column: draw.choice(values)} if draw.random() < share else row for row in rows]

    return Told(f"{share:.0%} of {column} are of {values!r}", change)


def without(column: str) -> Told:
    return Told(
        f"{column} is gone", lambda rows: [{name: v for name, v in row.items() if name != column} for row in rows]
    )


def _with(name: str, value: Any) -> Told:
    return Told(f"a column {name!r} of {value!r}", lambda rows: [row | {name: value} for row in rows])


def one_house(columns: tuple[str, ...]) -> Told:
    def change(rows: list[Row]) -> list[Row]:
        return [row | {name: rows[0].get(name) for name in columns} for row in rows]

    return Told(f"{', '.join(columns)} are the first row's in every row", change)


def _scaled(column: str, factor: float) -> Told:
    def scaled(value: Any) -> Any:
        return value * factor if isinstance(value, float | int) and not isinstance(value, bool) else value

    return Told(f"{column} times {factor}", lambda rows: [row | {column: scaled(row.get(column))} for row in rows])


def _as_text(rows: list[Row]) -> list[Row]:
    return [{name: None if value is None else f" {value}" for name, value in row.items()} for row in rows]


def _twice(rows: list[Row]) -> list[Row]:
    return rows + rows


CHANGES: Final = st.one_of(
    st.builds(
        _cells,
        st.sampled_from(COLUMNS),
        st.lists(VALUES, min_size=1, max_size=4),
        st.integers(0, 99),
        st.sampled_from([0.02, 0.5, 1.0]),
    ),
    st.builds(without, st.sampled_from(COLUMNS)),
    st.builds(_with, TEXTS, VALUES),
    st.builds(
        one_house,
        st.sampled_from(
            [("street", "city", "state", "zip_code"), ("street",), ("state",), ("price",), tuple(COLUMNS[:2]), COLUMNS]
        ),
    ),
    st.builds(
        _scaled, st.sampled_from(["price", "bed", "house_size", "acre_lot"]), st.sampled_from([0.0, -1.0, 1e-3, 1e6])
    ),
    st.just(Told("every value is a text", _as_text)),
    st.just(Told("every row comes twice", _twice)),
)


@dataclass(frozen=True)
class Stranger:
    """A batch that a source may send, in the form of its answer."""

    rows: int
    seed: int
    changes: tuple[Told, ...]
    as_lists: bool

    @property
    def data(self) -> list[Any]:
        """The answer's `data`."""
        rows = good(self.rows, self.seed)
        for told in self.changes:
            rows = told.change(rows)
        return [list(row.values()) for row in rows] if self.as_lists else rows


def strangers(rows: tuple[int, ...]) -> st.SearchStrategy[Stranger]:
    """Batches of so many rows."""
    return st.builds(
        Stranger,
        rows=st.sampled_from(rows),
        seed=st.integers(0, 20),
        changes=st.lists(CHANGES, min_size=1, max_size=4).map(tuple),
        as_lists=st.sampled_from([False, False, False, True]),
    )
