"""One of two outcomes, such as a loan that goes bad: a prediction is the probability of the positive one. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from relevo_contract.figures import significant
from relevo_contract.identity import Identity
from relevo_contract.means import mean
from relevo_contract.median_error import NORMAL_975
from relevo_contract.record import Estimate
from relevo_contract.tasks.task import Floats, Task, named

SUREST: Final = 1e-6
"""No probability counts as nearer to 0 or 1 than this: one row that was called impossible would cost without end."""


class BinaryTask(Task):
    """What decides is the log loss, a proper score (Good 1952; Gneiting & Raftery 2007): only honest probabilities make
    it least, however rare the positive outcome is. People read its mean; `relevo_contract.probabilities` has the rest.
    """

    name = "binary"
    figure = "log loss"
    errs = "has a log loss of"
    decides = "log loss"
    baseline_words = "the base rate of"
    fewest_each = 10
    values = "1 or 0"
    link = "Sigmoid"
    boosting = {"objective": "binary:logistic", "eval_metric": "logloss"}  # noqa: RUF012

    def can_be(self, value: float) -> bool:
        """One outcome, or the other."""
        return value in {0.0, 1.0}

    def scaled(self, values: Floats) -> Floats:
        """A probability, or an outcome as 1 and 0, is its own scale."""
        return values

    def linked(self, learnt: Floats) -> Floats:
        """Estimators learn log odds; an inverse logit that never overflows."""
        return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(learnt, dtype=np.float64))))

    def unlinked(self, predicted: Floats) -> Floats:
        """Log odds, of a probability that is never quite 0 or 1."""
        given = np.clip(predicted, SUREST, 1 - SUREST)
        return np.asarray(np.log(given / (1 - given)), dtype=np.float64)

    def losses(self, actual: Floats, predicted: Floats) -> Floats:
        """Minus the logarithm of the probability that was given to what came."""
        given = np.clip(np.where(actual > 0.5, predicted, 1 - predicted), SUREST, 1.0)
        return np.asarray(-np.log(given), dtype=np.float64)

    def headline(self, actual: Floats, predicted: Floats, identity: Identity | None = None) -> Estimate:
        """The mean log loss; its interval is normal, and counts rows of one thing once (Liang & Zeger 1986)."""
        found = mean(self.losses(actual, predicted), identity, NORMAL_975)
        return found.model_copy(update={"low": max(0.0, found.low)})

    def baseline(self, actual: Floats) -> float:
        """The share of positive outcomes."""
        return float(actual.mean())

    def spread(self, actual: Floats) -> float:
        """The log loss of always saying the share of positive outcomes: the entropy."""
        if not len(actual):
            return 0.0
        return float(self.losses(actual, np.full(len(actual), actual.mean())).mean())

    def changes(self, before: Floats, after: Floats, spread: float) -> Floats:
        """Differences of the probability."""
        return np.abs(after - before)

    def told_change(self, change: float) -> str:
        """`with a probability more than 0.25 apart`."""
        return f"with a probability more than {change:.2f} apart"

    def told(self, figure: Estimate, unit: str = "", *, to: str = "to") -> str:
        """`0.183 (0.171 to 0.195)`."""
        return named(figure, "", to)

    def told_difference(self, difference: Estimate, unit: str = "", *, to: str = "to", points: str = "points") -> str:
        """`-0.012 (-0.015 to -0.009)`."""
        value, low, high = (significant(one, sign="+") for one in (difference.value, difference.low, difference.high))
        return f"{value} ({low} {to} {high})"

    def told_loss(self, loss: float, unit: str = "") -> str:
        """`0.012`."""
        return significant(loss)

    def interval(self, quantile: float) -> None:
        """A probability says itself how sure it is."""
        return
