"""One line per batch, made from its run's tags and decision record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from relevo_contract import names
from relevo_contract.record import Criterion, DecisionRecord, ErrorEvidence, TrainReason
from relevo_ui.wording import column, estimate, listed, sentence


class Verdict(StrEnum):
    """How far a batch has come."""

    DECIDING = "being decided"
    KEPT = "no training"
    TRAINING = "training asked for"
    JUDGING = "trained, not judged yet"
    PROMOTED = "promoted"
    REJECTED = "rejected"


MARKS: Mapping[Verdict, str] = {
    Verdict.DECIDING: "…",
    Verdict.KEPT: "=",
    Verdict.TRAINING: "…",
    Verdict.JUDGING: "…",
    Verdict.PROMOTED: "✔",
    Verdict.REJECTED: "✘",
}
"""A sign beside the word, so that colour is never what tells them apart."""

REASONS: Mapping[TrainReason, str] = {
    TrainReason.BASELINE: "there was no model yet",
    TrainReason.NEW_STATE: "much of it lies in a state the model hardly knew",
    TrainReason.ERROR: "the model erred more than it promised",
    TrainReason.DRIFT: "the data moved beyond noise, and many rows wait untrained",
    TrainReason.LIVE_DRIFT: "customers ask for other houses than the model learnt from",
    TrainReason.QUIET: "nothing changed enough to call for one",
    TrainReason.TOO_FEW_ROWS: "too few rows to tell a change from noise",
    TrainReason.BROKEN_COLUMN: "a column is broken",
    TrainReason.ASKED: "somebody wanted it, whatever the data say",
}

CRITERIA: Mapping[Criterion, str] = {
    Criterion.FIRST_BEATS_MEDIAN: "the first model, better than always saying the median price",
    Criterion.BETTER: "better beyond noise on the same held-out rows",
    Criterion.NOT_BETTER_THAN_MEDIAN: "no better than always saying the median price",
    Criterion.NOT_BETTER: "not better beyond noise on the same held-out rows",
    Criterion.STATE_WORSE: "much worse in a state of weight",
    Criterion.TOO_FEW_ROWS: "too few held-out rows to judge",
}


@dataclass(frozen=True)
class Row:
    """What the history shows of one batch; texts, ready to be read."""

    batch: int
    group: int
    run_id: str
    rows: int | None
    moved: str
    verdict: Verdict
    why: str
    version: int | None
    champion_here: str
    """The champion's error on this batch, against its promise."""
    champion: str
    """Champion's error on the held-out rows that decided."""
    challenger: str
    criterion: str

    @property
    def outcome(self) -> str:
        """The verdict with its sign."""
        return f"{MARKS[self.verdict]} {self.verdict}"


def verdict(record: DecisionRecord | None, tags: Mapping[str, str]) -> Verdict:
    """How far the batch has come."""
    if record is None:
        return Verdict.DECIDING
    if record.promotion is not None:
        return Verdict.PROMOTED if record.promotion.promoted else Verdict.REJECTED
    if not record.decision.train:
        return Verdict.KEPT
    trained = record.training is not None or names.TAG_VERSION in tags
    return Verdict.JUDGING if trained else Verdict.TRAINING


def version_of(record: DecisionRecord | None, tags: Mapping[str, str]) -> int | None:
    """The version that came of the batch."""
    if record is not None and record.promotion is not None:
        return record.promotion.challenger_version
    if record is not None and record.training is not None and record.training.version is not None:
        return record.training.version
    tag = tags.get(names.TAG_VERSION, "")
    return int(tag) if tag.isdigit() else None


def moved(record: DecisionRecord) -> str:
    """Which columns moved, or why none is named."""
    if record.decision.moved:
        return listed([column(name) for name in record.decision.moved])
    if record.champion_version is None:
        return "no model to compare with"
    asked = record.decision.asked
    found = record.decision.reason if asked is None else asked.data_alone
    return "cannot be told" if found is TrainReason.TOO_FEW_ROWS else "nothing"


def _champion_here(record: DecisionRecord) -> str:
    error = record.decision.error
    if error is None:
        return ""
    return f"{estimate(error.now)}, promised {estimate(error.promised)}"


def row(run_id: str, tags: Mapping[str, str], record: DecisionRecord | None) -> Row:
    """One batch's line."""
    version = version_of(record, tags)
    number, group = int(tags[names.TAG_BATCH]), int(tags.get(names.TAG_GROUP, "0"))
    if record is None:
        why = tags.get(names.TAG_WHY, "its decision is not written yet")
        return Row(number, group, run_id, None, "", Verdict.DECIDING, why, version, "", "", "", "")
    promotion = record.promotion
    against = "" if promotion is None or promotion.champion_version is not None else "median price: "
    return Row(
        batch=record.batch.number,
        group=record.batch.group,
        run_id=run_id,
        rows=record.batch.rows,
        moved=moved(record),
        verdict=verdict(record, tags),
        why=sentence(record.decision.sentence),
        version=version,
        champion_here=_champion_here(record),
        champion=against + estimate(promotion.champion) if promotion else "",
        challenger=estimate(promotion.challenger) if promotion else "",
        criterion=CRITERIA[promotion.criterion] if promotion else "",
    )


def promise(error: ErrorEvidence) -> str:
    """Whether the champion keeps its promise on this batch."""
    if error.worse:
        return "No: it errs more here than it promised"
    if error.now.low > error.promised.high:
        return "Not quite: it errs more here than it promised, though not by enough to call for a training"
    return "Yes, as far as this batch can tell"


def headline(record: DecisionRecord) -> str:
    """What a batch came to, in a sentence or two."""
    decision, promotion = record.decision, record.promotion
    reason = REASONS[decision.reason]
    if not decision.train:
        return f"No training: {reason}."
    if record.training is None:
        return f"A training was asked for: {reason}. It has not finished."
    if promotion is None:
        return f"Trained: {reason}. The version has not been judged yet."
    what, criterion = f"Trained: {reason}. Version {promotion.challenger_version}", CRITERIA[promotion.criterion]
    champion = promotion.champion_version
    if promotion.promoted:
        return f"{what} went to production{f' in place of version {champion}' if champion else ''}: {criterion}."
    return f"{what} was rejected: {criterion}{f'; version {champion} stays' if champion else ''}."


def summary(rows: Sequence[Row], production: int | None) -> str:
    """What all batches came to, in a sentence."""
    trained = sum(r.version is not None for r in rows)
    promoted = sum(r.verdict is Verdict.PROMOTED for r in rows)
    batches = f"{len(rows)} batch{'es' if len(rows) != 1 else ''}"
    stands = f"version {production} is in production" if production else "no version is in production yet"
    return f"{batches}, {trained} training{'s' if trained != 1 else ''}, {promoted} promoted; {stands}."
