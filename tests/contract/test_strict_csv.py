"""What a CSV is and what is none, whoever wrote it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.strict_csv import DELIMITERS, Fault, NotCsvError, delimiter, rows


def lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def read(text: str, separator: str = ",") -> list[tuple[int, list[str]]]:
    return list(rows(lines(text), separator))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.text(
    " \"',;\t\r\n=x", max_size=8
)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))


@given(TABLES, st.sampled_from(DELIMITERS), st.sampled_from(["\n", "\r\n", "\r"]))
def test_whatever_a_writer_wrote_comes_back_to_the_letter(table: list[list[str]], separator: str, end: str) -> None:
    out = io.StringIO(newline="")
    # Python 3.11 quotes only the line end that it writes itself, and would leave the other one bare.
    writer = csv.writer(
        out,
        delimiter=separator,
        lineterminator=end,
        quoting=csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL,
    )
    begins = []
    for row in table:
        begins.append(len(list(lines(out.getvalue()))) + 1)
        writer.writerow(row)
    assert read(out.getvalue(), separator) == list(zip(begins, table, strict=True))


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ('a,b\n\n1,"2\n3,4\n5,6\n', 3, Fault.OPEN_QUOTE),
        ('a,b\n1,"2\n3,"4\n', 2, Fault.AFTER_QUOTE),
        ('a,b\n"1"x,2\n', 2, Fault.AFTER_QUOTE),
        ('a,b\n"1" ,2\n', 2, Fault.AFTER_QUOTE),
        ('a,b\n1, "2"\n', 2, Fault.BEFORE_QUOTE),
        ('a,b\n1, "2, 3"\n', 2, Fault.BEFORE_QUOTE),
        ("a,b\n1,2\n1,\0\n", 3, Fault.NUL),
        ('a,b\n1,"' + "2\n" * 70_000, 2, Fault.LONG),
    ],
)
def test_what_is_no_csv_is_refused_by_the_line_its_row_begins_in(text: str, line: int, fault: Fault) -> None:
    with pytest.raises(NotCsvError, match=f"line {line} ") as told:
        read(text)
    assert (told.value.line, told.value.fault) == (line, fault)


def test_a_line_that_ends_in_cr_alone_is_told_where_lines_are_cut_at_lf() -> None:
    with pytest.raises(NotCsvError) as told:
        list(rows(["a,b\n", "1,2\r3,4\n"], ","))
    assert (told.value.line, told.value.fault) == (2, Fault.LINE_END)


def test_a_quote_within_a_value_and_blanks_before_one_are_letters() -> None:
    assert read('5" pipe, x,"  "" y"\n') == [(1, ['5" pipe', " x", '  " y'])]


def test_blank_lines_and_lines_within_quotes_are_counted() -> None:
    assert read('\n\na,b\r\n\r\n"1\n\n2",3\r4,5\n') == [(3, ["a", "b"]), (5, ["1\n\n2", "3"]), (8, ["4", "5"])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bed,city\n", ","),
        ("bed;city\n", ";"),
        ("\nbed\tx, y, z; w\tcity\n", "\t"),
        ('"a, b, c";bed\n', ";"),
        ("a;b\n", ","),
    ],
)
def test_the_delimiter_is_the_one_that_finds_the_names(text: str, found: str) -> None:
    assert delimiter(lambda: lines(text), {"bed", "city"}.__contains__) == found
