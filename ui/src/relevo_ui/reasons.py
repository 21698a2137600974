"""Why the steps decided as they did, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from relevo_contract.record import Criterion, DecisionRecord, Defect, DefectKind, Promotion, TrainReason
from relevo_ui.wording import Wording

REASONS: Mapping[TrainReason, str] = {
    TrainReason.BASELINE: "there was no model yet",
    TrainReason.NEW_STATE: "much of it lies in a {place} the model hardly knew",
    TrainReason.ERROR: "the model erred more than it promised",
    TrainReason.DRIFT: "the data moved beyond noise, and the rows that wait are worth a training",
    TrainReason.LEARNING: "the model is still learning, and would err less with the rows that wait",
    TrainReason.LIVE_DRIFT: "customers ask for other rows than the model learnt from",
    TrainReason.QUIET: "nothing changed enough to call for one",
    TrainReason.TOO_FEW_ROWS: "too few rows to tell a change from noise",
    TrainReason.BROKEN_COLUMN: "a column is broken",
    TrainReason.ASKED: "somebody wanted it, whatever the data say",
}

CRITERIA: Mapping[Criterion, str] = {
    Criterion.FIRST_BEATS_BASELINE: "the first model, better than always saying {baseline}",
    Criterion.BETTER: "better beyond noise on the same held-out rows",
    Criterion.NOT_BETTER_THAN_BASELINE: "no better than always saying {baseline}",
    Criterion.NOT_BETTER: "not better beyond noise on the same held-out rows",
    Criterion.STATE_WORSE: "much worse in a {place}",
    Criterion.TOO_FEW_ROWS: "too few held-out rows to judge",
    Criterion.CHANGES_TOO_MUCH: "too much of what customers ask would be answered differently",
    Criterion.NOT_FINITE: "it answers some rows with no finite number",
}


DEFECTS: Mapping[DefectKind, str] = {
    DefectKind.LOST: "{column} is there in hardly any row, in training it was there in most",
    DefectKind.STUCK: "{column} is one and the same number in every row",
    DefectKind.UNIT: "most values of {column} lie beyond nearly all of the training data; its unit may have changed",
}


def reason(record: DecisionRecord, say: Wording) -> str:
    """Why it was decided so, in words."""
    return say(REASONS[record.decision.reason], place=say.place)


def criterion(promotion: Promotion, say: Wording) -> str:
    """What promoted or rejected a version, in words."""
    return say(CRITERIA[promotion.criterion], place=say.place, baseline=say.baseline)


def defect(found: Defect, say: Wording) -> str:
    """What looks broken."""
    return say(DEFECTS[found.kind], column=say.column(found.column))
