"""Rows to answers: what one version says of them. Pure.

Answers are made of plain dictionaries, which the tests hold against `schema.py`: for a thousand rows its classes would
take longer to make than the predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from relevo_contract.tasks import Interval
from relevo_contract.values import Value
from relevo_serving.explaining import shapley_values
from relevo_serving.model import Model, Row
from relevo_serving.problems import Refusal
from relevo_serving.rows import Understood, as_json


class Predicted(NamedTuple):
    """What a version says of a request's rows, and how it understood them, without what is missing."""

    predictions: list[dict[str, Any]]
    rows: list[dict[str, Value]]


def predict_each(model: Model, requests: Sequence[Sequence[Understood]]) -> list[Predicted]:
    """Predict the rows of several requests in one go. Raises GraphFailed."""
    interval = model.interval
    values = [[row.values for row in request] for request in requests]
    found = iter(model.predict(values[0] if len(values) == 1 else list(chain.from_iterable(values))).tolist())
    return [
        Predicted([_told(next(found), row, interval) for row in request], rows)
        for request, rows in zip(requests, values, strict=True)
    ]


def _told(prediction: Any, row: Understood, interval: Interval | None) -> dict[str, Any]:
    low, high = (None, None) if interval is None else interval(prediction)
    return {
        "prediction": prediction,
        "low": low,
        "high": high,
        "unseen": row.unseen,
        "missing": row.missing,
        "blanked": row.blanked,
    }


def explanation(model: Model, asked: Row) -> dict[str, Any]:
    """One row's explanation, as `schema.Explanation`. Raises Refusal if the version has nothing to begin with."""
    if model.typical is None or not model.number:
        raise Refusal(422, "expected a version with an input example that predicts one number a row, it is none")
    base, parts = shapley_values(model.run, model.feeds([asked]), model.feeds([model.typical]))
    return {
        "prediction": base + sum(parts.values()),
        "base": {"prediction": base, "inputs": {name: as_json(model.typical.get(name)) for name in parts}},
        "contributions": [
            {"column": name, "value": as_json(asked.get(name)), "contribution": part}
            for name, part in sorted(parts.items(), key=lambda item: -abs(item[1]))
        ],
    }
