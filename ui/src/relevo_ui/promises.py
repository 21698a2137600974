"""How the promises of errors and of prediction intervals were kept, batch by batch, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.record import DecisionRecord, ErrorEvidence
from relevo_ui.wording import Wording, listed

SHOWN: Final = 200
"""Batches in a picture and its sentence, the newest."""
NAMED: Final = 8
"""Batches named in a sentence."""


class Place(StrEnum):
    """Where a batch's error lies, against the range that nine batches in ten fall into."""

    AS_EXPECTED = "champion, on the batch"
    """In it, or there is none."""
    ABOVE = "above the range"
    BELOW = "below the range"


OF_ONE: Final = {
    Place.AS_EXPECTED: "In nine batches of ten it should lie between {low} and {high}, as promises were kept so far; "
    "it does.",
    Place.ABOVE: "In nine batches of ten it should lie between {low} and {high}, as promises were kept so far; it is "
    "above.",
    Place.BELOW: "In nine batches of ten it should lie between {low} and {high}, as promises were kept so far; it is "
    "below.",
}
"""Where one batch's error lies."""


def place(error: ErrorEvidence) -> Place:
    """Where the batch's error lies."""
    if error.expected is not None and error.now.value > error.expected.high:
        return Place.ABOVE
    if error.expected is not None and error.now.value < error.expected.low:
        return Place.BELOW
    return Place.AS_EXPECTED


@dataclass(frozen=True)
class Forward:
    """A batch that a version predicted before anything was trained on it."""

    batch: int
    error: ErrorEvidence
    left_out: bool
    """Whether its decision left it out for a broken column: its error says nothing of promises."""

    @property
    def place(self) -> Place:
        """Where its error lies."""
        return place(self.error)


def forward(records: Sequence[DecisionRecord]) -> list[Forward]:
    """The newest such batches, newest first, as the records are."""
    return [
        Forward(record.batch.number, record.decision.error, bool(record.decision.excluded))
        for record in records
        if record.decision.error is not None
    ][:SHOWN]


def _counted(found: Sequence[Forward]) -> list[Forward]:
    return [one for one in found if one.error.expected is not None and not one.left_out]


def errors(found: Sequence[Forward], say: Wording) -> str:
    """How many batches fell into their range, and which did not; empty where none was kept."""
    counted = _counted(found)
    if not counted:
        return ""
    inside = sum(one.place is Place.AS_EXPECTED for one in counted)
    told = say(
        "Of {batches} {inside} ({share}) fell into the range that nine in ten should fall into.",
        batches=say.count("batch", len(counted)),
        inside=inside,
        share=percent(inside / len(counted)),
    )
    above, below = ([str(one.batch) for one in counted if one.place is where] for where in (Place.ABOVE, Place.BELOW))
    if above:
        told += " " + say("Above it: batch {batches}.", batches=listed(above, NAMED, say))
    if below:
        told += " " + say("Below it: batch {batches}.", batches=listed(below, NAMED, say))
    if any(one.left_out for one in found):
        told += " " + say("Batches left out for a broken column are not counted.")
    return told


def kept(found: Sequence[Forward], say: Wording) -> str:
    """How many promises were kept: the error was in its range, or below; empty where none was made so."""
    counted = _counted(found)
    if not counted:
        return ""
    good = sum(one.place is not Place.ABOVE if one.error.kept is None else one.error.kept for one in counted)
    return say(
        "Promises of an error: {good} of {count} were kept ({share}).",
        good=good,
        count=len(counted),
        share=percent(good / len(counted)),
    )


def intervals(found: Sequence[Forward], say: Wording) -> str:
    """How many rows the prediction intervals held; empty for probabilities, and where that was not kept."""
    held = [(one.error.coverage, one.error.rows) for one in found if one.error.coverage is not None]
    rows = sum(n for _, n in held)
    if not rows:
        return ""
    return say(
        "The range that is said to hold nine rows in ten held {share} of {rows} of {batches}.",
        share=percent(sum(coverage * n for coverage, n in held) / rows),
        rows=say.count("row", rows),
        batches=say.count("batch", len(held)),
    )


def of_one(error: ErrorEvidence, say: Wording) -> list[str]:
    """The range that the batch's error should fall into, and what the prediction interval held of its rows."""
    told = []
    if error.expected is not None:
        low, high = say.loss(error.expected.low), say.loss(error.expected.high)
        told.append(say(OF_ONE[place(error)], low=low, high=high))
    if error.coverage is not None:
        told.append(
            say("The range that is said to hold nine rows in ten held {share} of these.", share=percent(error.coverage))
        )
    if error.stretch is not None:
        told.append(
            say(
                "To hold nine in ten of these, it must be {times} times as wide as the held-out rows alone make it.",
                times=f"{error.stretch:.2f}",
            )
        )
    return told
