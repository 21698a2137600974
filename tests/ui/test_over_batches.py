"""Columns and rejections over batches, as charts of what the records say. Pure."""

from __future__ import annotations

from relevo_contract.record import TrainReason
from relevo_ui import over_batches
from tests.ui import story
from tests.ui.words import EN, ES

RECORDS = [
    story.decided(3, TrainReason.DRIFT, "Moved.", moved=("city",), champion=1).model_copy(
        update={"rejected": {"duplicate": 4, "price_missing": 2}}
    ),
    story.decided(2, TrainReason.QUIET, "Quiet.", champion=1).model_copy(update={"rejected": {"duplicate": 3}}),
    story.decided(1, TrainReason.BASELINE, "First.").model_copy(update={"rejected": {}}),
]


def test_each_column_is_told_in_multiples_of_the_noise_batch_by_batch() -> None:
    found = over_batches.seen([*RECORDS, None])
    assert {one.batch for one in found} == {2, 3}, "the first was held against nothing"
    city = over_batches.table(found, EN).set_index("column").loc["city"]
    assert dict(city) == {"2": "0.6", "3": "8.2 *"}
    chart = over_batches.moved(found, ES)
    assert chart is not None
    drawn = chart.to_dict()
    assert drawn["encoding"]["y"]["sort"][0] == "ciudad", "what lay furthest comes first"
    assert "ciudad: se movió en 1 de 2 lotes" in drawn["description"]
    assert over_batches.moved([], EN) is None


def test_missing_and_new_values_of_a_column_are_told_over_batches() -> None:
    found = over_batches.seen(RECORDS)
    assert over_batches.shares(found, "city", EN).to_dict()["description"] == (
        "city: 2: missing 12.0 %; 2: never seen 1.0 %; 3: missing 12.0 %; 3: never seen 63.0 %"
    )
    assert "never seen" not in str(over_batches.shares(found, "bed", EN).to_dict()), "of numbers there is no such thing"


def test_rows_left_out_are_told_by_reason_and_every_batch_has_its_place() -> None:
    chart = over_batches.left_out(RECORDS, EN)
    assert chart is not None
    drawn = chart.to_dict()
    assert drawn["encoding"]["x"]["scale"]["domain"] == [1, 2, 3]
    assert drawn["description"].startswith("the same values as an earlier row of the batch: 7; no price")
    assert over_batches.left_out(RECORDS[2:], EN) is None
    many = RECORDS[0].model_copy(update={"rejected": {f"reason_{n}": 9 - n for n in range(7)}})
    folded = over_batches.left_out([many], EN)
    assert folded is not None
    assert folded.to_dict()["encoding"]["color"]["scale"]["domain"] == [
        "reason 0", "reason 1", "reason 2", "reason 3", "all others",
    ]  # fmt: skip
