"""The dress rehearsal: what customers would notice of a promotion; evidence in the decision record."""

from __future__ import annotations

from datetime import datetime

from relevo_contract.estimates import Strict


class Changed(Strict):
    """How many of some rows two versions answer differently; the task says how large a change is."""

    rows: int
    some: float
    """Share of the rows, 0 to 1, that change by more than 0.10."""
    much: float
    """Share that change by more than 0.25."""


class Gathering(Strict):
    """Rows with one value of a column, and how many of them change by more than 0.25."""

    column: str
    value: str
    """A category as it was written, a range of numbers or years, or `missing`."""
    rows: int
    changed: int


class Speed(Strict):
    """How long a version took to answer in the step's process, in milliseconds; medians."""

    single_ms: float
    """One row at a time."""
    all_ms: float
    """All rows of the rehearsal at once."""


class Rehearsal(Strict):
    """Champion and challenger on what was asked last and on the newest batch, before the alias moves."""

    requests: Changed | None
    """The newest rows that the inference API was asked; None where RAW is not read, or nothing was asked."""
    since: datetime | None = None
    """When the first of them was asked..."""
    until: datetime | None = None
    """...and the last."""
    batch: Changed
    """The newest batch's rows."""
    told: Changed
    """Those of the two that the sentence and the bar are of: the requests, if they are enough to tell."""
    segments: tuple[Gathering, ...] = ()
    """Of the same rows the places with most changes, at most ten; empty without places."""
    gathered: tuple[Gathering, ...] = ()
    """Values in which changes gather beyond noise, at most ten, those with most above their share first."""
    champion: Speed
    challenger: Speed
    champion_not_finite: int = 0
    """Rows that it answers with something that is no finite number on the task's scale."""
    challenger_not_finite: int = 0
    sentence: str
    """For a person, with the figures."""

    def outline(self) -> Rehearsal:
        """The rehearsal without its evidence by value."""
        return self.model_copy(update={"segments": (), "gathered": ()})
