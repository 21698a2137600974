from __future__ import annotations

from relevo_contract.record import Criterion, DecisionRecord, TrainReason
from relevo_contract.rehearsal import Changed, Gathering, Rehearsal, Speed
from tests.ui import story


def whole() -> DecisionRecord:
    moved = story.decided(3, TrainReason.NEW_STATE, "New.", moved=("state", "city"), champion=1)
    return story.judged(story.trained(moved), 2, Criterion.BETTER, "Better.")


def test_an_outline_is_the_record_without_its_evidence_by_column_and_state() -> None:
    record = whole()
    outline = DecisionRecord.model_validate_json(record.outline().model_dump_json())
    assert record.promotion is not None
    assert outline.decision.columns == ()
    assert outline.promotion == record.promotion.model_copy(update={"states": ()})
    assert outline.decision == record.decision.model_copy(update={"columns": ()})
    assert (outline.batch, outline.training) == (record.batch, record.training)
    assert record.decision.columns


def test_a_record_of_before_origins_were_kept_is_still_read() -> None:
    body = whole().model_dump(mode="json")
    for later in ("origin", "rejected", "airflow_run", "rolled_back"):
        del body[later]
    del body["decision"]["previous"]
    for later in ("rehearsal", "states_more", "states_between"):
        del body["promotion"][later]
    for state in body["promotion"]["states"]:
        del state["things"], state["shrunk"]
    for column in body["decision"]["columns"]:
        del column["distribution"]
    assert DecisionRecord.model_validate(body).origin is None


def test_an_outline_of_a_rehearsed_promotion_has_its_shares_and_not_its_values() -> None:
    record = whole()
    changed, speed = Changed(rows=300, some=0.2, much=0.1), Speed(single_ms=0.1, all_ms=3.0)
    value = Gathering(column="state", value="Vermont", rows=60, changed=25)
    rehearsal = Rehearsal(
        requests=None,
        batch=changed,
        told=changed,
        segments=(value,) * 10,
        gathered=(value,) * 10,
        champion=speed,
        challenger=speed,
        sentence="Of 300 rows 10 % change.",
    )
    assert record.promotion is not None
    judged = record.model_copy(update={"promotion": record.promotion.model_copy(update={"rehearsal": rehearsal})})
    outline = DecisionRecord.model_validate_json(judged.outline().model_dump_json())
    assert outline.promotion is not None
    assert outline.promotion.rehearsal == rehearsal.model_copy(update={"segments": (), "gathered": ()})
