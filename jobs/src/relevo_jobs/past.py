"""What earlier decisions teach: how promises were kept, and what came of what trainings were expected to gain. Pure.

A promise from held-out rows is of rows like those trained on; the next batch's are others. Only the errors of batches
that were predicted before they were trained on tell how much worse they are: of this data set, not of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from relevo_contract.estimates import Estimate
from relevo_contract.median_error import NORMAL_975
from relevo_contract.record import ExpectedGain, Promotion, TrainVerdict

Floats = NDArray[np.float64]

INSIDE: Final = 0.9
"""Of the batches, so many are to lie in the interval; of the rows, in a prediction's."""
FORGOTTEN: Final = 0.8
"""How much a batch weighs beside the one after it, and what is known before the first beside it."""
KNOWN_AS: Final = 1.0
"""With nothing known a promise is taken to be kept, as if one batch had kept it to the point, ..."""
SPREAD: Final = 0.05
"""...and one and a half more had shown that batches' errors are so far apart from their promises (a standard deviation
of the logarithm): little, so that data that do not change get narrow bands, and lightly held, so that others get theirs
soon. docs/decisions.md has what comes of it."""
SPREAD_KNOWN_AS: Final = 1.5
WIDEST_OF: Final = 2
"""A prediction interval is as wide as the wider of the last so many batches called for."""


@dataclass(frozen=True)
class Past:
    """What is known of earlier batches of a use case, oldest first."""

    kept: tuple[float, ...] = ()
    """The logarithm of each batch's error over the promise that its version made from held-out rows."""
    stretches: tuple[float, ...] = ()
    """`ErrorEvidence.stretch` of each."""
    gains: tuple[tuple[float, float], ...] = ()
    """Of each training that is settled, the share of the loss it was expected to take off, and the share it did."""

    @classmethod
    def of(cls, decided: Iterable[tuple[TrainVerdict, Promotion | None]]) -> Self:
        """Read them from what was decided of each batch, oldest first."""
        kept, stretches, gains = [], [], []
        for verdict, promotion in decided:
            error, expected = verdict.error, verdict.expected
            # A batch that a broken column spoilt says nothing of what is to come.
            if error is not None and not verdict.excluded and min(error.now.value, error.promised.value) > 0:
                kept.append(float(np.log(error.now.value / error.promised.value)))
                stretches += [] if error.stretch is None else [error.stretch]
            if expected is not None and promotion is not None:
                gains.append(came_of(expected, promotion))
        return cls(tuple(kept), tuple(stretches), tuple(gains))

    @property
    def stretch(self) -> float:
        """How many times as wide as its held-out rows say the next version's prediction intervals are to be.

        Split conformal intervals hold for rows like the held-out ones; those of a window of rows predicted before they
        were trained on follow what changes (as adaptive conformal inference does: Gibbs & Candes 2021, "Adaptive
        Conformal Inference Under Distribution Shift"; for windows Barber et al. 2023, "Conformal Prediction Beyond
        Exchangeability").
        """
        return max(self.stretches[-WIDEST_OF:], default=1.0)

    def expected(self, promised: Estimate, now: Estimate) -> Estimate:
        """The error to be expected of a batch that a version promised so much for, with the interval of nine in ten.

        The logarithm of error over promise is taken for normal, its mean and variance for unknown: the interval is
        that of the predictive distribution, Student's, of the conjugate prior above (Gelman et al. 2013, Bayesian Data
        Analysis, 3.3), widened by the noise of both figures (their own 95 % intervals). What is not above zero is
        expected as it was promised.
        """
        from scipy.special import stdtrit  # noqa: PLC0415  # heavy, of a step that has a batch to judge

        if min(promised.value, now.value) <= 0:
            return promised
        ratios = np.array(self.kept)
        weights = FORGOTTEN ** np.arange(len(ratios))[::-1]
        batches = float(weights.sum())
        middle = float((weights * ratios).sum()) / batches if batches else 0.0
        apart = float((weights * (ratios - middle) ** 2).sum())
        kept, spread = (one * FORGOTTEN ** len(ratios) for one in (KNOWN_AS, SPREAD_KNOWN_AS))
        known, degrees = kept + batches, spread + batches
        apart += spread * SPREAD**2 + kept * batches * middle**2 / known
        noise = sum(((one.high - one.low) / (2 * NORMAL_975 * one.value)) ** 2 for one in (promised, now))
        center = batches * middle / known
        reach = stdtrit(degrees, (1 + INSIDE) / 2) * np.sqrt(apart / degrees * (1 + 1 / known) + noise)
        value, low, high = (float(promised.value * np.exp(center + side * reach)) for side in (0, -1, 1))
        return Estimate(value=value, low=low, high=high)


def came_of(expected: ExpectedGain, promotion: Promotion) -> tuple[float, float]:
    """Of a training, the share of the loss it was expected to take off, by whatever expected most, and what it did."""
    hoped = max([0.0, *(one.value for one in (expected.measured, expected.by_curve) if one is not None)])
    came = promotion.gain if promotion.promoted and promotion.gain is not None else 0.0
    return hoped, float(np.clip(came, 0.0, hoped))


def covered(actual: Floats, predicted: Floats, quantile: float) -> tuple[float, float] | None:
    """The share of (n,) rows whose absolute residual is within `quantile`, and how many times as large it must be to
    hold nine in ten of them; None without rows, or where a version's residuals are all 0.
    """
    if not len(actual) or quantile <= 0:
        return None
    residuals = np.abs(actual - predicted)
    return float((residuals <= quantile).mean()), float(np.quantile(residuals, INSIDE)) / quantile
