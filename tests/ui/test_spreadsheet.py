"""What a spreadsheet makes of a table that the UI wrote: never a formula."""

from __future__ import annotations

import csv
import io
import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relevo_contract.strict_csv import DELIMITERS
from relevo_ui.spreadsheet import harmless, written

SIGNS = tuple("=+-@＝＋－＠")
FORMULA = (*SIGNS, "\t", "\r")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1 787 555", "'+1 787 555"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("\tx", "'\tx"),
        ("\r=1", "'\r'=1"),
        ("＝1", "'＝1"),
        ("＠x", "'＠x"),
        ("  =1", "'  =1"),
        ("\u00a0\u200b\ufeff=1", "'\u00a0\u200b\ufeff=1"),
        ('"=1"', '\'"=1"'),
        ("a;=1", "a;'=1"),
        ('a;" =1"', 'a;\'" =1"'),
        ("a,=1\t+2", "a,'=1\t'+2"),
        ("a\n=1", "a\n'=1"),
        ("a;-5", "a;'-5"),
        ("-5,=1", "'-5,'=1"),
        ("-5*cmd|' /C calc'!A0", "'-5*cmd|' /C calc'!A0"),
        ("-٣", "'-٣"),
        ("-inf", "'-inf"),
    ],
)
def test_what_would_be_a_formula_is_text(value: str, safe: str) -> None:
    assert harmless(value) == safe


@pytest.mark.parametrize(
    "value",
    [
        "-5",
        "+5",
        "-1.5e3",
        "-.5",
        "-1.5E-3",
        "5",
        "",
        "a=b",
        "San Juan, PR",
        "a-b",
        "12 Main St\nApt 4",
        "'=1",
        7,
        1.5,
        None,
    ],
)
def test_numbers_and_words_stay(value: object) -> None:
    assert harmless(value) == value


def test_a_decimal_comma_is_a_number_where_commas_separate_nothing() -> None:
    assert harmless("-66,72", ";") == "-66,72"
    assert harmless("-66,72", ",") == "'-66,72"


TEXTS = st.text(max_size=10) | st.text(" \"',;\t\r\n=+-@＝x5.\u00a0", max_size=10)


def formulas(cell: str, delimiter: str) -> list[str]:
    """What of a cell would be a formula, as it is or cut by any separator; a number is none."""
    if NUMBER.fullmatch(cell) or (delimiter != "," and DECIMAL_COMMA.fullmatch(cell)):
        return []
    pieces = [cell, *re.split("[,;\t]", cell)]
    return [piece for piece in pieces if piece.startswith(FORMULA) or piece.lstrip(' "\u00a0').startswith(SIGNS)]


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), min_size=1, max_size=3), st.sampled_from(DELIMITERS))
def test_no_value_begins_a_formula_wherever_it_is_cut(rows: list[list[str]], delimiter: str) -> None:
    back = list(csv.reader(io.StringIO(written(rows, delimiter), newline=""), delimiter=delimiter, strict=True))
    assert [len(row) for row in back] == [len(row) for row in rows]
    assert [found for row in back for cell in row for found in formulas(cell, delimiter)] == []


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), min_size=1, max_size=3))
@example([["x", 'a;" =1"'], ["x", 'b;""=2']])
def test_no_value_begins_a_formula_where_the_file_is_opened_with_another_separator(rows: list[list[str]]) -> None:
    """Read leniently, as spreadsheets do. Signed numbers are left out: cut or not they begin with their sign."""
    unsigned = [[re.sub(r"[+-](?=[\d.])", "", cell) for cell in row] for row in rows]
    for delimiter, other in itertools.permutations(DELIMITERS, 2):
        cut = csv.reader(io.StringIO(written(unsigned, delimiter), newline=""), delimiter=other)
        assert [cell for row in cut for cell in row if cell.lstrip(' "\u00a0').startswith(SIGNS)] == []


@given(st.lists(st.lists(st.text("abcñ ,;\t\n\"'5", max_size=6), min_size=2, max_size=2), min_size=1, max_size=4))
def test_what_is_no_formula_is_written_as_it_is(rows: list[list[str]]) -> None:
    text = written(rows, ";", marked=True)
    assert text[0] == "\ufeff"
    back = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";", strict=True))
    assert back == [[f"'{cell}" if cell.startswith(("\t", "\n")) else cell for cell in row] for row in rows]
