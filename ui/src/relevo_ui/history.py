"""One line per batch, made from its run's tags and decision record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relevo_contract import names
from relevo_contract.record import DecisionRecord, ErrorEvidence, Promotion, TrainReason
from relevo_ui import reasons
from relevo_ui.language import Say, english
from relevo_ui.wording import Wording, listed, moment, sentence


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

ORIGINS: Final = 3
"""Places named in a line."""


@dataclass(frozen=True)
class Row:
    """What the history shows of one batch; texts, ready to be read."""

    batch: int
    group: int
    run_id: str
    rows: int | None
    origin: str
    """The places its rows come from."""
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


def origin(record: DecisionRecord, say: Wording) -> str:
    """The places that its rows come from, with their shares; empty where that was not recorded."""
    if not record.origin or not record.batch.kept:
        return ""
    named = [
        f"{name or say('no {place}', place=say.place)} {100 * rows / record.batch.kept:.0f} %"
        for name, rows in list(record.origin.items())[:ORIGINS]
    ]
    more = len(record.origin) - len(named)
    return ", ".join([*named, *([say("{count} more", count=more)] if more else [])])


def moved(record: DecisionRecord, say: Wording) -> str:
    """Which columns moved, or why none is named."""
    if record.decision.moved:
        return listed([say.column(name) for name in record.decision.moved], say=say)
    if record.champion_version is None:
        return say("no model to compare with")
    asked = record.decision.asked
    found = record.decision.reason if asked is None else asked.data_alone
    return say("cannot be told") if found is TrainReason.TOO_FEW_ROWS else say("nothing")


def warnings(record: DecisionRecord, say: Wording) -> list[str]:
    """What looks broken though the champion's error does not say that it is; the batch is used."""
    if record.decision.excluded:
        return []
    return [
        sentence(
            say(
                "{defect}; a warning, for the model does not err more than it promised",
                defect=reasons.defect(defect, say),
            )
        )
        for defect in record.decision.defects
    ]


def left_out(record: DecisionRecord, say: Say) -> str:
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


def taken_back(record: DecisionRecord, say: Wording) -> list[str]:
    """Who took back what this decision left out, and when, and why."""
    told = []
    for one in record.taken_back:
        batches = listed([str(number) for number in one.batches], len(one.batches), say)
        said = say(
            "batch {batches} was taken back by {who} on {when}", batches=batches, who=one.by, when=moment(one.at)
        )
        told.append(sentence(f"{said}: {one.reason}" if one.reason else said))
    return told


def why(record: DecisionRecord, say: Wording) -> str:
    """The sentence why: in English the one that was written with the decision; else made of the same figures. And who
    took back what it left out.
    """
    return " ".join([_why(record, say), *taken_back(record, say)])


def _why(record: DecisionRecord, say: Wording) -> str:
    if say.say is english:
        return sentence(record.decision.sentence)
    told = reasons.reason(record, say)
    if (error := record.decision.error) is not None:
        told += "; " + say(
            "version {version} {errs} {now} here, promised {promised}",
            version=record.champion_version,
            errs=say.errs,
            now=say.estimate(error.now),
            promised=say.estimate(error.promised),
        )
    if record.decision.excluded:
        told = "; ".join([told, *(reasons.defect(defect, say) for defect in record.decision.defects)])
    return " ".join([sentence(told), *warnings(record, say)])


def judged(promotion: Promotion, say: Wording) -> str:
    """The sentence that decided: in English as it was written then; else made of the same figures."""
    if say.say is english:
        return sentence(promotion.sentence)
    champion = promotion.champion_version
    return sentence(
        say(
            "version {version} {errs} {challenger} where {before} {errs} {champion}, on {rows} held-out rows",
            version=promotion.challenger_version,
            errs=say.errs,
            challenger=say.estimate(promotion.challenger),
            before=say.baseline if champion is None else say("version {version}", version=champion),
            champion=say.estimate(promotion.champion),
            rows=f"{promotion.rows:,}",
        )
    )


def _champion_here(record: DecisionRecord, say: Wording) -> str:
    error = record.decision.error
    if error is None:
        return ""
    return say("{now}, promised {promised}", now=say.estimate(error.now), promised=say.estimate(error.promised))


def row(run_id: str, tags: Mapping[str, str], record: DecisionRecord | None, say: Wording) -> Row:
    """One batch's line; an outline of its record will do."""
    version = version_of(record, tags)
    number, group = int(tags[names.TAG_BATCH]), int(tags.get(names.TAG_GROUP, "0"))
    if record is None:
        told = tags.get(names.TAG_WHY, say("its decision is not written yet"))
        outcome = f"{MARKS[Verdict.DECIDING]} {say(Verdict.DECIDING)}"
        return Row(number, group, run_id, None, "", "", Verdict.DECIDING, outcome, told, version, "", "", "", "")
    promotion, far = record.promotion, verdict(record, tags)
    against = "" if promotion is None or promotion.champion_version is not None else f"{say.baseline}: "
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
        champion=against + say.estimate(promotion.champion) if promotion else "",
        challenger=say.estimate(promotion.challenger) if promotion else "",
        criterion=reasons.criterion(promotion, say) if promotion else "",
    )


def promise(error: ErrorEvidence, say: Wording) -> str:
    """Whether the champion keeps its promise on this batch."""
    if error.worse:
        return say("No: it errs more here than it promised")
    if error.now.low > error.promised.high:
        return say("Not quite: it errs more here than it promised, though not by enough to call for a training")
    return say("Yes, as far as this batch can tell")


def headline(record: DecisionRecord, say: Wording) -> str:
    """What a batch came to, in a sentence or two."""
    decision, promotion = record.decision, record.promotion
    because = reasons.reason(record, say)
    if not decision.train:
        return say("No training: {reason}.", reason=because)
    if record.training is None:
        return say("A training was asked for: {reason}. It has not finished.", reason=because)
    if promotion is None:
        return say("Trained: {reason}. The version has not been judged yet.", reason=because)
    return _settled(because, promotion, say)


def _settled(because: str, promotion: Promotion, say: Wording) -> str:
    """What a version came to."""
    champion = promotion.champion_version
    told = {
        "reason": because,
        "version": promotion.challenger_version,
        "criterion": reasons.criterion(promotion, say),
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


def summary(rows: Sequence[Row], production: int | None, say: Wording) -> str:
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
