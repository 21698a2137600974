"""A number above zero, such as a price: an error is a share of it. Pure."""

from __future__ import annotations

import numpy as np

from relevo_contract.figures import percent
from relevo_contract.identity import Identity
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.record import Estimate
from relevo_contract.tasks.task import Floats, Interval, Task


class PositiveNumberTask(Task):
    """Estimators learn its logarithm, so that an error of a tenth counts the same for what is small and what is large.

    What people read is the median absolute percentage error. What decides is the mean absolute error of the logarithm:
    it uses every row, so that noise hides less (docs/decisions.md has the measurement). Both are shares.
    """

    name = "positive-number"
    figure = "median error"
    errs = "errs by"
    decides = "mean log error"
    baseline_words = "the median"
    values = "a number above zero"
    shares = True
    link = "Exp"
    boosting = {"objective": "reg:squarederror", "eval_metric": "mae"}  # noqa: RUF012

    def can_be(self, value: float) -> bool:
        """Above zero, and finite."""
        return 0 < value < np.inf

    def scaled(self, values: Floats) -> Floats:
        """The logarithm."""
        return np.log(values)

    def unscaled(self, values: Floats) -> Floats:
        """The exponential."""
        return np.exp(values)

    def linked(self, learnt: Floats) -> Floats:
        """It is learnt on the scale."""
        return learnt

    def losses(self, actual: Floats, predicted: Floats) -> Floats:
        """Absolute errors of the logarithm."""
        return np.abs(predicted - actual)

    def headline(self, actual: Floats, predicted: Floats, identity: Identity | None = None) -> Estimate:
        """The median absolute percentage error, 0.2 is 20 %."""
        return median_error(percentage_errors(actual, predicted), identity)

    def baseline(self, actual: Floats) -> float:
        """The median."""
        return float(np.median(actual))

    def spread(self, actual: Floats) -> float:
        """A loss is a share already."""
        return 1.0

    def changes(self, before: Floats, after: Floats, spread: float) -> Floats:
        """As shares of what was answered before."""
        return np.abs(np.expm1(after - before))

    def told_change(self, change: float) -> str:
        """`more than 25 % differently`."""
        return f"more than {100 * change:.0f} % differently"

    def told(self, figure: Estimate, unit: str = "", *, to: str = "to") -> str:
        """`23.5 % (21.0 to 26.2)`."""
        return f"{percent(figure.value)} ({100 * figure.low:.1f} {to} {100 * figure.high:.1f})"

    def told_difference(self, difference: Estimate, unit: str = "", *, to: str = "to", points: str = "points") -> str:
        """`-1.2 points (-2.0 to -0.4)`."""
        value, low, high = (f"{100 * one:+.1f}" for one in (difference.value, difference.low, difference.high))
        return f"{value} {points} ({low} {to} {high})"

    def told_loss(self, loss: float, unit: str = "") -> str:
        """`5.0 %`."""
        return percent(loss)

    def interval(self, quantile: float) -> Interval:
        """So many times less to so many times more."""
        factor = float(np.exp(quantile))
        return lambda prediction: (prediction / factor, prediction * factor)
