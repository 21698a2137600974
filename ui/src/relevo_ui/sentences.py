"""Why a batch was decided so, and a version judged so, made of the record's fields alike in every language. Pure.

What the steps wrote as a sentence is English; these say as much, and a test holds each figure and name of one language
against the other.
"""

from __future__ import annotations

import re
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.record import (
    Criterion,
    DecisionRecord,
    Defect,
    DefectKind,
    ExpectedGain,
    Promotion,
    TrainReason,
)
from relevo_ui import reasons, rehearsals
from relevo_ui.wording import Wording, listed, sentence

NAMED: Final = 4
"""Columns and places named in a sentence."""
_SHARE: Final = r"[\d.]+ %"
DEFECTS: Final = {
    DefectKind.LOST: (
        rf"is there in (?P<there>\S+) of (?P<rows>\S+) rows, in training in (?P<usual>{_SHARE})",
        "{column} is there in {there} of {rows} rows, in training in {usual}",
    ),
    DefectKind.STUCK: (r"holds (?P<value>\S+) in every row", "{column} is {value} in every row"),
    DefectKind.UNIT: (
        rf"has its median at (?P<median>\S+): (?P<share>{_SHARE}) of its values are (?P<where>below|above) "
        rf"(?P<edge>\S+), in training (?P<usual>{_SHARE}) were; its unit may have changed",
        "{column} has its median at {median}: {share} of its values are {edge}, in training {usual} were; its unit may "
        "have changed",
    ),
}
"""How the step writes what looks broken, and how it is said; `reasons.DEFECTS` says one that is written otherwise."""


def defect(found: Defect, say: Wording) -> str:
    """What looks broken, with its figures."""
    written, said = DEFECTS[found.kind]
    if (figures := re.fullmatch(written, found.what)) is None:
        return reasons.defect(found, say)
    told = figures.groupdict()
    if "where" in told:
        told["edge"] = say("below {edge}" if told["where"] == "below" else "above {edge}", edge=told["edge"])
    return say(said, column=say.column(found.column), **told)


def against(record: DecisionRecord, say: Wording, *, ranged: bool = True) -> str:
    """The champion's error here beside what it promised, and, if `ranged`, what was to be expected of that; empty where
    it was not measured.
    """
    error = record.decision.error
    if error is None:
        return ""
    told = say(
        "version {version} {errs} {now} here, promised {promised}",
        version=record.champion_version,
        errs=say.errs,
        now=say.estimate(error.now),
        promised=say.estimate(error.promised),
    )
    if error.expected is None or not ranged:
        return told
    low, high = say.loss(error.expected.low), say.loss(error.expected.high)
    return f"{told}; {say('as promises were kept so far, {low} to {high} was to be expected', low=low, high=high)}"


def gain(found: ExpectedGain | None, say: Wording) -> str:
    """What a training is expected to take off; empty where that was not kept."""
    if found is None:
        return ""
    worth = percent(found.worth)
    best = found.measured or found.by_curve
    if best is None:
        return say("too few rows wait to try what a training would gain")
    if best.value <= 0:
        return say("a training is expected to take nothing off the {decides}", decides=say.decides)
    if found.believed < 1:
        return say(
            "a training is expected to take {gain} off the {decides}, of which {believed} is believed; {worth} is "
            "worth one",
            gain=say.share(best),
            decides=say.decides,
            believed=percent(found.believed),
            worth=worth,
        )
    return say(
        "a training is expected to take {gain} off the {decides}; {worth} is worth one",
        gain=say.share(best),
        decides=say.decides,
        worth=worth,
    )


def _because(record: DecisionRecord, say: Wording) -> str:
    """The reason itself, with the names and figures that it is of."""
    decision = record.decision
    moved = listed([say.column(name) for name in decision.moved], NAMED, say)
    told = reasons.reason(record, say)
    match decision.reason:
        case TrainReason.BASELINE if record.training is not None:
            told = say(
                "there was no model yet; the first one learnt from {rows}", rows=say.count("row", record.training.rows)
            )
        case TrainReason.NEW_STATE if decision.in_new_places is not None:
            told = say(
                "{share} of its rows lie in {places}, which version {version} hardly knew",
                share=percent(decision.in_new_places),
                places=listed(list(decision.new_places), NAMED, say),
                version=record.champion_version,
            )
        case TrainReason.DRIFT if moved:
            told = say("{columns} moved beyond noise, and the rows that wait are worth a training", columns=moved)
        case TrainReason.LEARNING if (found := decision.expected) is not None:
            told = say(
                "the model is still learning, with {waiting} waiting beside {trained} trained on",
                waiting=say.count("row", found.waiting),
                trained=f"{found.trained_on:,}",
            )
        case TrainReason.LIVE_DRIFT if (live := decision.live) is not None:
            told = say(
                "what customers asked for ({rows}) is far from what the model learnt from, and this batch brings it "
                "closer in {columns}",
                rows=say.count("row", live.rows),
                columns=listed([say.column(name) for name in live.closer], NAMED, say),
            )
        case TrainReason.QUIET if moved:
            told = say("{columns} moved, but not enough to make a training worth it", columns=moved)
        case TrainReason.TOO_FEW_ROWS:
            told = say("{rows} kept, and {reason}", rows=say.count("row", record.batch.kept), reason=told)
        case TrainReason.BROKEN_COLUMN if decision.defects:
            told = "; ".join(defect(one, say) for one in decision.defects)
        case TrainReason.ASKED if (asked := decision.asked) is not None:
            alone = say(reasons.REASONS[asked.data_alone], place=say.place)
            told = say(
                "somebody asked for it: “{words}”; the data alone said: {alone}", words=asked.reason, alone=alone
            )
    return told


def decided(record: DecisionRecord, say: Wording) -> str:
    """Why it was decided so; an outline of the record will do, and names less."""
    decision = record.decision
    told = [_because(record, say)]
    if decision.reason not in {TrainReason.TOO_FEW_ROWS, TrainReason.BROKEN_COLUMN}:
        told.append(gain(decision.expected, say))
    told.append(against(record, say))
    return " ".join([sentence("; ".join(filter(None, told))), *warnings(record, say)])


def brief(record: DecisionRecord, say: Wording) -> str:
    """The same without what a training was expected to gain."""
    return sentence("; ".join(filter(None, (_because(record, say), against(record, say, ranged=False)))))


def errors(promotion: Promotion, say: Wording) -> str:
    """The errors that decided, alone."""
    champion = promotion.champion_version
    return sentence(
        say(
            "version {version} {errs} {challenger} where {before} {errs} {champion}, on {rows} held out",
            version=promotion.challenger_version,
            errs=say.errs,
            challenger=say.estimate(promotion.challenger),
            before=say.baseline if champion is None else say("the champion (version {version})", version=champion),
            champion=say.estimate(promotion.champion),
            rows=say.count("row", promotion.rows),
        )
    )


def warnings(record: DecisionRecord, say: Wording) -> list[str]:
    """What looks broken though the champion's error does not say that it is; the batch is used."""
    if record.decision.excluded:
        return []
    return [
        sentence(
            say(
                "{defect}; a warning, for the model does not err more than it promised",
                defect=defect(one, say),
            )
        )
        for one in record.decision.defects
    ]


def judged(promotion: Promotion, say: Wording) -> str:
    """Who was better, on which rows, and what else decided; an outline of the record names no places."""
    champion, rows = promotion.champion_version, say.count("row", promotion.rows)
    version = promotion.challenger_version
    if promotion.criterion is Criterion.TOO_FEW_ROWS:
        return sentence(say("{rows} held out are too few to judge version {version}", rows=rows, version=version))
    told = [
        say(
            "version {version} is better than {before} beyond noise, on {rows} held out: {figure} {challenger} against "
            "{champion}; the {decides} differs by {difference}"
            if promotion.difference.high < 0
            else "version {version} is worse than {before} beyond noise, on {rows} held out: {figure} {challenger} "
            "against {champion}; the {decides} differs by {difference}"
            if promotion.difference.low > 0
            else "version {version} does not differ from {before} beyond noise, on {rows} held out: {figure} "
            "{challenger} against {champion}; the {decides} differs by {difference}",
            version=version,
            before=say("always saying {baseline}", baseline=say.baseline)
            if champion is None
            else say("the champion (version {version})", version=champion),
            rows=rows,
            figure=say.figure,
            challenger=say.estimate(promotion.challenger),
            champion=say.estimate(promotion.champion),
            decides=say.decides,
            difference=say.difference(promotion.difference),
        )
    ]
    if worse := [one for one in promotion.states if one.worse]:
        named = [f"{one.state} ({say.difference(one.shrunk or one.difference)})" for one in worse]
        told.append(say("but it is much worse in {places}", places=listed(named, NAMED, say)))
    if (rehearsal := promotion.rehearsal) is not None:
        told += [one.rstrip(".") for one in rehearsals.not_finite(promotion, rehearsal, say)]
    if promotion.criterion is Criterion.CHANGES_TOO_MUCH and promotion.rehearsal is not None:
        told.append(rehearsals.told(promotion.rehearsal, say)[0].rstrip("."))
    return sentence("; ".join(told))
