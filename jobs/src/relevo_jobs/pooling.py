"""How far groups are truly apart, where each is known by a mean and its variance. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALVINGS: Final = 60
"""Of the interval in which the variance between groups lies: beyond a float's precision."""
LEAST: Final = 1e-18
"""No mean is surer than this variance: versions that answer alike differ by nothing, which divides nothing."""


def between(mean: Floats, variance: Floats) -> float:
    """The variance between groups by which their means, (m,), are as far apart as chance and it would have them.

    Method: Paule & Mandel (1982, Journal of Research of the NBS 87, 377-385), by halving; `variance` is of each mean.
    """
    degrees = len(mean) - 1

    def excess(apart: float) -> float:
        weight = 1 / (variance + apart)
        whole = (weight * mean).sum() / weight.sum()
        return float((weight * (mean - whole) ** 2).sum()) - degrees

    if not degrees or excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(((mean - mean.mean()) ** 2).sum()) / degrees
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high
