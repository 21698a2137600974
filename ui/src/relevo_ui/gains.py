"""What a training is expected to gain, and what came of what earlier ones were expected to, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.profile import LearningCurve
from relevo_contract.record import DecisionRecord, Estimate, ExpectedGain
from relevo_ui.wording import Wording, sentence

SHOWN: Final = 200
"""Trainings in a picture and its sentence, the newest."""


def expected(found: ExpectedGain, version: int | None, say: Wording) -> list[str]:
    """What a training is expected to take off the champion's loss, how that is known, and from what on one is made."""
    told = [measured(found, version, say), by_curve(found, version, say)]
    worth = percent(found.worth)
    if found.believed < 1:
        told.append(
            say(
                "A training is made from {worth} on. Of what is expected {believed} is believed, for so much of what "
                "earlier trainings were expected to gain came.",
                worth=worth,
                believed=percent(found.believed),
            )
        )
    else:
        told.append(say("A training is made from {worth} on, and all that is expected is believed.", worth=worth))
    return told


def measured(found: ExpectedGain, version: int | None, say: Wording) -> str:
    """What a correction took off that was learnt on some of the rows that wait and tried on those after them."""
    if found.measured is None:
        return say("Too few rows wait to try on them what a training would gain.")
    return say(
        "A correction of version {version}, learnt on {learnt} of the rows that wait, takes {gain} off the {decides} "
        "of the {tried} after them.",
        version=version,
        learnt=f"{found.learnt_from:,}",
        gain=say.share(found.measured),
        decides=say.decides,
        tried=f"{found.tried_on:,}",
    )


def by_curve(found: ExpectedGain, version: int | None, say: Wording) -> str:
    """What the champion's learning curve makes of the rows that wait."""
    if found.by_curve is None:
        return say("Version {version} has no learning curve.", version=version)
    return say(
        "By the learning curve of version {version} {waiting} that wait, beside the {trained} it was trained on, take "
        "{gain} off.",
        version=version,
        waiting=say.count("row", found.waiting),
        trained=f"{found.trained_on:,}",
        gain=say.share(found.by_curve),
    )


@dataclass(frozen=True)
class Point:
    """A point of a learning curve: a mean loss by rows, with its interval where it is an expectation."""

    rows: int
    loss: Estimate


def next_point(curve: LearningCurve, found: ExpectedGain) -> Point | None:
    """Where the rows that wait would take the curve; None where none wait, or nothing was made of it."""
    gain, last = found.by_curve, curve.losses[-1]
    if gain is None or not found.waiting:
        return None
    loss = Estimate(value=last * (1 - gain.value), low=last * (1 - gain.high), high=last * (1 - gain.low))
    return Point(curve.rows[-1] + found.waiting, loss)


def learning(curve: LearningCurve, found: ExpectedGain, say: Wording) -> str:
    """The learning curve in a sentence or two."""
    told = say(
        "With {fewest} rows its {decides} on the held-out rows is {most}, with {rows} it is {least}; the last doubling "
        "changed it by {change}.",
        fewest=f"{curve.rows[0]:,}",
        decides=say.decides,
        most=say.loss(curve.losses[0]),
        rows=f"{curve.rows[-1]:,}",
        least=say.loss(curve.losses[-1]),
        change=say.difference(curve.last),
    )
    after = next_point(curve, found)
    if after is None:
        return told
    then = say(
        "With {rows}, as with those that wait, {loss} is expected.",
        rows=f"{after.rows:,}",
        loss=say.loss(after.loss.value),
    )
    return f"{told} {then}"


@dataclass(frozen=True)
class Came:
    """A training of which a gain was measured beforehand, and what it came to on the held-out rows."""

    batch: int
    version: int
    expected: Estimate
    gain: float
    promoted: bool


def came(records: Sequence[DecisionRecord]) -> list[Came]:
    """The newest trainings that both are known of, newest first, as the records are."""
    found = []
    for record in records:
        hoped, judged = record.decision.expected, record.promotion
        if hoped is not None and hoped.measured is not None and judged is not None and judged.gain is not None:
            version = judged.challenger_version
            found.append(Came(record.batch.number, version, hoped.measured, judged.gain, judged.promoted))
    return found[:SHOWN]


def what_came(found: Sequence[Came], say: Wording) -> str:
    """What was expected of them against what came."""
    count = len(found)
    return sentence(
        say(
            "{trainings}: on average {expected} off the {decides} was expected and {gain} came, by the held-out rows; "
            "in {as_expected} of them it was what was expected, within its 90 % interval, or more",
            trainings=say.count("training", count),
            expected=percent(sum(one.expected.value for one in found) / count),
            decides=say.decides,
            gain=percent(sum(one.gain for one in found) / count),
            as_expected=sum(one.gain >= one.expected.low for one in found),
        )
    )
