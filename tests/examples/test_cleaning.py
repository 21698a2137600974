"""The trips' cleaning, when the data set's columns come and go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from examples.trips import cleaning
from examples.trips.data import TRIPS
from relevo_contract.data_set import DataSet
from relevo_jobs.clean.fates import Kept

MORE = replace(TRIPS, columns=("rain", *TRIPS.columns), numeric=(*TRIPS.numeric, "rain"))
LESS = replace(TRIPS, columns=tuple(c for c in TRIPS.columns if c != "station"), categorical=("district", "bike"),
               compared=("district", "bike"), within=())  # fmt: skip


def row(data: DataSet, number: int) -> list[str | None]:
    came = {"district": "Hills", "station": "A", "bike": "city", "hour": "9", "distance_km": "2", "temperature": "15"}
    return [{**came, "minutes": f"{5 + number / 10}", "rain": None}[name] for name in data.columns]


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Callable[[DataSet], list[bool]]:
    """Of 200 trips, by the cleaning of a data set."""

    def clean(data: DataSet) -> list[bool]:
        monkeypatch.setattr(cleaning, "TRIPS", data)
        fates = list(cleaning.clean(row(data, number) for number in range(200)))
        return [fate.holdout for fate in fates if isinstance(fate, Kept)]

    return clean


def test_a_column_that_comes_changes_no_trips_side(sides: Callable[[DataSet], list[bool]]) -> None:
    assert sides(MORE) == sides(TRIPS)
    assert 20 < sum(sides(TRIPS)) < 60


def test_without_a_column_trips_are_cleaned_on(sides: Callable[[DataSet], list[bool]]) -> None:
    assert 20 < sum(sides(LESS)) < 60
