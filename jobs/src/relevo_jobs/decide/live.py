"""What the inference API is asked, held against what the champion was trained on. Pure.

A price asked for has no answer yet, so this tells nothing of the error; it tells whether customers ask about other
houses than those the champion learnt from. A training helps against that only if it has rows that are nearer to them:
so the same distances are taken once more, to the training data with the rows judged added.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import numpy as np

from relevo_contract.data_set import Columns
from relevo_contract.drift import evidence, joined
from relevo_contract.profile import Profile
from relevo_contract.record import LiveEvidence

FEWEST: Final = 200
"""Houses asked for below which nothing is told: one customer's list is not yet what customers ask."""


@dataclass(frozen=True)
class LiveInputs:
    """The newest houses that were asked for."""

    columns: Columns
    """The n > 0 inputs, without the target."""
    since: datetime
    until: datetime

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class Limits(Protocol):
    """Of the policy's limits, those that count here."""

    @property
    def live_gain(self) -> float:
        """See the policy's."""

    @property
    def false_alarms(self) -> float:
        """See the policy's."""


def live_evidence(profile: Profile, live: LiveInputs, judged: Columns, limits: Limits) -> LiveEvidence | None:
    """How far the houses asked for are, and whether the rows judged bring a training closer; None if they are few."""
    if len(live) < FEWEST:
        return None
    now = evidence(profile, live.columns, limits.false_alarms)
    then = evidence(joined(profile, judged), live.columns, limits.false_alarms)
    # By the same distance, and not in multiples of its noise, which is drawn: two draws differ by some per cent.
    nearer = {(e.column, e.method): e.distance for e in then}
    closer = (
        e.column
        for e in now
        if e.moved and nearer.get((e.column, e.method), np.inf) <= (1 - limits.live_gain) * e.distance
    )
    figures = tuple(e.model_copy(update={"distribution": None}) for e in then)  # the picture is of what was asked
    return LiveEvidence(
        rows=len(live), since=live.since, until=live.until, columns=now, with_batch=figures, closer=tuple(closer)
    )
