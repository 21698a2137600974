"""A data set that does not hold together is refused where it is written down, not in the middle of a batch."""

from __future__ import annotations

from typing import Any

import pytest

from relevo_contract.data_set import DataSet
from tests.houses import LISTINGS

GOOD: dict[str, Any] = {
    "name": "trips",
    "columns": ("district", "station", "day", "km", "minutes"),
    "target": "minutes",
    "numeric": ("km",),
    "categorical": ("district", "station"),
    "dates": ("day",),
    "compared": ("district", "station"),
    "place": "district",
    "within": ("station",),
}


def test_the_columns_have_an_order_in_each_store() -> None:
    trips = DataSet(**GOOD)
    assert trips.typed == ("km", "minutes", "district", "station", "day")
    assert trips.inputs == ("km", "district", "station", "day")
    assert trips.numbers == ("minutes", "km", "day")
    assert set(LISTINGS.typed) == set(LISTINGS.columns)


def test_a_column_may_be_called_by_a_word_of_sql_and_have_63_characters() -> None:
    names = ("order", "user", "date", "c" * 63)
    assert DataSet(**(GOOD | {"columns": (*GOOD["columns"], *names), "numeric": ("km", *names)})).inputs[1:5] == names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Trips; drop table"}, "expected names of small letters"),
        ({"name": "batches"}, "expected names that RAW and CLEAN do not use themselves, got ['batches']"),
        ({"columns": (*GOOD["columns"], "c" * 64), "numeric": ("km", "c" * 64)}, "digits and _, at most 63, got ['cc"),
        ({"columns": (*GOOD["columns"], "xmin"), "numeric": ("km", "xmin")}, "do not use themselves, got ['xmin']"),
        ({"columns": (*GOOD["columns"], "holdout"), "numeric": ("km", "holdout")}, "got ['holdout']"),
        ({"columns": (*GOOD["columns"], "km")}, "expected each column once, got ['km']"),
        ({"numeric": ("km", "minutes")}, "expected each column once, got ['minutes']"),
        ({"columns": (*GOOD["columns"], "wind")}, "expected every column to be the target, numeric"),
        ({"numeric": ("km", "wind")}, "got ['wind']"),
        ({"compared": ("district", "station", "day")}, "expected the compared columns to be categorical, got ['day']"),
        ({"compared": ("station",)}, "expected place and within to be compared columns, got ['district']"),
    ],
)
def test_what_does_not_hold_together_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^data set .*: .*; correct its DataSet$") as refused:
        DataSet(**(GOOD | change))
    assert said in str(refused.value)
