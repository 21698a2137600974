"""What became of a batch, made from its run's tags and decision record. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relevo_contract import names
from relevo_contract.record import DecisionRecord, ErrorEvidence, Promotion
from relevo_ui import reasons, sentences
from relevo_ui.language import Say
from relevo_ui.wording import Wording, listed, moment, sentence


class Verdict(StrEnum):
    """How far a batch has come."""

    DECIDING = "being decided"
    KEPT = "no training"
    BLOCKED = "blocked"
    TRAINING = "training asked for"
    JUDGING = "trained, not judged yet"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled back"


MARKS: Final[Mapping[Verdict, tuple[str, str]]] = {
    Verdict.DECIDING: ("…", "gray"),
    Verdict.KEPT: ("=", "gray"),
    Verdict.BLOCKED: ("■", "red"),
    Verdict.TRAINING: ("…", "gray"),
    Verdict.JUDGING: ("△", "blue"),
    Verdict.PROMOTED: ("▲", "green"),
    Verdict.REJECTED: ("✕", "orange"),
    Verdict.ROLLED_BACK: ("↺", "red"),
}
"""A sign beside the word, so that colour is never what tells them apart; and the colour."""

ORIGINS: Final = 3
"""Places named in a line."""


@dataclass(frozen=True)
class Row:
    """What the overview shows of one batch; texts, ready to be read."""

    batch: int
    group: int
    run_id: str
    verdict: Verdict
    outcome: str
    """The verdict in words, with what it is of: `blocked: house size`, `promoted, version 2`."""
    version: int | None
    why: str
    facts: Sequence[str] = ()
    """Rows, their origin, what moved, when."""


def verdict(record: DecisionRecord | None, tags: Mapping[str, str]) -> Verdict:
    """How far the batch has come."""
    if record is None:
        return Verdict.DECIDING
    if record.rolled_back is not None:
        return Verdict.ROLLED_BACK
    if blocked(record):
        return Verdict.BLOCKED
    if record.promotion is not None:
        return Verdict.PROMOTED if record.promotion.promoted else Verdict.REJECTED
    if not record.decision.train:
        return Verdict.KEPT
    trained = record.training is not None or names.TAG_VERSION in tags
    return Verdict.JUDGING if trained else Verdict.TRAINING


def blocked(record: DecisionRecord) -> bool:
    """Whether some of its rows are still left out for a broken column."""
    return bool(_left_out(record))


def _left_out(record: DecisionRecord) -> list[str]:
    back = {number for one in record.taken_back for number in one.batches}
    return [str(number) for number in record.decision.excluded if number not in back]


def outcome(record: DecisionRecord | None, tags: Mapping[str, str], say: Wording) -> str:
    """The verdict in words, with what it is of."""
    far, version = verdict(record, tags), version_of(record, tags)
    if record is not None and far is Verdict.BLOCKED:
        columns = listed([say.column(one.column) for one in record.decision.defects], say=say)
        return say("blocked: {columns}", columns=columns) if columns else say(far)
    if record is not None and record.rolled_back is not None:
        return say("rolled back to version {version}", version=record.rolled_back.to_version)
    if version is not None:
        return say("{verdict}, version {version}", verdict=say(far), version=version)
    return say(far)


def version_of(record: DecisionRecord | None, tags: Mapping[str, str]) -> int | None:
    """The version that came of the batch."""
    if record is not None and record.promotion is not None:
        return record.promotion.challenger_version
    if record is not None and record.training is not None and record.training.version is not None:
        return record.training.version
    tag = tags.get(names.TAG_VERSION, "")
    return int(tag) if tag.isascii() and tag.isdigit() else None


def _whole(share: float) -> str:
    """A share in whole per cent; what is there is not said to be nothing."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "<1 %"


def origin(record: DecisionRecord, say: Wording, most: int = ORIGINS) -> str:
    """The places that its rows come from, with their shares; empty where that was not recorded."""
    if not record.origin or not record.batch.kept:
        return ""
    named = [
        f"{name or say('no {place}', place=say.place)} {_whole(rows / record.batch.kept)}"
        for name, rows in list(record.origin.items())[:most]
    ]
    more = len(record.origin) - len(named)
    return ", ".join([*named, *([say("{count} more", count=more)] if more else [])])


def left_out(record: DecisionRecord, say: Say) -> str:
    """Which batches no training uses for what this decision found, and how they are taken back; empty if none."""
    out = _left_out(record)
    if not out:
        return ""
    return say(
        "Look at the source: if the data of batch {batches} are right after all, take it back, by the command "
        "`relevo-job include {numbers}` or by the annotation `relevo.dev/include` on the ModelDeployment, with the "
        "value `{numbers}: why`. The next training then uses it.",
        batches=listed(out, len(out), say),
        numbers=" ".join(out),
    )


def stay_out(records: Sequence[DecisionRecord], say: Wording) -> str:
    """Which batches no training uses for a broken column, and which column that is; empty if none."""
    told = [
        f"{listed(_left_out(one), 9, say)} ({listed([say.column(d.column) for d in one.decision.defects], say=say)})"
        for one in records
        if blocked(one)
    ]
    return say("Left out of trainings: batch {batches}.", batches=listed(told, say=say)) if told else ""


def broken_since(record: DecisionRecord, older: Sequence[DecisionRecord]) -> int:
    """The batch from which on a column that blocks this one was broken without a pause; the older ones come newest
    first.
    """
    columns, first = {one.column for one in record.decision.defects}, min(record.decision.excluded)
    for one in older:
        if one.batch.number >= first or one.batch.group != record.batch.group:
            continue
        if not one.decision.excluded or not columns.intersection(d.column for d in one.decision.defects):
            break
        first = min(first, *one.decision.excluded)
    return first


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
    """The sentence why, and who took back what it left out."""
    return " ".join([sentences.decided(record, say), *taken_back(record, say)])


def judged(promotion: Promotion, say: Wording) -> str:
    """The sentence that decided between two versions."""
    return sentences.judged(promotion, say)


def row(run_id: str, tags: Mapping[str, str], record: DecisionRecord | None, say: Wording) -> Row:
    """One batch as the overview tells it; an outline of its record will do."""
    far, version = verdict(record, tags), version_of(record, tags)
    told = outcome(record, tags, say)
    if record is None:
        number, group = int(tags[names.TAG_BATCH]), int(tags.get(names.TAG_GROUP, "0"))
        return Row(number, group, run_id, far, told, version, say("its decision is not written yet"))
    promotion = record.promotion
    against = "" if promotion is None else sentences.errors(promotion, say)
    moved = [say.column(name) for name in record.decision.moved]
    facts = [
        say.count("row", record.batch.rows),
        origin(record, say),
        say("moved: {columns}", columns=listed(moved, say=say)) if moved else "",
        moment(record.decided_at),
    ]
    return Row(
        batch=record.batch.number,
        group=record.batch.group,
        run_id=run_id,
        verdict=far,
        outcome=told,
        version=version,
        why=" ".join(filter(None, (sentences.brief(record, say), against))),
        facts=[one for one in facts if one],
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
    if blocked(record):
        columns = listed([say.column(one.column) for one in decision.defects], say=say)
        return say("Blocked: {columns} looks broken, so no training uses these rows.", columns=columns)
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
    batches, trainings = say.count("batch", len(rows)), say.count("training", trained)
    stands = (
        say("version {version} is in production", version=production)
        if production
        else say("no version is in production yet")
    )
    return f"{batches}, {trainings}, {say('{count} promoted', count=promoted)}; {stands}."
