"""Houses to answers: the prices and explanations of one version, as the JSON that is sent. Pure.

Answers are made of plain dictionaries, which the schema's tests hold against `schema.py`: for a thousand houses its
classes would take longer to make than the prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic_core import to_json

from relevo_contract.listing import CATEGORICAL, DATES, NUMERIC, House
from relevo_serving.model import Explanation, Model

INPUTS: Final = (*NUMERIC, *CATEGORICAL, *DATES)
_HOUSES: Final = TypeAdapter(list[House])


@dataclass(frozen=True, slots=True)
class Priced:
    """What a version says of some houses."""

    prices: list[float]
    """US dollars."""
    unseen: list[tuple[str, ...]]
    missing: list[tuple[str, ...]]
    json: bytes
    """The list of predictions as /predict answers it."""


def price(model: Model, houses: Sequence[House]) -> Priced:
    """Price the houses, at least one."""
    (priced,) = price_each(model, [houses])
    return priced


def price_each(model: Model, requests: Sequence[Sequence[House]]) -> list[Priced]:
    """Price the houses of several requests in one go."""
    houses = requests[0] if len(requests) == 1 else list(chain.from_iterable(requests))
    found = model.predict(houses)
    prices, low, high = cents(found.price), cents(found.low), cents(found.high)
    missing = [tuple(name for name, value in vars(house).items() if value is None or value == "") for house in houses]
    predictions = [
        {"price": price, "low": low, "high": high, "unseen": unseen, "missing": gaps}
        for price, low, high, unseen, gaps in zip(prices, low, high, found.unseen, missing, strict=True)
    ]
    priced, start = [], 0
    for request in requests:
        end = start + len(request)
        json = to_json(predictions[start:end])
        priced.append(Priced(prices[start:end], found.unseen[start:end], missing[start:end], json))
        start = end
    return priced


def cents(dollars: NDArray[np.float64]) -> list[float]:
    """US dollars, whole cents."""
    if len(dollars) == 1:  # what numpy does, which takes microseconds to begin
        return [round(dollars.item() * 100) / 100]
    return dollars.round(2).tolist()  # type: ignore[no-any-return]  # a column's are floats


def houses_json(houses: list[House]) -> bytes:
    """The houses as they were understood, a JSON list; what is missing is left out."""
    return _HOUSES.dump_json(houses, exclude_none=True)


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
