"""What raised and lowered a price, as the steps of a waterfall. Pure.

The model reads some forty features, most of them made of several inputs. A person knows the inputs: so the features of
the same inputs are one step, whose dollars are their sum; nothing is left over, for the API's dollars add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from relevo_ui.api import Explanation
from relevo_ui.language import Say, english
from relevo_ui.wording import listed

TOPICS: Final = {
    "state": "place",
    "city": "place",
    "zip_code": "place",
    "house_size": "house size",
    "bed": "rooms",
    "bath": "rooms",
    "acre_lot": "lot (acres)",
    "brokered_by": "broker",
    "street": "street",
    "status": "status",
    "prev_sold_date": "previous sale",
}
"""What an input is about."""
ORDER: Final = tuple(dict.fromkeys(TOPICS.values()))
MOST_NAMED: Final = 3
"""Topics that a step names; a feature of more is of the whole house."""
SHOWN: Final = 8
"""Steps of a waterfall; the smaller ones are one step together."""


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall, US dollars."""

    label: str
    dollars: float
    start: float
    end: float


def topic(inputs: Sequence[str], say: Say = english) -> str:
    """What a feature made of these inputs is about: `place and house size`."""
    found = {TOPICS.get(name, name.replace("_", " ")) for name in inputs}
    named = [say(one) for one in ORDER if one in found] + sorted(found - set(ORDER))
    return say("the house as a whole") if len(named) > MOST_NAMED else listed(named, say=say)


def steps(explanation: Explanation, say: Say = english, most: int = SHOWN) -> list[Step]:
    """From the base price to the price, the largest step first, what is over in one step at the end."""
    sums: dict[str, float] = {}
    for part in explanation.contributions:
        label = topic(part.inputs, say)
        sums[label] = sums.get(label, 0.0) + part.dollars
    ordered = sorted(sums.items(), key=lambda item: -abs(item[1]))
    if len(ordered) > most:
        rest = sum(amount for _, amount in ordered[most - 1 :])
        ordered = [*ordered[: most - 1], (say("{count} more", count=len(ordered) - most + 1), rest)]
    found: list[Step] = []
    at = explanation.base_price
    for label, amount in ordered:
        found.append(Step(label, amount, at, at + amount))
        at += amount
    return found
