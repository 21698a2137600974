"""A person's file of rows: read to the letter or refused by its line, and given back whole beside the predictions."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.strict_csv import DELIMITERS
from relevo_contract.version import Example
from relevo_ui import row_file, spreadsheet
from relevo_ui.api import Prediction
from relevo_ui.language import english, spanish
from tests.houses import LISTINGS

read = partial(row_file.read, data=LISTINGS)
PREDICTION = Prediction(prediction=1000.004, low=1, high=2, unseen=["city", "state"], missing=[])


def told(
    file: row_file.RowFile,
    predictions: Mapping[int, tuple[Prediction, int]],
    notes: Mapping[int, str] | None = None,
    problems: Mapping[int, str] | None = None,
) -> list[list[str]]:
    """The download, read again."""
    table = row_file.table(file, "price", predictions, notes or {}, problems or {})
    text = spreadsheet.written(table, file.delimiter, marked=file.marked)
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=file.delimiter, strict=True))


def test_a_file_is_read_by_its_names_whatever_their_spelling_and_its_values_are_sent_as_they_stand() -> None:
    file = read("\ufeffBed;House Size;zip code;note\n3; 920,5 ;00601;mine\n;;n/a;\n".encode())
    assert file.sent == ({"bed": "3", "house_size": "920,5", "zip_code": "00601"}, {"zip_code": "n/a"})
    assert file.ignored == ("note",)
    assert file.rows[0] == ("3", " 920,5 ", "00601", "mine")
    assert (file.delimiter, file.marked) == (";", True)


def test_the_example_is_the_typical_row() -> None:
    typical = Example(inputs={"bed": 3.0, "city": "Ponce", "prev_sold_date": 18_262.0}, prediction=1.0)
    (row,) = read(row_file.example(LISTINGS, typical).encode()).sent
    assert row == {"bed": "3", "city": "Ponce", "prev_sold_date": "2020-01-01"}
    assert not any(LISTINGS.understand(row)[1:])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a first line with names"),
        (b"\n\n\n", "a first line with names"),
        (b"a,b\n1,2\n", "a first line with names"),
        (b"bed,bath\n", "at least one row"),
        (b"bed,bath\n\n\r\n", "at least one row"),
        (b"bed\n" + b"1\n" * (row_file.MOST_ROWS + 1), "at most 20,000 rows"),
        (b"bed\n" + b"1" * 20_000_000, "at most 20 MB"),
        (b"bed" + b",x" * 200 + b"\n", "at most 200 columns, the file has 201"),
        (b"bed,city\n1,a\n2," + b"b" * 40_000 + b"\n", "one in line 3 has 40,000"),
        (b"bed,city\n3,1,200\n4,Ponce\n", r"Expected 2 values .*: 2 \(3\)\. A value with a separator \(,\)"),
        (b"bed,city\n\n3\n\n4,Ponce\n5\n", r": 3 \(1\), 6 \(1\)\."),
        (b"bed\tcity\n" + b"3\n" * 30, r"11 \(1\), …\. A value with a separator \(tab\)"),
        (b'bed,city\n3,"Ponce\n\nPueblo"\n4\n', r": 5 \(1\)\."),
        (b'bed,city\n\n3,"Ponce\n2,Ponce\n4,Ponce\n', "Line 3 is no CSV: a quote is opened"),
        (b'bed,city\n3,"Ponce"x\n', "Line 2 is no CSV: something stands"),
        (b'bed,city\n3, "Ponce"\n', "Line 2 is no CSV: a blank stands"),
        (b"bed,city\n3,Ponce\n3,\0\n", "Line 3 is no CSV: there is a NUL"),
        (b'"bed,city\n3,Ponce\n', "Line 1 is no CSV: a quote is opened"),
        ("bed,city\n3,Añasco\n".encode("utf-16"), "in UTF-8, line 1"),
        ("bed,city\n3,Añasco\n".encode("utf-16-le"), "in UTF-8, line 2"),
        ("bed,city\r\n3,Ponce\r\n3,Añasco\r\n".encode("latin-1"), "in UTF-8, line 3"),
        ("bed,city\r3,Ponce\r3,Añasco\r".encode("latin-1"), "in UTF-8, line 3"),
        (b"bed,city,bed\n3,Ponce,4\n", "line 1 names bed more than once"),
        (b"\nBed;city; bed \n3;Ponce;4\n", "line 2 names bed more than once .“Bed”, “ bed ”"),
        (b"House Size,house_size\n3,4\n", "names house_size more than once"),
    ],
)
def test_a_file_that_is_none_is_told_what_was_expected_and_where(content: bytes, said: str) -> None:
    with pytest.raises(row_file.FileError, match=said) as wrong:
        read(content)
    assert wrong.value.told(spanish) != wrong.value.told(english) == str(wrong.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", DELIMITERS)
def test_line_ends_separators_and_blank_lines_are_taken_as_they_come(end: str, separator: str) -> None:
    lines = ["", "remark,bed", "", "", '"a', 'b",3', "", "x,4", ""]
    file = read(end.join(lines).replace(",", separator).encode())
    assert file.sent == ({"bed": "3"}, {"bed": "4"})
    assert file.lines == (5, 8)
    assert file.rows[0] == (f"a{end}b", "3")
    assert file.delimiter == separator


def test_columns_of_the_person_survive_beside_ours() -> None:
    file = read(b"bed,version,low,Note,note,,\n3,mine,5,a,b,c,\n")
    header, row = told(file, {0: (PREDICTION, 7)}, {0: "bed: why"})
    assert header[:7] == ["bed", "version", "low", "Note", "note", "", ""]
    assert header[7:] == [
        "predicted_price", "relevo_low", "high", "unseen", "relevo_version", "relevo_note", "problem",
    ]  # fmt: skip
    assert row == ["3", "mine", "5", "a", "b", "c", "", "1000.004", "1.0", "2.0", "city state", "7", "bed: why", ""]
    again = read(spreadsheet.written([header, row]).encode())
    assert told(again, {})[0][-7:] == [
        "relevo_predicted_price", "relevo_low_2", "relevo_high", "relevo_unseen", "relevo_version_2", "relevo_note_2",
        "relevo_problem",
    ]  # fmt: skip
    assert row_file.unique(["a", "b", "a", "a (2)", "a"]) == ["a", "b", "a (2)", "a (2) (2)", "a (3)"]


def test_no_formula_comes_of_what_was_sent_and_the_file_opens_as_the_one_that_came() -> None:
    content = '\ufeffbed;=x;note\r\n2;@a;"c,=1+1"\r\n-3;-66,7; =b\r\n'.encode()
    file = read(content)
    text = spreadsheet.written(row_file.table(file, "price", {}, {}, {1: "=x"}), file.delimiter, marked=file.marked)
    assert text.startswith("\ufeffbed;'=x;note;predicted_price;")
    assert [row[:3] for row in told(file, {})[1:]] == [["2", "'@a", "c,'=1+1"], ["-3", "-66,7", "' =b"]]
    assert told(file, {}, {}, {1: "=x"})[2][-1] == "'=x"


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10) | st.text(
    " \"',;\t\r\n=-5x", max_size=6
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Names, of which the last is an input, and rows."""
    others = CELLS.filter(lambda name: row_file._spelt(name) not in LISTINGS.inputs)
    header = [*draw(st.lists(others, max_size=3)), "House size"]
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    return [header, *draw(st.lists(row, min_size=1, max_size=4))]


@given(tables(), st.sampled_from(DELIMITERS), st.booleans())
def test_whatever_table_a_person_has_comes_back_to_the_letter(
    table: Sequence[Sequence[str]], separator: str, marked: bool
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(table)
    file = read(("\ufeff" * marked + out.getvalue()).encode())
    assert [file.header, *file.rows] == [tuple(row) for row in table]
    place = len(table[0]) - 1
    assert [one.get("house_size", "") for one in file.sent] == [row[place].strip() for row in table[1:]]
    width = len(table[0])
    harmless = [[spreadsheet.harmless(cell, file.delimiter) for cell in row] for row in table]
    assert [row[:width] for row in told(file, {})] == harmless
    assert len(set(told(file, {})[0][width:])) == 1 + len(row_file.ANSWERS)
