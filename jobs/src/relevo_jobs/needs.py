"""What a training needs of its rows, said once: decide asks for none that lacks it, and train refuses it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from relevo_jobs.errors import StepError


class Sides(NamedTuple):
    """How many rows there are on each side of the hold-out."""

    training: int
    held_out: int
    positive: int = 0
    """Of those to train on, where the target is one of two outcomes."""


@dataclass(frozen=True)
class Needs:
    """The fewest rows of which a version can come."""

    training: int = 20
    """Rows to train on: with fewer there is nothing to choose parameters by."""
    held_out: int = 1
    """Rows that no version is ever trained on, to measure it by."""
    each: int = 0
    """Rows to train on of each of two outcomes: with one alone there is nothing to tell apart."""

    def lacking(self, sides: Sides) -> str | None:
        """What is missing, in words; None if the rows are enough."""
        if sides.training >= self.training and sides.held_out >= self.held_out:
            negative = sides.training - sides.positive
            if min(sides.positive, negative) >= self.each:
                return None
            return (
                f"a training needs at least {self.each} rows of each outcome to train on, there are {sides.positive} "
                f"positive and {negative} negative ones"
            )
        return (
            f"a training needs at least {self.training} rows to train on and {self.held_out} held out, there are "
            f"{sides.training} and {sides.held_out}"
        )

    def expect(self, sides: Sides) -> None:
        """Raise StepError if the rows are not enough."""
        if (lacking := self.lacking(sides)) is not None:
            raise StepError(f"{lacking}: collect another batch, decide will ask again")


THINGS: Final = 6
"""Held-out rows of different things, fewer of which tell nothing of a version: a comparison's interval is widened for
few of them, and holds what it says from here on (docs/decisions.md has the simulation)."""


def lacking_things(held_out: int) -> str | None:
    """What a first training would lack, with rows of so many different things held out; None: it can be judged."""
    if held_out >= THINGS:
        return None
    return f"rows of {held_out} different things held out are too few to judge a version by (at least {THINGS})"
