"""What a version promises about its errors, measured on rows it was never trained on. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from relevo_contract.bundle import Residuals
from relevo_contract.record import Estimate
from relevo_jobs.errors import StepError

LEVELS = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.975, 0.995)


def _expect_rows(rows: int) -> None:
    if not rows:
        raise StepError(
            "expected held-out rows to measure the model on, found none: a first batch this small cannot carry a "
            "model; collect another batch, decide will ask again"
        )


def promised_error(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Estimate:
    """Median absolute percentage error (0.2 is 20 %) of two log prices, each (n,), with a 95 % interval.

    The interval is of order statistics and needs no distribution (David & Nagaraja 2003, Order Statistics, 7.1).
    Raises StepError without rows.
    """
    _expect_rows(len(actual))
    errors = np.sort(np.abs(np.expm1(predicted - actual)))
    rows = len(errors)
    low = max(0, int(binom.ppf(0.025, rows, 0.5)) - 1)
    high = min(rows - 1, int(binom.ppf(0.975, rows, 0.5)))
    return Estimate(value=float(np.median(errors)), low=float(errors[low]), high=float(errors[high]))


def residuals_of(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Residuals:
    """Quantiles of the residuals of two log prices, each (n,), for split conformal intervals.

    A level q takes the ceil(q (n + 1))-th smallest residual, which makes the coverage hold for any n (Lei et al. 2018);
    where n is too small for a level, the largest residual stands in. Raises StepError without rows.
    """
    _expect_rows(len(actual))
    residual = np.sort(actual - predicted)
    absolute = np.sort(np.abs(residual))
    rows = len(residual)
    ranks = [min(max(int(np.ceil(level * (rows + 1))) - 1, 0), rows - 1) for level in LEVELS]
    return Residuals(
        rows=rows,
        levels=LEVELS,
        quantiles=tuple(float(residual[r]) for r in ranks),
        absolute=tuple(float(absolute[r]) for r in ranks),
    )
