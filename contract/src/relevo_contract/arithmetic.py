"""One set of formulas over a column of houses and over one house alone.

A call of numpy costs about a microsecond however short the column is, and a house takes some two hundred of them; plain
floats do the same in a quarter of the time. So formulas are written over an `Arithmetic`, and there are two: numpy's
own, and one of floats that gives the very same numbers, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Value = TypeVar("Value", float, Column)
"""A number of one house, or a column of them, (n,); NaN where missing."""


@dataclass(frozen=True)
class Arithmetic(Generic[Value]):
    """What formulas need beside `+ - * /`. NaN goes through; a division by zero is the formula's to avoid."""

    isnan: Callable[[Value], Any]
    where: Callable[[Any, Value | float, Value | float], Value]
    log: Callable[[Value], Value]
    between: Callable[[Value, float, float], Value]
    """The value, kept within two bounds."""


def _isnan(value: float) -> bool:
    return value != value  # noqa: PLR0124  # only NaN differs from itself


def _where(condition: bool, then: float, otherwise: float) -> float:
    return then if condition else otherwise


def _log(value: float) -> float:
    return float(np.log(value))  # not math.log: the two may differ in the last bit


def _between(value: float, low: float, high: float) -> float:
    if value < low:
        return low
    return high if value > high else value  # NaN is neither


COLUMNS: Final = Arithmetic[Column](np.isnan, np.where, np.log, np.clip)
HOUSE: Final = Arithmetic[float](_isnan, _where, _log, _between)
