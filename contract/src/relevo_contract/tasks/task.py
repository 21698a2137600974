"""What a task must say. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from relevo_contract.figures import significant
from relevo_contract.identity import Identity
from relevo_contract.record import Estimate

Floats = NDArray[np.float64]
Interval = Callable[[float], tuple[float, float]]
"""From a prediction to the ends of its interval, all in the target's unit."""
TaskName = Literal["positive-number", "number", "binary"]


class Task(ABC):
    """What is predicted. `actual` and `predicted` are on its scale, (n,) each, everywhere but in `scaled`."""

    name: ClassVar[TaskName]
    figure: ClassVar[str]
    """The figure that people read, in a sentence: `median error`."""
    errs: ClassVar[str]
    """What a version does that has this figure: `errs by`."""
    decides: ClassVar[str]
    """The loss that decides, in a sentence: `mean log error`."""
    baseline_words: ClassVar[str]
    """What always saying `baseline` is called, before the target's name: `the median`."""
    link: ClassVar[Literal["Exp", "Sigmoid"] | None]
    """The ONNX operator from what an estimator learns to the prediction; None: it learns the prediction itself."""
    boosting: ClassVar[Mapping[str, str]]
    """XGBoost's objective, and what its trees are stopped early by."""
    shares: ClassVar[bool] = False
    """Whether errors are shares, which people read in per cent."""
    fewest_each: ClassVar[int] = 0
    """Rows of each outcome that a training needs; 0: the target is a number."""
    values: ClassVar[str]
    """What a known target is: `a number above zero`."""

    @abstractmethod
    def can_be(self, value: float) -> bool:
        """Whether a known target may have this value."""

    @abstractmethod
    def scaled(self, values: Floats) -> Floats:
        """Targets, or predictions of them, in the target's unit, as they are on the scale."""

    def unscaled(self, values: Floats) -> Floats:
        """The reverse of `scaled`: in the target's unit."""
        return values

    @abstractmethod
    def linked(self, learnt: Floats) -> Floats:
        """What an estimator says, before `link`, on the scale."""

    def unlinked(self, predicted: Floats) -> Floats:
        """A prediction on the scale as an estimator would say it: the reverse of `linked`."""
        return predicted

    @abstractmethod
    def losses(self, actual: Floats, predicted: Floats) -> Floats:
        """The loss of each row, whose mean decides, (n,)."""

    @abstractmethod
    def headline(self, actual: Floats, predicted: Floats, identity: Identity | None = None) -> Estimate:
        """The figure that people read of n > 0 rows, with its 95 % interval; less is better.

        `identity` says which rows are of one thing, (n,).
        """

    @abstractmethod
    def baseline(self, actual: Floats) -> float:
        """What a model that knows no input says of every row, learnt from n > 0 targets."""

    @abstractmethod
    def spread(self, actual: Floats) -> float:
        """What a loss of these rows is held against to call it large: a tolerance is a share of this."""

    @abstractmethod
    def changes(self, before: Floats, after: Floats, spread: float) -> Floats:
        """How differently two versions answer each row, (n,), so that 0.10 is what people notice and 0.25 is much.

        `spread` is of the targets (`spread`), for a task whose predictions are in a unit.
        """

    @abstractmethod
    def told_change(self, change: float) -> str:
        """What a row that changes by more than this is, after "answered": `more than 25 % differently`."""

    @abstractmethod
    def told(self, figure: Estimate, unit: str = "", *, to: str = "to") -> str:
        """A headline in a sentence, with its interval; `to` is the word between its ends."""

    @abstractmethod
    def told_difference(self, difference: Estimate, unit: str = "", *, to: str = "to", points: str = "points") -> str:
        """A difference of mean losses in a sentence, signed, with its interval; `points` is the word for hundredths."""

    @abstractmethod
    def told_loss(self, loss: float, unit: str = "") -> str:
        """A difference of mean losses without its interval and sign."""

    @abstractmethod
    def interval(self, quantile: float) -> Interval | None:
        """How a prediction's interval is made with a quantile of the absolute residuals on the scale; None where the
        prediction says itself how sure it is.
        """


def named(figure: Estimate, unit: str, to: str) -> str:
    """A figure in its unit with its interval: `3.21 minutes (2.9 to 3.52)`."""
    low, high = significant(figure.low), significant(figure.high)
    return f"{significant(figure.value)}{unit and ' ' + unit} ({low} {to} {high})"
