"""The figure everybody reads, the median absolute percentage error (0.2 is 20 %), with its interval. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.identity import Identity, members
from relevo_contract.record import Estimate

NORMAL_975: Final = 1.959964
"""The standard normal distribution's 97.5 % quantile."""


def percentage_errors(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute errors as shares of the actual price, from two log prices; (n,) each."""
    return np.abs(np.expm1(predicted - actual))


def median_error(errors: NDArray[np.float64], identity: Identity | None = None) -> Estimate:
    """The median of (n > 0,) errors with its 95 % interval of order statistics.

    The interval needs no distribution (David & Nagaraja 2003, Order Statistics, 7.1); the binomial ranks are taken
    from the normal approximation, which is off by at most a rank from ten rows on. Rows of one identity, (n,), are no
    independent ones: the ranks reach further by the root of the design effect (Woodruff 1952, JASA 47, 635-646).
    """
    ordered = np.sort(errors)
    rows = len(ordered)
    reach = NORMAL_975 * np.sqrt(rows * _design_effect(errors, identity)) / 2
    low = max(0, int(np.floor(rows / 2 - reach)))
    high = min(rows - 1, int(np.ceil(rows / 2 + reach)))
    return Estimate(value=float(np.median(ordered)), low=float(ordered[low]), high=float(ordered[high]))


def _design_effect(errors: NDArray[np.float64], identity: Identity | None) -> float:
    """How many times the variance of the share of rows below the median is that of as many independent rows.

    It is estimated from how the rows of each identity fall together on one side (Kish 1965, Survey Sampling, 5.4), and
    lies between 1, if they do so as strangers would, and what it is if they always do.
    """
    if identity is None:
        return 1.0
    group, sizes = members(identity)
    groups, rows = len(sizes), len(errors)
    most = float((sizes**2).sum() / rows)
    if groups == 1:
        return most
    sums = np.bincount(group, np.where(errors <= np.median(errors), 0.5, -0.5))
    return float(np.clip(4 / rows * (sums**2).sum() * groups / (groups - 1), 1.0, most))
