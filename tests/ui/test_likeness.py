"""How like the training data a row is: what lies outside of them, and the held-out rows it is checked by. Pure."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from relevo_contract.profile import Profile
from relevo_contract.profiling import numbers, numeric_profile
from relevo_contract.record import Estimate
from relevo_contract.version import Example, HoldoutPredictions, ShapleySummary
from relevo_ui import likeness
from tests.houses import LISTINGS
from tests.ui.words import EN, ES

SOLD = np.array(["2001-02-03", "2020-05-31"], dtype="datetime64[D]")
PROFILE = Profile(
    rows=2,
    batches=(1,),
    columns={
        "house_size": numeric_profile(np.array([500.0, 4000.0])),
        "prev_sold_date": numeric_profile(numbers({"prev_sold_date": SOLD}, "prev_sold_date")),
    },
    promised=Estimate(value=0.2, low=0.1, high=0.3),
)
KEPT = HoldoutPredictions(
    batches=(1, 2),
    counts=(1, 4),
    actual=(11.0, 12.0, 12.1, 12.1, 13.0),
    predicted=(11.0, 12.2, 12.0, 12.0, 12.5),
    things=(0, 1, 2, 2, 3),
    inputs={
        "city": ("Boston", "ponce", "Ponce", None),
        "house_size": (1000.0, 900.0, 900.0, 5000.0),
        "prev_sold_date": (None, 18_262.0, 18_262.0, 11_000.0),
    },
)


def shapley(**weights: float) -> ShapleySummary:
    return ShapleySummary(
        columns=tuple(weights),
        mean_absolute=tuple(weights.values()),
        typical=Example(inputs={}, prediction=1),
        inputs=(),
        values=(),
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"house_size": 350_000}, [("house_size", 350_000.0, 500.0, 4000.0)]),
        ({"house_size": 499.0}, [("house_size", 499.0, 500.0, 4000.0)]),
        ({"house_size": 500}, []),
        ({"house_size": "4,000", "bed": 90, "city": "Nowhere"}, []),
        ({"prev_sold_date": "2001-02-03"}, []),
        (
            {"prev_sold_date": "1950-01-01"},
            [("prev_sold_date", date(1950, 1, 1), date(2001, 2, 3), date(2020, 5, 31))],
        ),
    ],
)
def test_numbers_and_days_outside_of_the_training_are_told_with_its_range(
    row: dict[str, object], said: list[tuple[object, ...]]
) -> None:
    found = likeness.outside(LISTINGS, PROFILE, row)
    assert [(one.column, one.value) for one in found] == [one[:2] for one in said]
    for one, (_, _, *ends) in zip(found, said, strict=True):
        assert [one.low, one.high] == (ends if isinstance(ends[0], date) else pytest.approx(ends))
    assert likeness.outside(LISTINGS, None, row) == []


def test_the_likest_rows_come_first_and_each_thing_once() -> None:
    row = {"city": "PONCE", "house_size": 1000.0}
    found = likeness.alike(LISTINGS, KEPT, shapley(city=3.0, house_size=1.0), row)
    assert [one.inputs["city"] for one in found] == ["ponce", "Boston", None]
    assert found[0].actual == pytest.approx(np.exp(12.1)), "of the last rows, which have inputs"
    by_size = likeness.alike(LISTINGS, KEPT, shapley(city=1.0, house_size=50.0), row, most=1)
    assert [one.inputs["city"] for one in by_size] == ["Boston"], "what the version looks at weighs"
    assert likeness.alike(LISTINGS, KEPT.model_copy(update={"inputs": {}}), None, row) == []
    assert likeness.alike(LISTINGS, None, None, row) == []


def test_a_table_tells_what_they_cost_and_what_was_predicted() -> None:
    found = likeness.alike(LISTINGS, KEPT, None, {"city": "Ponce"}, most=2)
    table = likeness.table({"city": "Ponce"}, 150_000.0, found, EN).set_index("what")
    assert list(table.loc["real price"]) == ["", "$179,872", "$162,755"]
    assert list(table.loc["predicted"]) == ["$150,000", "$162,755", "$198,789"]
    assert list(table.loc["off by"]) == ["", "−$17,117", "+$36,034"]
    assert list(table.loc["previous sale"]) == ["(no value)", "2020-01-01", "(no value)"]
    assert "precio real" in set(likeness.table({}, 1.0, found, ES)["qué"])
