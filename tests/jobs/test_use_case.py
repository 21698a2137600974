"""A use case that does not do what it must is stopped before anything is written, and told what it did."""

from __future__ import annotations

import pytest

from relevo_contract.data_set import DataSet
from relevo_jobs.clean.fates import Kept, Rejection
from relevo_jobs.clean.step import Tally, to_store
from relevo_jobs.errors import StepError
from relevo_jobs.stores import clean, raw
from relevo_jobs.stores.clean import CleanPart
from relevo_jobs.stores.raw import StoredBatch

TRIPS = DataSet(name="trips", columns=("km", "minutes"), target="minutes", numeric=("km",))
BATCH = StoredBatch(1, 7, "hash", 2)


def stored(*fates: Kept | Rejection) -> list[CleanPart]:
    return list(to_store(TRIPS, BATCH, fates, Tally()))


def test_rows_are_stored_in_the_order_of_the_columns_a_missing_value_as_null() -> None:
    (part,) = stored(Kept({"minutes": 8.5, "km": None}, holdout=True), Rejection("why", "what"))
    assert part.kept == [("0", None, "8.5", "t")]
    assert part.rejections == [("1", "why", "what")]


@pytest.mark.parametrize("target", [None, 0.0, -1.0, float("nan"), float("inf"), "8.5"])
def test_a_row_without_a_target_above_zero_is_not_kept(target: float | str | None) -> None:
    fates = [Kept({"minutes": 1.0, "km": 1.0}, holdout=False), Kept({"minutes": target, "km": 1.0}, holdout=False)]
    with pytest.raises(StepError, match=r"expected minutes to be a number above zero .* in row 1 of batch 7"):
        stored(*fates)


def test_each_row_needs_a_fate() -> None:
    with pytest.raises(StepError, match="each of 2 rows of batch 7, it did of 1"):
        stored(Rejection("why", "what"))
    with pytest.raises(StepError, match="each of 2 rows of batch 7, it did of 3"):
        stored(*[Rejection("why", "what")] * 3)


def test_a_data_set_without_texts_or_dates_has_tables_too() -> None:
    assert 'create table clean."trips"' in clean.schema(TRIPS).migrations[0]
    assert '"km" double precision, "minutes" double precision,' in clean.schema(TRIPS).migrations[0]
    assert '"km" text, "minutes" text,' in raw.schema(TRIPS).migrations[0]
