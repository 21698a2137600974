"""How good probabilities are beside their log loss: what they rank right, and whether they come true. Pure.

`actual` is 1 and 0, `predicted` the probability of 1, (n,) each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.median_error import NORMAL_975

Floats = NDArray[np.float64]
BINS: Final = 10


@dataclass(frozen=True)
class Calibration:
    """Rows of like probability: what was said of them on average, and the share that came true with its interval."""

    rows: int
    said: float
    came: float
    low: float
    high: float


def auc(actual: Floats, predicted: Floats) -> float:
    """The chance that a positive row is given more than a negative one, ties by half; NaN without one of each.

    Method: the area under the ROC curve by ranks (Mann & Whitney 1947; Hanley & McNeil 1982).
    """
    positive = actual > 0.5
    ones = int(positive.sum())
    zeros = len(actual) - ones
    if not ones or not zeros:
        return float("nan")
    _, place, counts = np.unique(predicted, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def average_precision(actual: Floats, predicted: Floats) -> float:
    """Precision averaged over the recall it reaches, as scikit-learn computes it; NaN without a positive row."""
    ones = float((actual > 0.5).sum())
    if not ones:
        return float("nan")
    order = np.argsort(-predicted, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(predicted[order]) != 0, [True]))
    found = np.cumsum(actual[order] > 0.5)[ends]
    precision, recall = found / (ends + 1), found / ones
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def brier(actual: Floats, predicted: Floats) -> float:
    """The mean squared error of the probability (Brier 1950); NaN without rows."""
    return float(((predicted - actual) ** 2).mean()) if len(actual) else float("nan")


def calibration(actual: Floats, predicted: Floats, bins: int = BINS) -> tuple[Calibration, ...]:
    """At most so many bins of as many rows each, by probability; rows of one probability are in one bin.

    The interval of the share is Wilson's (1927), 95 %.
    """
    if not len(actual):
        return ()
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, predicted, side="left")
    found = []
    for one in np.unique(place):
        mine = place == one
        rows, came = int(mine.sum()), float((actual[mine] > 0.5).mean())
        middle = (came + NORMAL_975**2 / (2 * rows)) / (1 + NORMAL_975**2 / rows)
        reach = np.sqrt(came * (1 - came) / rows + NORMAL_975**2 / (4 * rows**2)) * NORMAL_975
        reach = float(reach) / (1 + NORMAL_975**2 / rows)
        low, high = min(came, middle - reach), max(came, middle + reach)
        found.append(Calibration(rows, float(predicted[mine].mean()), came, max(0.0, low), min(1.0, high)))
    return tuple(found)
