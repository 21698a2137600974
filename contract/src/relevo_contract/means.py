"""A mean with its interval, where rows may be of one thing. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.estimates import Estimate
from relevo_contract.identity import Identity, members

ONE_SIDED_95: Final = 1.644854
"""The standard normal distribution's 95 % quantile: each end of such an interval is passed in one case of twenty."""


def mean(values: NDArray[np.float64], identity: Identity | None, reach: float) -> Estimate:
    """The mean of (n > 0,) values; its interval is normal, `reach` standard errors to each side.

    Rows of one thing, as `identity` says, (n,), are counted once: by the sums of each thing's rows (Liang & Zeger 1986,
    Biometrika 73, 13-22).
    """
    value, rows = float(values.mean()), len(values)
    away = values - value if identity is None else np.bincount(members(identity)[0], values - value)
    groups = len(away)
    error = float(np.sqrt((away**2).sum() * groups / max(1, groups - 1))) / rows
    return Estimate(value=value, low=value - reach * error, high=value + reach * error)
