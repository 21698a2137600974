"""The figure everybody reads, the median absolute percentage error (0.2 is 20 %), with its interval. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.record import Estimate

NORMAL_975: Final = 1.959964
"""The standard normal distribution's 97.5 % quantile."""


def percentage_errors(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute errors as shares of the actual price, from two log prices; (n,) each."""
    return np.abs(np.expm1(predicted - actual))


def median_error(errors: NDArray[np.float64]) -> Estimate:
    """The median of (n > 0,) errors with its 95 % interval of order statistics.

    The interval needs no distribution (David & Nagaraja 2003, Order Statistics, 7.1); the binomial ranks are taken
    from the normal approximation, which is off by at most a rank from ten rows on.
    """
    ordered = np.sort(errors)
    rows = len(ordered)
    reach = NORMAL_975 * np.sqrt(rows) / 2
    low = max(0, int(np.floor(rows / 2 - reach)))
    high = min(rows - 1, int(np.ceil(rows / 2 + reach)))
    return Estimate(value=float(np.median(ordered)), low=float(ordered[low]), high=float(ordered[high]))
