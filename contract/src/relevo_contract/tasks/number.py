"""A number of any sign, such as a temperature or a balance: an error is in its unit. Pure."""

from __future__ import annotations

import numpy as np

from relevo_contract.figures import significant
from relevo_contract.identity import Identity
from relevo_contract.median_error import median_error
from relevo_contract.record import Estimate
from relevo_contract.tasks.task import Floats, Interval, Task, named


class NumberTask(Task):
    """What people read is the median absolute error; what decides is the mean absolute error, which uses every row."""

    name = "number"
    figure = "median error"
    errs = "errs by"
    decides = "mean error"
    baseline_words = "the median"
    values = "a finite number"
    link = None
    # What decides is learnt: means of a target with a long tail err more than its median does, which they must beat.
    boosting = {"objective": "reg:absoluteerror", "eval_metric": "mae"}  # noqa: RUF012

    def can_be(self, value: float) -> bool:
        """Any finite one."""
        return bool(np.isfinite(value))

    def scaled(self, values: Floats) -> Floats:
        """A number is its own scale."""
        return values

    def linked(self, learnt: Floats) -> Floats:
        """It is learnt as it is."""
        return learnt

    def losses(self, actual: Floats, predicted: Floats) -> Floats:
        """Absolute errors."""
        return np.abs(predicted - actual)

    def headline(self, actual: Floats, predicted: Floats, identity: Identity | None = None) -> Estimate:
        """The median absolute error."""
        return median_error(self.losses(actual, predicted), identity)

    def baseline(self, actual: Floats) -> float:
        """The median."""
        return float(np.median(actual))

    def spread(self, actual: Floats) -> float:
        """The mean absolute deviation from the median: the loss of the baseline."""
        return float(np.abs(actual - np.median(actual)).mean()) if len(actual) else 0.0

    def changes(self, before: Floats, after: Floats, spread: float) -> Floats:
        """As shares of the targets' spread: of the mean distance from their median."""
        apart = np.abs(after - before)
        return np.divide(apart, spread, out=np.where(apart > 0, np.inf, 0.0), where=spread > 0)

    def told_change(self, change: float) -> str:
        """`more than 25 % of the usual spread differently`."""
        return f"more than {100 * change:.0f} % of the usual spread differently"

    def told(self, figure: Estimate, unit: str = "", *, to: str = "to") -> str:
        """`3.21 minutes (2.9 to 3.52)`."""
        return named(figure, unit, to)

    def told_difference(self, difference: Estimate, unit: str = "", *, to: str = "to", points: str = "points") -> str:
        """`-0.31 minutes (-0.52 to -0.1)`."""
        value, low, high = (significant(one, sign="+") for one in (difference.value, difference.low, difference.high))
        return f"{value}{unit and ' ' + unit} ({low} {to} {high})"

    def told_loss(self, loss: float, unit: str = "") -> str:
        """`0.31 minutes`."""
        return f"{significant(loss)}{unit and ' ' + unit}"

    def interval(self, quantile: float) -> Interval:
        """So much less to so much more."""
        return lambda prediction: (prediction - quantile, prediction + quantile)
