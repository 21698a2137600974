"""Many houses priced by the API, as many a request as it takes; a wrong house is told and the others are priced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from relevo_ui.api import Answer, Prediction
from relevo_ui.errors import BadHouse

AT_ONCE: Final = 500
"""Houses a request: half of what the API takes by default, in rows and in bytes."""

Ask = Callable[[Sequence[Mapping[str, Any]]], Answer]
"""Prices houses. Raises BadHouse."""


@dataclass
class Priced:
    """By the house's place, from 0: its price and the version that gave it, or what is wrong with it."""

    predictions: dict[int, tuple[Prediction, int]] = field(default_factory=dict)
    problems: dict[int, dict[str, str]] = field(default_factory=dict)
    """By input."""


def price(houses: Sequence[Mapping[str, Any]], ask: Ask, at_once: int = AT_ONCE) -> Priced:
    """Price all that can be priced. Raises what `ask` raises, a BadHouse only if it names no house."""
    priced = Priced()
    for start in range(0, len(houses), at_once):
        places = list(range(start, min(start + at_once, len(houses))))
        while places:
            try:
                answer = ask([houses[place] for place in places])
            except BadHouse as error:
                if not error.fields:
                    raise
                for (number, name), problem in error.fields.items():
                    priced.problems.setdefault(places[number], {})[name] = problem
                places = [place for place in places if place not in priced.problems]
            else:
                version = answer.model.version
                for place, prediction in zip(places, answer.predictions, strict=True):
                    priced.predictions[place] = prediction, version
                break
    return priced
