"""docs/cleaning.md says what CLEAN does: every reason, bound, placeholder and spelling rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relevo_contract import values
from relevo_contract.values import Day, Number, ZipCode
from tests.houses import HOLDOUT_SHARE, LISTINGS, Reason

TEXT = (Path(__file__).parents[2] / "docs" / "cleaning.md").read_text(encoding="utf-8")
LEFT_OUT, MISSING, SPELT, HELD_OUT = (
    section.split("\n## ")[0] for section in re.split(r"\n## (?=Rows that|Values that|How values|Held-out)", TEXT)[1:]
)


def rows(section: str) -> dict[str, list[str]]:
    """The table's other cells by its first one."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in re.findall(r"^\|.*\|$", section, re.M)]
    return {first: rest for first, *rest in cells[2:]}


def figures(text: str) -> set[float]:
    return {float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def number(column: str) -> Number:
    rule = LISTINGS.rule(column)
    assert isinstance(rule, Number)
    return rule


def test_every_reason_to_leave_a_row_out_is_explained_and_no_other() -> None:
    documented = rows(LEFT_OUT)
    assert {f"`{reason.value}`" for reason in Reason} == documented.keys()
    assert all(len(cells) == 2 and all(cells) for cells in documented.values())


def test_the_bounds_of_the_price_are_those_of_the_rules() -> None:
    what, _ = rows(LEFT_OUT)["`price_implausible`"]
    assert figures(what) == {number(LISTINGS.target).low, number(LISTINGS.target).high}


@pytest.mark.parametrize("column", LISTINGS.numeric)
def test_the_bounds_of_each_column_are_those_of_the_rules(column: str) -> None:
    kept, missing, why = rows(MISSING)[f"`{column}`"]
    assert figures(kept) == {number(column).low, number(column).high}
    assert figures(missing) == number(column).unknown
    assert why


def test_the_other_columns_that_can_be_set_to_missing() -> None:
    kept, _, _ = rows(MISSING)["`prev_sold_date`"]
    (day,), places = (LISTINGS.rule(column) for column in LISTINGS.dates), LISTINGS.rule("zip_code")
    assert isinstance(day, Day)
    assert isinstance(places, ZipCode)
    assert kept == f"{day.first} to {day.last}"
    assert set(re.findall(r"\d{5}", rows(MISSING)["`zip_code`"][1])) == places.unknown
    longest = {int(figure) for figure in re.findall(r"\d+(?= characters)", MISSING)}
    assert longest == {places.longest, values.LONGEST}
    named = {name for cell in rows(MISSING) for name in re.findall("`([a-z_]+)`", cell)}
    assert named == {*LISTINGS.numeric, *LISTINGS.categorical, *LISTINGS.dates}


def test_every_word_for_nothing_is_listed() -> None:
    said = rows(SPELT)["texts"][0].split(" are missing")[0]
    assert {word for word in values.ABSENT if word} == set(re.findall(r"`([^`]+)`", said))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("numbers", "price"),
        ("texts", "city"),
        ("`brokered_by`, `street`", "street"),
        ("`zip_code`", "zip_code"),
        ("`prev_sold_date`", "prev_sold_date"),
    ],
)
def test_the_examples_are_true(row: str, column: str) -> None:
    before, after = rows(SPELT)[row][1].split(" → ")
    assert str(LISTINGS.rule(column).read(before.strip("`")).value) == after.strip("`")


def test_the_held_out_share_and_identity() -> None:
    assert HOLDOUT_SHARE == 5
    assert "A fifth of the rows" in HELD_OUT
    assert all(name in HELD_OUT for name in ("street", "city", "state", "zip code"))
