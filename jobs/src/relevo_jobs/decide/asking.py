"""A training that somebody asks for: whether there is anything to learn, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from relevo_contract.record import Asked, TrainReason, TrainVerdict
from relevo_jobs.decide.policy import FEWEST_ROWS
from relevo_jobs.wording import listed, rows_of

MOST_NAMED: Final = 5
"""Batches left out that a sentence names; more are counted."""


@dataclass(frozen=True)
class Ask:
    """What was asked: why, in somebody's words, and an id, by which it is honoured once."""

    id: str
    reason: str

    @property
    def words(self) -> str:
        """How a sentence starts that answers it."""
        return f'asked for: "{self.reason}"'


@dataclass(frozen=True)
class Lesson:
    """What a training could learn from that the champion was not trained on."""

    rows: int
    left_out: Sequence[int] = ()
    """Batches that no training uses, for a column of theirs is broken."""
    first: bool = False
    """Whether there is no champion yet: a model is more than an ask may make of a few rows."""
    lacking: str | None = None
    """What the training would lack of its rows, in words; None: it has enough."""


def refusal(lesson: Lesson) -> str | None:
    """Why an ask cannot be honoured; None if it can."""
    if lesson.first and lesson.rows < FEWEST_ROWS:
        return f"no model yet, and {rows_of(lesson.rows)} in all are too few for one (at least {FEWEST_ROWS})"
    if not lesson.rows:
        return f"there is nothing new to learn from{_without(lesson.left_out)}"
    return lesson.lacking


def honour(ask: Ask, alone: TrainVerdict, lesson: Lesson) -> TrainVerdict:
    """The verdict that asks for the training; `alone` is what the data alone called for, whose evidence it keeps."""
    sentence = f"{ask.words}{_without(lesson.left_out)}; the data alone said: {alone.sentence}"
    asked = Asked(id=ask.id, reason=ask.reason, data_alone=alone.reason, data_alone_sentence=alone.sentence)
    return alone.model_copy(
        update={"train": True, "reason": TrainReason.ASKED, "sentence": sentence, "asked": asked},
    )


def _without(batches: Sequence[int]) -> str:
    if not batches:
        return ""
    if len(batches) == 1:
        return f"; batch {batches[0]} stays left out, for a column of it is broken"
    named = listed([str(number) for number in sorted(batches)]) if len(batches) <= MOST_NAMED else ""
    which = f"batches {named}" if named else f"{len(batches)} batches"
    return f"; {which} stay left out, for a column of them is broken"
