"""What somebody writes to take back batches that were left out: `3, 5: the sensor is right`, or `all`. Pure."""

from __future__ import annotations

import re
from typing import Final

from relevo_contract.texts import shown, tidy

EXPECTED: Final = 'expected "all" or batch numbers with commas between, then a colon and why, if you like'
PATTERN: Final = re.compile(r"\s*(all|\d{1,9}(?:[\s,]+\d{1,9})*)\s*(?::(.*))?", re.ASCII | re.DOTALL)


def inclusion(text: str) -> tuple[frozenset[int] | None, str]:
    """Which batches are to be used again, None for all that are left out, and why. Raises ValueError."""
    found = PATTERN.fullmatch(text)
    if found is None:
        raise ValueError(f"{EXPECTED}, got {shown(text)}")
    which, reason = found.groups(default="")
    numbers = None if which == "all" else frozenset(int(number) for number in re.findall(r"\d+", which))
    return numbers, tidy(reason)
