"""Tables: what was measured, with its target beside it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """The most that a figure may be."""

    most: float

    def __str__(self) -> str:
        return f"≤ {self.most:g}"


@dataclass(frozen=True)
class Row:
    """A figure and its target."""

    what: str
    figure: float
    bound: Bound
    remark: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is within its target."""
        return self.figure <= self.bound.most


def seconds(taken: Mapping[str, Sequence[float]]) -> None:
    """Print the spread of each."""
    print(f"\n{'seconds':45} {'median':>8} {'least':>8} {'most':>8}")
    for what, each in taken.items():
        print(f"{what:45} {statistics.median(each):8.2f} {min(each):8.2f} {max(each):8.2f}")


def rows(found: Sequence[Row]) -> bool:
    """Print figures beside their targets; True if all hold."""
    print(f"\n{'target':45} {'figure':>8} {'bound':>8}")
    for row in found:
        figure = f"{row.figure:,.2f}" if isinstance(row.figure, float) else f"{row.figure:,}"
        verdict = "holds" if row.holds else "BROKEN"
        print(f"{row.what:45} {figure:>8} {row.bound!s:>8}  {verdict}{'; ' if row.remark else ''}{row.remark}")
    return all(row.holds for row in found)
