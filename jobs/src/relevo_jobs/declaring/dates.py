"""How days are spelt: told by the values of a column. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Final, NamedTuple

from relevo_contract.values import Day

_DAYS: Final = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%b %d %Y", "%a, %d %b %Y", "%b-%Y", "%b %Y", "%B %Y", "%Y-%m", "%m/%Y",
)  # fmt: skip
_TIMES: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
FORMATS: Final[tuple[str | None, ...]] = (None, *(f"{day}{time}" for day in _DAYS for time in _TIMES))
"""None is ISO 8601."""
LOOKED_AT: Final = 200
"""Different values by which a format is told."""
MOST: Final = 0.98
"""The share of them that a format must read."""
MIXED: Final = 0.98
_EARLIEST: Final = date(1800, 1, 1)
_LATEST: Final = date(2200, 1, 1)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\Z")
_SHAPE: Final = re.compile(r"[\d:/. ,T+Z-]*(?:[A-Za-z]{2,9}[\d:/. ,T+Z-]*){0,4}\Z")
_SWAPPED: Final = {"%d/%m": "%m/%d", "%m/%d": "%d/%m", "%d-%m": "%m-%d", "%m-%d": "%d-%m"}


class Spelling(NamedTuple):
    """How the days of a column are spelt."""

    format: str | None
    """None: as ISO 8601."""
    share: float
    """Of the values looked at, how many it reads."""
    instead: str | None = None
    """Another format that reads them as well, with day and month changed."""
    others: tuple[str, ...] = ()
    """Formats of the values that it does not read."""


def days(values: Iterable[str], spelt: str | None) -> list[date | None]:
    """The days that the values are by a format; None where one is none."""
    rule = Day(_EARLIEST, _LATEST, format=spelt)
    found = {value: rule.read(value).value for value in dict.fromkeys(values)}
    return [day if isinstance(day := found[value], date) else None for value in values]


def told(values: Sequence[str]) -> Spelling | None:
    """How days are spelt, of values in the order of their rows; None if these are no days."""
    sample = list(dict.fromkeys(values))[:LOOKED_AT]
    if not sample or sum(_is_like_a_day(value) for value in sample) < MOST * len(sample):
        return None
    formats = ("%Y%m%d",) if all(map(_NUMBER.match, sample)) else FORMATS
    read = {spelt: {value for value in sample if _day(value, spelt)} for spelt in formats}
    best = max(formats, key=lambda spelt: len(read[spelt]))
    if len(read[best]) >= MOST * len(sample):
        return _in_order(values, best, len(read[best]) / len(sample), read, len(sample))
    others: list[str] = []
    reached = set(read[best])
    while len(reached) < MIXED * len(sample) and len(others) < 6:
        more = max(formats, key=lambda spelt: len(read[spelt] - reached))
        if not read[more] - reached:
            return None
        others.append(more or "%Y-%m-%d")
        reached |= read[more]
    return Spelling(best, len(read[best]) / len(sample), None, tuple(others)) if len(read[best]) > 1 else None


def _in_order(
    values: Sequence[str], best: str | None, share: float, read: dict[str | None, set[str]], looked_at: int
) -> Spelling:
    """Of day and month changed, the one by which the rows are nearer to the order of time."""
    other = None if best is None else _SWAPPED.get(best[:5])
    swapped = None if other is None or best is None else f"{other}{best[5:]}"
    if swapped is None or len(read.get(swapped, ())) < MOST * looked_at:
        return Spelling(best, share)
    first, second = order(days(values, best)), order(days(values, swapped))
    first, second = abs(first - 0.5), abs(second - 0.5)  # or from the newest to the oldest
    if abs(first - second) > 0.02 and max(first, second) > 0.45:
        return Spelling(best if first > second else swapped, share)
    return Spelling(best, share, swapped)


def order(found: Sequence[date | float | None]) -> float:
    """The share of steps from one row to the next that do not go back; 0 if there is no step."""
    there = [one for one in found if one is not None]
    steps = [not later < earlier for earlier, later in pairwise(there)]  # type: ignore[operator]  # of one kind
    return sum(steps) / len(steps) if steps else 0.0


def _is_like_a_day(value: str) -> bool:
    return len(value) <= 40 and sum(map(str.isdigit, value)) >= 4 and _SHAPE.match(value) is not None


def _day(value: str, spelt: str | None) -> bool:
    if spelt == "%Y%m%d" and len(value) != 8:
        return False
    if spelt is None and value[4:5] != "-":
        return False
    return Day(_EARLIEST, _LATEST, format=spelt).read(value).value is not None
