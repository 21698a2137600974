"""What a RAW trip becomes in CLEAN. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from examples.trips.data import TRIPS
from relevo_contract.texts import shown
from relevo_jobs.clean.fates import Kept, Raw, Rejection

HOLDOUT_SHARE: Final = 5
"""One row in so many is held out."""
KNOWN_BY: Final = ("district", "station", "bike", "hour", "distance_km", "temperature", "minutes")
"""What tells a trip from others. Named, and never changed, so that a column that comes changes no trip's side."""


def held_out(came: Mapping[str, str | None]) -> bool:
    """By a hash of the trip, so that it falls on the same side whenever it comes."""
    known_by = tuple(came.get(name) for name in KNOWN_BY)
    digest = hashlib.blake2b(repr(known_by).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % HOLDOUT_SHARE == 0


def clean_row(row: Raw) -> Kept | Rejection:
    """One row by the rules."""
    came = dict(zip(TRIPS.columns, row, strict=True))
    values, doubts, errors = TRIPS.understand(came)
    if values["minutes"] is None:
        return Rejection("no_minutes", f"minutes {shown(came['minutes'])}")
    if values["district"] is None:
        return Rejection("no_district", "no district")
    return Kept(values, held_out(came), doubts | errors)


def clean(rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
    """Every row's fate, in order."""
    seen: set[tuple[str | None, ...]] = set()
    for row in map(tuple, rows):
        yield Rejection("duplicate", "same values as an earlier row") if row in seen else clean_row(row)
        seen.add(row)
