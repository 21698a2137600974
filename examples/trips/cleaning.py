"""What a RAW trip becomes in CLEAN. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from examples.trips.data import TRIPS
from relevo_jobs.clean.fates import Kept, Raw, Rejection

PLAUSIBLE: Final = {
    "minutes": (0.5, 600.0),
    "hour": (0.0, 23.99),
    "distance_km": (0.05, 200.0),
    "temperature": (-50.0, 60.0),
}
"""Smallest and largest value kept. Beyond, the value is set to missing; for the minutes alone the row is left out."""
HOLDOUT_SHARE: Final = 5
"""One row in so many is held out."""


def number(value: str | None, name: str) -> float | None:
    """A plausible number; None if it is missing, none, or not plausible."""
    try:
        found = float(value or "nan")
    except ValueError:
        return None
    low, high = PLAUSIBLE[name]
    return found if low <= found <= high else None


def text(value: str | None) -> str | None:
    """A text with its spaces folded; None if it is missing."""
    return " ".join((value or "").split()) or None


def held_out(row: Raw) -> bool:
    """By a hash of the trip, so that it falls on the same side whenever it comes."""
    digest = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % HOLDOUT_SHARE == 0


def clean_row(row: Raw) -> Kept | Rejection:
    """One row by the rules."""
    came = dict(zip(TRIPS.columns, row, strict=True))
    minutes = number(came["minutes"], "minutes")
    if minutes is None:
        return Rejection("no_minutes", f"minutes {came['minutes']!r}")
    numbers = {name: number(came[name], name) for name in TRIPS.numeric}
    texts = {name: text(came[name]) for name in TRIPS.categorical}
    if texts["district"] is None:
        return Rejection("no_district", "no district")
    blanked = tuple(name for name, value in numbers.items() if value is None and text(came[name]) is not None)
    return Kept({**numbers, **texts, "minutes": minutes}, held_out(row), blanked)


def clean(rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
    """Every row's fate, in order."""
    seen: set[tuple[str | None, ...]] = set()
    for row in map(tuple, rows):
        yield Rejection("duplicate", "same values as an earlier row") if row in seen else clean_row(row)
        seen.add(row)
