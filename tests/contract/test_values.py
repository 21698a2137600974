"""What a value is: each kind's rule, on what people and programs write, and on what nobody thought of."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.graph_inputs import spelling as word
from relevo_contract.texts import legible, shown, tidy
from relevo_contract.values import ABSENT, LONGEST, AnyRule, Came, Day, Identifier, Number, Read, Text, ZipCode
from tests.houses import LISTINGS

RULES = (
    *(LISTINGS.rule(column) for column in LISTINGS.columns),
    *(Number(), Text(), Identifier(), ZipCode(), Day()),
)
CHARACTERS = st.characters(exclude_categories=())  # halves of surrogate pairs, too
anything = st.one_of(
    st.none(),
    st.text(CHARACTERS, max_size=300),
    st.text("0123456789,.$+-eE_x ", max_size=20),
    st.integers(),
    st.floats(),
    st.dates().map(str),
    st.datetimes().map(str),
    st.sampled_from([10**400, -(10**5_000), "1e999", "١٢٣", "２００", "0x10", "1_000", "NaN", "inf", "true", "½"]),
)


@pytest.mark.parametrize(
    ("came", "value"),
    [
        ("350000", 350_000), ("350000.0", 350_000), ("$350,000", 350_000), ("1,234,567.5", 1_234_567.5), (" 3.5 ", 3.5),
        ("1e5", 1e5), ("1E-3", 0.001), (".5", 0.5), ("5.", 5), ("-1", -1), ("+1", 1), ("-$5", -5), ("-0", 0),
        ("007", 7), (3, 3), (3.5, 3.5), (None, None), ("", None), ("  ", None), ("NaN", None),
        ("N/A", None), (nan, None),
    ],
)  # fmt: skip
def test_a_number_as_people_and_programs_write_it(came: Any, value: float | None) -> None:
    assert Number().read(came) == Read(value)


@pytest.mark.parametrize(
    "came",
    [
        "350000,50", "0,12", "0,123", "1,2,3", "12,34", "1,23", ",123", "1,234,56", "1234,567", "1,,234", "1,234e3,000",
        "1 200", "1.200.000", "1'200", "1_000", "0x10", "0b1", "0o7", "٣", "２", "½", "²", "Ⅷ", "three", "12 acres",
        "1200 sqft", "1e", "e5", "1e5.5", "--1", "+-1", "$", "$$5", "5$", "€5", "5%", ".", "-", "1..2", "inf",
        "Infinity", "-inf", "true", "True", "1/2", "1-2", "1" * 41, "1e9999",
    ],
)  # fmt: skip
def test_anything_else_is_no_number(came: str) -> None:
    read = Number().read(came)
    assert read.value is None
    assert bool(read.error) == (came != "-")  # which says that there is none


def test_what_no_float_holds_is_understood_and_not_believed() -> None:
    for came in (inf, -inf, "1e999", 10**400, -(10**5_000)):
        read = Number().read(came)
        assert (read.value, read.error) == (None, "")
        assert "finite" in read.doubt


def test_bounds_are_kept_themselves_and_what_is_beyond_is_doubted() -> None:
    rule = Number(50, 500_000, frozenset({99_999.0}))
    assert [rule.read(value).value for value in (50, "500,000")] == [50, 500_000]
    for came in (0, "49.9", -1, "500001", 99_999, "99,999.0"):
        read = rule.read(came)
        assert (read.value, read.error) == (None, "")
        assert read.doubt


@pytest.mark.parametrize(
    ("came", "value"),
    [
        ("2019-06-28", date(2019, 6, 28)), ("2019-06-28T10:00", date(2019, 6, 28)), (" 2019-06-28 ", date(2019, 6, 28)),
        ("2019-06-28 10:00:00", date(2019, 6, 28)), ("2019-06-28T10:00:00.123456789Z", date(2019, 6, 28)),
        ("2019-06-28T00:00:00+02:00", date(2019, 6, 28)), ("0001-01-01", date.min), ("9999-12-31", date.max),
        ("", None), (None, None), ("null", None), (nan, None),
    ],
)  # fmt: skip
def test_a_day(came: Any, value: date | None) -> None:
    assert Day().read(came) == Read(value)


@pytest.mark.parametrize(
    "came",
    [
        0, 1, 20190628, 1.5e9, "0", "20190628", "2019-W26-5", "2019-179", "2019-02-30", "2019-13-01", "28/06/2019",
        "06/28/2019", "2019-6-28", "2019-06-28garbage", "2019-06-28T", "2019-06-28T99:00", "2019-06-28T10",
        "19-06-28", "٢٠١٩-٠٦-٢٨", "+2019-06-28", "2019-06", "soon", "2019_06_28", "2019‑06‑28",
    ],
)  # fmt: skip
def test_anything_else_is_no_day(came: Any) -> None:
    read = Day().read(came)
    assert read.value is None
    assert "2020-05-31" in read.error


def test_a_day_nobody_can_believe_is_doubted() -> None:
    rule = LISTINGS.rule("prev_sold_date")
    assert rule.read("1800-01-01").value == date(1800, 1, 1)
    for came in ("1799-12-31", "2100-01-01", "0001-01-01", "9999-12-31"):
        assert rule.read(came).doubt


@pytest.mark.parametrize(
    ("came", "value"),
    [
        ("San  Juan ", "San Juan"), ("\tNew\nYork", "New York"), ("Nantucket", "Nantucket"),
        ("San\u00a0Juan", "San Juan"), ("Pen\u0303uelas", "Peñuelas"), ("Bos\u202eton", "Boston"),
        ("\ufeffBoston\u200b", "Boston"),
        ("Bos\x00ton\x07", "Boston"), ("\ud800", None), ("\u200b", None), ("NaN", None), ("n/A", None), ("-", None),
        (601, "601"), (1.5, "1.5"), ("x" * LONGEST, "x" * LONGEST),
    ],
)  # fmt: skip
def test_a_text(came: Any, value: str | None) -> None:
    assert Text().read(came) == Read(value)


def test_a_text_that_is_too_long_is_none() -> None:
    for came in ("x" * (LONGEST + 1), "x" * 100_000, 10**300):
        read = Text().read(came)
        assert read.value is None
        assert str(LONGEST) in read.error


@pytest.mark.parametrize(
    ("came", "value"),
    [
        ("103378.0", "103378"), ("103378.00", "103378"), ("103378.5", "103378.5"), ("Main St.0", "Main St.0"),
        ("Unit 5.0", "Unit 5.0"), ("1.0.0", "1.0.0"), (103378.0, "103378"), (103378, "103378"),
    ],
)  # fmt: skip
def test_an_identifier(came: Any, value: str) -> None:
    assert Identifier().read(came) == Read(value)


@pytest.mark.parametrize(
    ("came", "value"),
    [
        ("601", "00601"), ("601.0", "00601"), (601, "00601"), (601.0, "00601"), ("00601", "00601"), ("1201.0", "01201"),
        ("02139-4307", "02139-4307"), ("K1A 0B1", "K1A 0B1"), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_zip_code(came: Any, value: str | None) -> None:
    assert ZipCode().read(came) == Read(value)


@pytest.mark.parametrize("came", ["99999", "00000", "0", "0.0", 0, "1", "12", "123456", "021394307", "9" * 21])
def test_a_zip_code_that_no_place_has_is_none(came: Any) -> None:
    read = ZipCode().read(came)
    assert read.value is None
    assert read.doubt or read.error


@given(st.sampled_from(RULES), anything)
def test_whatever_comes_is_a_value_or_told_in_a_printable_sentence(rule: AnyRule, came: Any) -> None:
    read = rule.read(came)
    assert (read.value is not None) + bool(read.doubt) + bool(read.error) <= 1
    problem = read.doubt or read.error
    assert len(problem) < 250
    assert legible(problem) == problem
    problem.encode()
    if isinstance(read.value, str):
        assert read.value == tidy(read.value)
        assert read.value.casefold() not in ABSENT
        assert 0 < len(read.value) <= LONGEST


@given(st.sampled_from(RULES), anything)
def test_a_value_that_was_understood_is_understood_again_as_the_same(rule: AnyRule, came: Any) -> None:
    value = rule.read(came).value
    if value is not None:
        assert rule.read(str(value) if isinstance(value, date) else value).value == value


@given(st.from_regex(re.compile(r"[+-]?\d{1,15}(\.\d{1,8})?", re.ASCII), fullmatch=True))
def test_a_plain_number_is_what_python_says(text: str) -> None:
    assert Number().read(text).value == float(text)


@given(st.integers(-(10**15), 10**15), st.sampled_from([",", ""]))
def test_groups_of_three_are_the_number_and_a_comma_moved_is_none(number: int, separator: str) -> None:
    spelt = f"{number:,}"
    assert Number().read(spelt.replace(",", separator)).value == number
    if "," in spelt:
        place = spelt.index(",")
        moved = spelt[: place - 1] + "," + spelt[place - 1] + spelt[place + 1 :]
        assert Number().read(moved).value is None


@given(st.text(CHARACTERS))
def test_a_tidy_text_is_composed_and_has_nothing_unseen(text: str) -> None:
    kept = tidy(text)
    assert tidy(kept) == kept
    assert unicodedata.normalize("NFC", kept) == kept
    joiners = {"\u200c", "\u200d"}
    assert not [c for c in kept if unicodedata.category(c) in {"Cc", "Cs", "Cf"} and c not in joiners]
    for form in ("NFC", "NFD"):
        assert tidy(unicodedata.normalize(form, text)) == kept


@given(st.text(CHARACTERS))
def test_one_category_has_one_spelling(text: str) -> None:
    spelling = word(text)
    assert word(unicodedata.normalize("NFD", text)) == spelling
    if spelling is not None:
        assert unicodedata.normalize("NFC", spelling) == spelling


@given(st.text(CHARACTERS))
def test_a_legible_line_of_json_is_the_same_json(text: str) -> None:
    line = legible(json.dumps({"said": text}, ensure_ascii=False))
    assert json.loads(line) == {"said": text}
    seen = [c for c in line if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp", "Cf"}]
    assert set(seen) <= {"\u200c", "\u200d"}
    line.encode()


@given(st.one_of(st.text(CHARACTERS), st.integers(), st.floats(), st.none()))
def test_what_came_is_repeated_on_a_line(came: Any) -> None:
    assert len(shown(came).splitlines()) == 1
    assert len(shown("x" * 10_000)) < 70


def test_a_row_is_understood_by_the_rules_of_its_columns() -> None:
    came: dict[str, Came] = {"bed": "three", "bath": 0, "city": "San  Juan", "house_size": None, "zip_code": 601}
    values, doubts, errors = LISTINGS.understand(came)
    assert values == {"bed": None, "bath": None, "city": "San Juan", "house_size": None, "zip_code": "00601"}
    assert set(errors) == {"bed"}
    assert set(doubts) == {"bath"}


def test_a_rule_for_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="rooms"):
        type(LISTINGS)("homes", ("price",), "price", rules={"rooms": Number()})
