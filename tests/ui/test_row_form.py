from __future__ import annotations

from datetime import date

from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.record import Estimate
from relevo_ui import house_form
from tests.houses import LISTINGS


def profile() -> Profile:
    return Profile(
        rows=6,
        batches=(1,),
        columns={
            "state": CategoricalProfile(counts={"puerto rico": 3, "massachusetts": 5, "": 1}, missing=0),
            "bed": NumericProfile(edges=(1.0,), counts=(3, 3), missing=0),
        },
        promised=Estimate(value=0.2, low=0.1, high=0.3),
    )


def test_the_most_frequent_places_come_first_in_their_usual_spelling() -> None:
    assert house_form.offered(profile(), "state") == ["Massachusetts", "Puerto Rico"]


def test_what_is_not_known_offers_nothing() -> None:
    assert house_form.offered(profile(), "city") == []
    assert house_form.offered(profile(), "bed") == []
    assert house_form.offered(None, "state") == []


def test_what_was_left_empty_is_left_out_and_zero_is_not_empty() -> None:
    house = house_form.house(
        {"bed": 0, "bath": None, "city": "  Boston ", "state": "", "prev_sold_date": date(2020, 2, 1)}
    )
    assert house == {"bed": 0, "city": "Boston", "prev_sold_date": "2020-02-01"}
    assert not LISTINGS.understand(house)[2]
