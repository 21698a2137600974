"""The residuals a version keeps for its prediction intervals, measured on rows it was never trained on. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.bundle import Residuals
from relevo_contract.identity import Identity, copies

LEVELS: Final = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.975, 0.995)


def residuals_of(
    actual: NDArray[np.float64], predicted: NDArray[np.float64], identity: Identity | None = None
) -> Residuals:
    """Quantiles of the residuals of two log prices, each (n > 0,), for split conformal intervals.

    Above the middle a level q takes the ceil(q (n + 1))-th smallest residual and below it the same from the largest:
    both err outwards, so that the coverage holds for any n (Lei et al. 2018). Where n is too small for a level, the
    outermost residual stands in. A house that comes k times weighs k rows; the one to be priced, which the 1 stands
    for, is expected to weigh as much (exchangeable are the groups: Dunn, Wasserman & Ramdas 2022).
    """
    rows, one = len(actual), copies(identity)
    residual = np.sort(actual - predicted)
    absolute = np.sort(np.abs(residual))

    def at(ordered: NDArray[np.float64], rank: int) -> float:
        return float(ordered[min(max(rank, 1), rows) - 1])

    up = [rank_of(level, rows, one) for level in LEVELS]
    down = [rows + 1 - rank_of(1 - level, rows, one) for level in LEVELS]
    return Residuals(
        rows=rows,
        levels=LEVELS,
        quantiles=tuple(at(residual, d if q < 0.5 else u) for q, d, u in zip(LEVELS, down, up, strict=True)),
        absolute=tuple(at(absolute, u) for u in up),
    )


def rank_of(level: float, rows: int, one: float) -> int:
    """Which smallest of so many residuals a level takes if the next one weighs so much."""
    return int(np.ceil(round(level * (rows + one), 9)))  # 0.95 * 20 is 19, whatever the last digit says
