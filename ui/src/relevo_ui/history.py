"""One line per batch, made from its run's tags and decision record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relevo_contract import names
from relevo_contract.record import (
    Criterion,
    DecisionRecord,
    Defect,
    DefectKind,
    ErrorEvidence,
    Promotion,
    TrainReason,
)
from relevo_ui.language import Say, english
from relevo_ui.wording import column, estimate, listed, moment, sentence


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


DEFECTS: Mapping[DefectKind, str] = {
    DefectKind.LOST: "{column} is there in hardly any row, in training it was there in most",
    DefectKind.STUCK: "{column} is one and the same number in every row",
    DefectKind.UNIT: "most values of {column} lie beyond nearly all of the training data; its unit may have changed",
}

ORIGINS: Final = 3
"""States named in a line."""


@dataclass(frozen=True)
class Row:
    """What the history shows of one batch; texts, ready to be read."""

    batch: int
    group: int
    run_id: str
    rows: int | None
    origin: str
    """The states its rows come from."""
    moved: str
    verdict: Verdict
    outcome: str
    """The verdict with its sign."""
    why: str
    version: int | None
    champion_here: str
    """The champion's error on this batch, against its promise."""
    champion: str
    """Champion's error on the held-out rows that decided."""
    challenger: str
    criterion: str


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
    return int(tag) if tag.isascii() and tag.isdigit() else None


def origin(record: DecisionRecord, say: Say = english) -> str:
    """The states that its rows come from, with their shares; empty where that was not recorded."""
    if not record.origin or not record.batch.kept:
        return ""
    named = [
        f"{state or say('no state')} {100 * rows / record.batch.kept:.0f} %"
        for state, rows in list(record.origin.items())[:ORIGINS]
    ]
    more = len(record.origin) - len(named)
    return ", ".join([*named, *([say("{count} more", count=more)] if more else [])])


def moved(record: DecisionRecord, say: Say = english) -> str:
    """Which columns moved, or why none is named."""
    if record.decision.moved:
        return listed([column(name, say) for name in record.decision.moved], say=say)
    if record.champion_version is None:
        return say("no model to compare with")
    asked = record.decision.asked
    found = record.decision.reason if asked is None else asked.data_alone
    return say("cannot be told") if found is TrainReason.TOO_FEW_ROWS else say("nothing")


def warnings(record: DecisionRecord, say: Say = english) -> list[str]:
    """What looks broken though the champion's error does not say that it is; the batch is used."""
    if record.decision.excluded:
        return []
    return [
        sentence(
            say("{defect}; a warning, for the model does not err more than it promised", defect=_defect(defect, say))
        )
        for defect in record.decision.defects
    ]


def _defect(defect: Defect, say: Say) -> str:
    return say(DEFECTS[defect.kind], column=column(defect.column, say))


def left_out(record: DecisionRecord, say: Say = english) -> str:
    """Which batches no training uses for what this decision found, and how they are taken back; empty if none."""
    back = {number for one in record.taken_back for number in one.batches}
    out = [str(number) for number in record.decision.excluded if number not in back]
    if not out:
        return ""
    return say(
        "No training uses batch {batches}. If its data are right after all, take it back, by the command `relevo-job "
        "include {numbers}` or by the annotation `relevo.dev/include` on the ModelDeployment, with the value "
        "`{numbers}: why`. The next training then uses it.",
        batches=listed(out, len(out), say),
        numbers=" ".join(out),
    )


def taken_back(record: DecisionRecord, say: Say = english) -> list[str]:
    """Who took back what this decision left out, and when, and why."""
    told = []
    for one in record.taken_back:
        batches = listed([str(number) for number in one.batches], len(one.batches), say)
        said = say(
            "batch {batches} was taken back by {who} on {when}", batches=batches, who=one.by, when=moment(one.at)
        )
        told.append(sentence(f"{said}: {one.reason}" if one.reason else said))
    return told


def why(record: DecisionRecord, say: Say = english) -> str:
    """The sentence why: in English the one that was written with the decision; else made of the same figures. And who
    took back what it left out.
    """
    return " ".join([_why(record, say), *taken_back(record, say)])


def _why(record: DecisionRecord, say: Say) -> str:
    if say is english:
        return sentence(record.decision.sentence)
    told = say(REASONS[record.decision.reason])
    if (error := record.decision.error) is not None:
        told += "; " + say(
            "version {version} errs by {now} here, promised {promised}",
            version=record.champion_version,
            now=estimate(error.now, say),
            promised=estimate(error.promised, say),
        )
    if record.decision.excluded:
        told = "; ".join([told, *(_defect(defect, say) for defect in record.decision.defects)])
    return " ".join([sentence(told), *warnings(record, say)])


def judged(promotion: Promotion, say: Say = english) -> str:
    """The sentence that decided: in English as it was written then; else made of the same figures."""
    if say is english:
        return sentence(promotion.sentence)
    champion = promotion.champion_version
    return sentence(
        say(
            "version {version} errs by {challenger} where {before} errs by {champion}, on {rows} held-out rows",
            version=promotion.challenger_version,
            challenger=estimate(promotion.challenger, say),
            before=say("the median price") if champion is None else say("version {version}", version=champion),
            champion=estimate(promotion.champion, say),
            rows=f"{promotion.rows:,}",
        )
    )


def _champion_here(record: DecisionRecord, say: Say) -> str:
    error = record.decision.error
    if error is None:
        return ""
    return say("{now}, promised {promised}", now=estimate(error.now, say), promised=estimate(error.promised, say))


def row(run_id: str, tags: Mapping[str, str], record: DecisionRecord | None, say: Say = english) -> Row:
    """One batch's line; an outline of its record will do."""
    version = version_of(record, tags)
    number, group = int(tags[names.TAG_BATCH]), int(tags.get(names.TAG_GROUP, "0"))
    if record is None:
        told = tags.get(names.TAG_WHY, say("its decision is not written yet"))
        outcome = f"{MARKS[Verdict.DECIDING]} {say(Verdict.DECIDING)}"
        return Row(number, group, run_id, None, "", "", Verdict.DECIDING, outcome, told, version, "", "", "", "")
    promotion, far = record.promotion, verdict(record, tags)
    against = "" if promotion is None or promotion.champion_version is not None else say("median price:") + " "
    return Row(
        batch=record.batch.number,
        group=record.batch.group,
        run_id=run_id,
        rows=record.batch.rows,
        origin=origin(record, say),
        moved=moved(record, say),
        verdict=far,
        outcome=f"{MARKS[far]} {say(far)}",
        why=why(record, say),
        version=version,
        champion_here=_champion_here(record, say),
        champion=against + estimate(promotion.champion, say) if promotion else "",
        challenger=estimate(promotion.challenger, say) if promotion else "",
        criterion=say(CRITERIA[promotion.criterion]) if promotion else "",
    )


def promise(error: ErrorEvidence, say: Say = english) -> str:
    """Whether the champion keeps its promise on this batch."""
    if error.worse:
        return say("No: it errs more here than it promised")
    if error.now.low > error.promised.high:
        return say("Not quite: it errs more here than it promised, though not by enough to call for a training")
    return say("Yes, as far as this batch can tell")


def headline(record: DecisionRecord, say: Say = english) -> str:
    """What a batch came to, in a sentence or two."""
    decision, promotion = record.decision, record.promotion
    reason = say(REASONS[decision.reason])
    if not decision.train:
        return say("No training: {reason}.", reason=reason)
    if record.training is None:
        return say("A training was asked for: {reason}. It has not finished.", reason=reason)
    if promotion is None:
        return say("Trained: {reason}. The version has not been judged yet.", reason=reason)
    return _settled(reason, promotion, say)


def _settled(reason: str, promotion: Promotion, say: Say) -> str:
    """What a version came to."""
    champion = promotion.champion_version
    told = {
        "reason": reason,
        "version": promotion.challenger_version,
        "criterion": say(CRITERIA[promotion.criterion]),
        "champion": champion,
    }
    if promotion.promoted:
        if champion is None:
            return say("Trained: {reason}. Version {version} went to production: {criterion}.", **told)
        return say(
            "Trained: {reason}. Version {version} went to production in place of version {champion}: {criterion}.",
            **told,
        )
    if champion is None:
        return say("Trained: {reason}. Version {version} was rejected: {criterion}.", **told)
    return say("Trained: {reason}. Version {version} was rejected: {criterion}; version {champion} stays.", **told)


def summary(rows: Sequence[Row], production: int | None, say: Say = english) -> str:
    """What all batches came to, in a sentence."""
    trained = sum(r.version is not None for r in rows)
    promoted = sum(r.verdict is Verdict.PROMOTED for r in rows)
    batches = say("1 batch") if len(rows) == 1 else say("{count} batches", count=len(rows))
    trainings = say("1 training") if trained == 1 else say("{count} trainings", count=trained)
    stands = (
        say("version {version} is in production", version=production)
        if production
        else say("no version is in production yet")
    )
    return f"{batches}, {trainings}, {say('{count} promoted', count=promoted)}; {stands}."
