"""What a RAW row becomes in CLEAN."""

from __future__ import annotations

from datetime import date

import pytest

from relevo_contract.values import Number
from relevo_jobs.clean.fates import Kept, Rejection
from tests.houses import COLUMNS, HOLDOUT_SHARE, LISTINGS, Reason, clean_row, clean_rows, held_out

GOOD: dict[str, str | None] = {
    "brokered_by": "103378.0", "status": "for_sale", "price": "105000.0", "bed": "3", "bath": "2", "acre_lot": "0.12",
    "street": "1962661.0", "city": "Adjuntas", "state": "Puerto Rico", "zip_code": "601", "house_size": "920.0",
    "prev_sold_date": "2019-06-28",
}  # fmt: skip


def row(**changes: str | None) -> tuple[str | None, ...]:
    return tuple((GOOD | changes)[name] for name in COLUMNS)


def kept(**changes: str | None) -> Kept:
    fate = clean_row(row(**changes))
    assert isinstance(fate, Kept), fate
    return fate


def test_a_good_row_is_typed() -> None:
    listing = kept()
    assert listing.values == {
        "price": 105_000.0, "bed": 3.0, "bath": 2.0, "acre_lot": 0.12, "house_size": 920.0, "brokered_by": "103378",
        "status": "for_sale", "street": "1962661", "city": "Adjuntas", "state": "Puerto Rico", "zip_code": "00601",
        "prev_sold_date": date(2019, 6, 28),
    }  # fmt: skip
    assert listing.blanked == {}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": None}, Reason.PRICE_MISSING),
        ({"price": ""}, Reason.PRICE_MISSING),
        ({"price": "on request"}, Reason.PRICE_MISSING),
        ({"price": "350000,50"}, Reason.PRICE_MISSING),
        ({"price": "350.000"}, Reason.PRICE_IMPLAUSIBLE),
        ({"price": "445.0"}, Reason.PRICE_IMPLAUSIBLE),
        ({"price": "0"}, Reason.PRICE_IMPLAUSIBLE),
        ({"price": "-250000"}, Reason.PRICE_IMPLAUSIBLE),
        ({"price": "1000000001"}, Reason.PRICE_IMPLAUSIBLE),
        ({"price": "1e999"}, Reason.PRICE_IMPLAUSIBLE),
        ({"city": None, "state": "", "zip_code": "NaN"}, Reason.NO_PLACE),
        ({"city": None, "state": None, "zip_code": "99999"}, Reason.NO_PLACE),
        (dict.fromkeys(COLUMNS), Reason.PRICE_MISSING),
    ],
)
def test_a_row_that_teaches_nothing_is_left_out(changes: dict[str, str | None], reason: Reason) -> None:
    fate = clean_row(row(**changes))
    assert isinstance(fate, Rejection)
    assert fate.reason == reason
    assert fate.detail


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("bed", "0"), ("bed", "101"), ("bath", "-2"), ("bath", "many"), ("acre_lot", "0.0"), ("acre_lot", "100000.0"),
        ("acre_lot", "99999.0"), ("house_size", "99999.0"), ("house_size", "1450112.0"), ("house_size", "1"),
        ("prev_sold_date", "2919-06-28"), ("zip_code", "99999"),
        ("acre_lot", "0,12"), ("house_size", "1_200"), ("house_size", "٩٢٠"), ("bed", "0x3"), ("city", "x" * 230),
        ("zip_code", "9" * 21), ("prev_sold_date", "2019-06-28 or so"), ("prev_sold_date", "20190628"),
    ],
)  # fmt: skip
def test_a_value_nobody_can_believe_is_missing_and_the_row_stays(column: str, value: str) -> None:
    listing = kept(**{column: value})
    assert listing.values[column] is None
    assert listing.blanked.keys() == {column}
    assert listing.blanked[column]


@pytest.mark.parametrize("column", sorted(set(COLUMNS) - {"price"}))
def test_a_missing_value_is_missing_and_not_a_defect(column: str) -> None:
    for nothing in (None, "", "nan"):
        listing = kept(**{column: nothing})
        assert listing.values[column] is None
        assert listing.blanked == {}


@pytest.mark.parametrize("column", [*LISTINGS.numeric, LISTINGS.target])
def test_bounds_are_kept_themselves(column: str) -> None:
    rule = LISTINGS.rule(column)
    assert isinstance(rule, Number)
    for value in (rule.low, rule.high):
        assert kept(**{column: repr(value)}).values[column] == value


def test_what_is_rare_but_real_stays() -> None:
    assert kept(bed="86").values["bed"] == 86.0
    assert kept(price="60000000.0").values["price"] == 60e6
    assert kept(acre_lot="9035.0").values["acre_lot"] == 9035.0


def test_a_repeated_row_is_kept_once_and_names_the_first() -> None:
    fates = list(clean_rows([row(), row(city="Ponce"), row(), row()]))
    assert [type(fate) for fate in fates] == [Kept, Kept, Rejection, Rejection]
    last = fates[3]
    assert isinstance(last, Rejection)
    assert (last.reason, last.detail) == (Reason.DUPLICATE, "same values as row 0")


def test_the_same_rows_meet_the_same_fate() -> None:
    rows = [row(street=str(i), price=str(i * 500)) for i in range(50)]
    assert list(clean_rows(rows)) == list(clean_rows(rows))


def test_about_a_fifth_is_held_out_and_a_house_listed_again_falls_on_the_same_side() -> None:
    houses = [str(i) for i in range(5_000)]
    sides = [kept(street=house).holdout for house in houses]
    assert 0.18 < sum(sides) / len(sides) < 0.22
    assert HOLDOUT_SHARE == 5
    again = [
        kept(street=f"{house}.0", price="99000", bed="9", city="ADJUNTAS", brokered_by=None, zip_code="00601").holdout
        for house in houses
    ]
    assert again == sides


def test_without_a_street_size_and_rooms_stand_in() -> None:
    sides = {kept(street=None, house_size=str(900 + i)).holdout for i in range(50)}
    assert sides == {True, False}
    assert len({kept(street=None, price=str(100_000 + i)).holdout for i in range(50)}) == 1


def test_an_input_that_comes_changes_no_houses_side() -> None:
    place = dict.fromkeys(("street", "city", "state", "zip_code"))
    houses = [place | {"bed": float(n), "bath": 1.0, "acre_lot": None, "house_size": 900.0} for n in range(50)]
    sides = [held_out(house) for house in houses]
    assert [held_out(house | {"garage": 2.0}) for house in houses] == sides
    assert 2 < sum(sides) < 25
