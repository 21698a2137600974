"""What somebody writes to take back batches that were left out: `3, 5: the sensor is right`, or `all`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from relevo_contract.texts import shown, tidy

EXPECTED: Final = 'expected "all" or batch numbers with commas between, then a colon and why, if you like'
PATTERN: Final = re.compile(r"\s*(all|\d{1,9}(?:[\s,]+\d{1,9})*)\s*(?::(.*))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Inclusion:
    """Which batches are to be used again, and why."""

    batches: frozenset[int] | None
    """None: all that are left out."""
    reason: str

    @classmethod
    def of(cls, text: str) -> Inclusion:
        """Raises ValueError if it says something else."""
        found = PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(f"{EXPECTED}, got {shown(text)}")
        which, reason = found.groups(default="")
        numbers = None if which == "all" else frozenset(int(number) for number in re.findall(r"\d+", which))
        return cls(numbers, tidy(reason))
