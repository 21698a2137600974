"""The version that served before the champion, on the batches that neither was trained on; evidence for a roll back."""

from __future__ import annotations

from datetime import datetime

from relevo_contract.estimates import Estimate, Strict


class PairedBatch(Strict):
    """One batch's figure, so that later decisions sum without reading its rows."""

    batch: int
    rows: int
    things: int
    """How many different things the rows are of."""
    mean: float
    """Mean loss, the version before minus the champion, paired by row; below zero the version before is better."""
    variance: float
    """Of that mean; rows of one thing count once."""


class Previous(Strict):
    """What the version before would have answered since the champion took over."""

    version: int
    headline: Estimate
    """Of this batch, the task's, with its 95 % interval..."""
    champion: Estimate
    """...and the champion's."""
    this: PairedBatch
    batches: int
    """All since the champion took over that neither was trained on, this among them."""
    rows: int
    things: int
    difference: Estimate
    """Mean loss on all of these rows, the version before minus the champion, in an interval that holds however often
    one looks."""
    between: float
    """The standard deviation between batches of what is true of them."""
    better: bool
    """Whether the version before is better beyond noise, on enough rows."""
    roll_back: bool = False
    """Whether promote is asked to give the alias back."""
    sentence: str
    """For a person, with the figures."""


class RolledBack(Strict):
    """The alias was given back by evidence."""

    from_version: int
    to_version: int
    at: datetime
    why: str
