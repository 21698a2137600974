"""docs/cleaning.md says what CLEAN does: every reason, bound, placeholder and spelling rule."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from relevo_contract.listing import DATES, NUMERIC
from relevo_jobs.clean import rules
from relevo_jobs.clean.rules import Reason

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


def test_every_reason_to_leave_a_row_out_is_explained_and_no_other() -> None:
    documented = rows(LEFT_OUT)
    assert {f"`{reason.value}`" for reason in Reason} == documented.keys()
    assert all(len(cells) == 2 and all(cells) for cells in documented.values())


def test_the_bounds_of_the_price_are_those_of_the_rules() -> None:
    what, _ = rows(LEFT_OUT)["`price_implausible`"]
    assert figures(what) == set(rules.PLAUSIBLE["price"])


@pytest.mark.parametrize("column", NUMERIC)
def test_the_bounds_of_each_column_are_those_of_the_rules(column: str) -> None:
    kept, missing, why = rows(MISSING)[f"`{column}`"]
    assert figures(kept) == set(rules.PLAUSIBLE[column])
    if column in {"acre_lot", "house_size"}:
        assert figures(missing) == rules.PLACEHOLDERS
    assert why


def test_the_other_columns_that_can_be_set_to_missing() -> None:
    kept, _, _ = rows(MISSING)["`prev_sold_date`"]
    assert kept == f"{rules.EARLIEST_SALE} to {rules.LATEST_SALE - timedelta(days=1)}"
    assert set(re.findall(r"\d{5}", rows(MISSING)["`zip_code`"][1])) == rules.PLACEHOLDER_ZIP_CODES
    assert {name.strip("`") for name in rows(MISSING)} == {*NUMERIC, "zip_code", *DATES}


def test_every_word_for_nothing_is_listed() -> None:
    said = rows(SPELT)["texts"][0]
    assert {word for word in rules._ABSENT if word} == set(re.findall(r"`([^`]+)`", said))


@pytest.mark.parametrize(
    ("row", "spell"),
    [
        ("numbers", rules.number),
        ("texts", rules.text),
        ("`brokered_by`, `street`", rules.identifier),
        ("`zip_code`", rules.zip_code),
        ("`prev_sold_date`", rules.sale_date),
    ],
)
def test_the_examples_are_true(row: str, spell: object) -> None:
    before, after = rows(SPELT)[row][1].split(" → ")
    assert callable(spell)
    assert str(spell(before.strip("`"))) == after.strip("`")


def test_the_held_out_share_and_identity() -> None:
    assert rules.HOLDOUT_SHARE == 5
    assert "A fifth of the rows" in HELD_OUT
    assert all(name in HELD_OUT for name in ("street", "city", "state", "zip code"))
