"""Houses to answers: the prices and explanations of one version, as the JSON that is sent. Pure.

Answers are made of plain dictionaries, which the schema's tests hold against `schema.py`: for a thousand houses its
classes would take longer to make than the prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic_core import to_json

from relevo_contract.listing import House
from relevo_contract.lookup import FEW
from relevo_serving.model import Explanation, Model, Prices

_HOUSES: Final = TypeAdapter(list[House])


class Priced(NamedTuple):  # each request takes one: a frozen dataclass takes three times as long to make
    """What a version says of some houses."""

    predictions: list[dict[str, Any]]
    """As `schema.Prediction`."""
    json: bytes
    """The same, as /predict answers it."""
    houses: bytes
    """The houses as they were understood, as JSON; what is missing is left out."""


def price(model: Model, houses: list[House]) -> Priced:
    """Price the houses, at least one."""
    (priced,) = price_each(model, (houses,))
    return priced


def price_each(model: Model, requests: Sequence[list[House]]) -> list[Priced]:
    """Price the houses of several requests in one go."""
    houses = requests[0] if len(requests) == 1 else list(chain.from_iterable(requests))
    end = model.begin(houses)
    gaps = [(tuple([name for name, value in vars(house).items() if value is None]), house.doubts) for house in houses]
    understood = [_HOUSES.dump_json(request, exclude_none=True) for request in requests]
    found = predictions(end(), gaps)
    priced, start = [], 0
    for request, sent in zip(requests, understood, strict=True):
        own = found[start : start + len(request)]
        priced.append(Priced(own, to_json(own), sent))
        start += len(request)
    return priced


Gaps = tuple[tuple[str, ...], dict[str, str]]
"""A house's inputs that are missing, and of those that came and are not believed, why."""


def predictions(prices: Prices, gaps: Sequence[Gaps]) -> list[dict[str, Any]]:
    """What is answered of houses; US dollars in whole cents."""
    dollars, factor = prices.dollars, prices.factor
    if len(dollars) > FEW:
        columns = zip(
            *(column.round(2).tolist() for column in (dollars, dollars / factor, dollars * factor)),
            prices.unseen,
            gaps,
            strict=True,
        )
        return [
            {"price": price, "low": low, "high": high, "unseen": unseen, "missing": missing, "blanked": doubts}
            for price, low, high, unseen, (missing, doubts) in columns
        ]
    return [  # what numpy does, which takes microseconds to begin
        {
            "price": round(price * 100) / 100,
            "low": round(price / factor * 100) / 100,
            "high": round(price * factor * 100) / 100,
            "unseen": unseen,
            "missing": missing,
            "blanked": doubts,
        }
        for price, unseen, (missing, doubts) in zip(dollars.tolist(), prices.unseen, gaps, strict=True)
    ]


def dollars(base: float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each value's part, in dollars, of the difference between the price and the base's price; (features,).

    `price - base price` is the sum of the values, which are logarithms, times the logarithmic mean of the two prices:
    so each value times that mean is its part, and nothing is left over (the additive LMDI, Ang 2004, "Decomposition
    analysis for policymaking in energy").
    """
    difference = float(values.sum())
    # expm1 keeps its digits where the two prices are nearly one, and their mean is that one.
    mean = np.exp(base) * (np.expm1(difference) / difference if difference else 1.0)
    return np.asarray(values * mean, dtype=np.float64)


def explanation(model: Model, of: Explanation) -> dict[str, Any]:
    """One house's explanation as /explain answers it, the largest contribution first."""
    parts = dollars(of.base, of.values)
    names = model.encoder.feature_names
    order = np.argsort(-np.abs(parts), kind="stable").tolist()
    log_price = of.base + float(of.values.sum())
    return {
        "price": round(float(np.exp(log_price)), 2),
        "base_price": round(float(np.exp(of.base)), 2),
        "log_price": log_price,
        "base_log_price": of.base,
        "contributions": [
            {
                "feature": names[i],
                "inputs": model.encoder.inputs_of(names[i]),
                "value": None if np.isnan(of.features[i]) else float(of.features[i]),
                "log": float(of.values[i]),
                "dollars": float(parts[i]),
            }
            for i in order
        ],
    }
