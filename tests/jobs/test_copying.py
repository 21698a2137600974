"""Rows as COPY text, proven against a real PostgreSQL by a round trip."""

from __future__ import annotations

import itertools

import psycopg
import pytest

from relevo_demo.servers import PostgresServer
from relevo_jobs.stores.copying import block

Row = tuple[str | None, ...]

AWKWARD = [
    "", " ", "\t", "\n", "\r", "\r\n", "\\", "\\\\", "\\n", "\\N", "\\.", "\n\\.\n", "\\t", "\\101", "\b", "\f",
    "\v", "\x01", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "é", "e\u0301", "日本", "🏠", '"', "'", ",", ";",
    "NULL", "null", "a\tb\\c\nd", "ends with \\", "\\\tmixed", "$1,000", "x" * 100_000,
]  # fmt: skip


def round_trip(postgres: PostgresServer, rows: list[Row]) -> list[Row]:
    width = len(rows[0])
    names = ", ".join(f"c{i}" for i in range(width))
    with psycopg.connect(postgres.url("metadata"), passfile=str(postgres.passfile)) as connection:
        connection.execute(f"create temp table t (n serial, {', '.join(f'c{i} text' for i in range(width))})")
        with connection.cursor().copy(f"copy t ({names}) from stdin") as copy:
            copy.write(block(rows))
        return connection.execute(f"select {names} from t order by n").fetchall()


def test_every_awkward_text_comes_back_to_the_letter(postgres: PostgresServer) -> None:
    rows: list[Row] = [(value,) for value in AWKWARD]
    assert round_trip(postgres, rows) == rows


def test_awkward_texts_beside_each_other_and_beside_null(postgres: PostgresServer) -> None:
    values: list[str | None] = [None, "", *AWKWARD[2:12], "plain"]
    rows: list[Row] = list(itertools.product(values, repeat=2))
    assert round_trip(postgres, rows) == rows


def test_null_is_not_the_empty_string(postgres: PostgresServer) -> None:
    rows: list[Row] = [(None, ""), ("", None), (None, None), ("", "")]
    assert round_trip(postgres, rows) == rows


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\x00", "\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\udfff\n", "\ufffd\n"),
        ("\ud83c\udfe0", "\ufffd\ufffd"),
    ],
)
def test_what_text_cannot_hold_becomes_the_replacement_character(
    postgres: PostgresServer, value: str, stored: str
) -> None:
    assert round_trip(postgres, [(value, None), ("whole", "row")]) == [(stored, None), ("whole", "row")]


def test_no_rows_are_no_bytes() -> None:
    assert block([]) == b""


def test_columns_in_front_are_put_in_every_row(postgres: PostgresServer) -> None:
    rows: list[Row] = [("a\tb", None), ("", "\\")]
    text = block(rows, before=(["7", "7"], ["0", "1"]))
    assert text == b"7\t0\ta\\tb\t\\N\n7\t1\t\t\\\\\n"
    assert round_trip(postgres, [("7", "0", *rows[0]), ("7", "1", *rows[1])])[1] == ("7", "1", "", "\\")


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values in every row"):
        block([("a", "b"), ("a",), ("a", "b", "c")])
