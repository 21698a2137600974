"""What raised and lowered a prediction, as the steps of a waterfall: one a column that was given. Pure.

The columns that were not given are one step together: what is not known of a row moves its prediction, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from relevo_ui.api import Explanation
from relevo_ui.wording import Wording, listed

SHOWN: Final = 9
"""Steps of a waterfall; the smaller ones are one step together."""
MOST_NAMED: Final = 4
"""Columns that the step of those not given names."""


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall, in the target's unit."""

    label: str
    amount: float
    start: float
    end: float


def steps(explanation: Explanation, say: Wording, blanked: Collection[str] = (), *, most: int = SHOWN) -> list[Step]:
    """From the base's prediction to the row's, the largest step first, what is over in one step at the end.

    `blanked` are the columns that were given and are taken as unknown.
    """
    parts = explanation.contributions
    absent = [part for part in parts if part.value is None and part.column not in blanked]
    sums = {named(p.column, p.value, say): p.contribution for p in parts if p not in absent}
    if absent:
        columns = listed([say.column(part.column) for part in absent], MOST_NAMED, say)
        sums[say("not given: {columns}", columns=columns)] = sum(part.contribution for part in absent)
    # What is as in the typical row adds nothing, and would be a line each.
    ordered = sorted(((label, by) for label, by in sums.items() if by), key=lambda item: -abs(item[1]))
    if len(ordered) > most:
        rest = sum(amount for _, amount in ordered[most - 1 :])
        ordered = [*ordered[: most - 1], (say("{count} more", count=len(ordered) - most + 1), rest)]
    found: list[Step] = []
    at = explanation.base.prediction
    for label, amount in ordered:
        found.append(Step(label, amount, at, at + amount))
        at += amount
    return found


def named(name: str, came: float | str | None, say: Wording) -> str:
    """A column with its value: `house size 920`."""
    return f"{say.column(name)} {say.value(name, came)}"


def described(inputs: Mapping[str, float | str | None], say: Wording) -> str:
    """A row by what is known of it: `bed 3, bath 2, city Boston`."""
    told = [named(name, came, say) for name, came in inputs.items() if came is not None]
    return listed(told, len(told), say)
