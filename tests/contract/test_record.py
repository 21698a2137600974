from __future__ import annotations

from relevo_contract.record import Criterion, DecisionRecord, TrainReason
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
    for later in ("origin", "rejected", "airflow_run"):
        del body[later]
    for column in body["decision"]["columns"]:
        del column["distribution"]
    assert DecisionRecord.model_validate(body).origin is None
