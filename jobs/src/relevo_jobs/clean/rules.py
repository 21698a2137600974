"""What a RAW row becomes in CLEAN: a listing, or a rejection with its reason. Pure; see docs/cleaning.md.

A row is rejected only if a model could learn nothing true from it. A single bad value is set to missing instead: the
model knows missing values, and the rest of the row is still a sale. What a value is, LISTINGS says, to the inference
API as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from relevo_contract.listing import COLUMNS, LISTINGS
from relevo_contract.texts import shown
from relevo_contract.values import Value
from relevo_jobs.clean.fates import Kept, Raw, Rejection


class Reason(StrEnum):
    """Why a row is left out; a closed list."""

    PRICE_MISSING = "price_missing"
    """No price, or one that is no number: there is nothing to learn."""
    PRICE_IMPLAUSIBLE = "price_implausible"
    """Below 1,000 or above 1,000,000,000 US dollars: a rent, a placeholder or a slip."""
    NO_PLACE = "no_place"
    """Neither city nor zip code nor state."""
    DUPLICATE = "duplicate"
    """The same twelve values as an earlier row of the batch."""


HOLDOUT_SHARE = 5
"""One row in so many is held out."""
STANDING_IN = ("bed", "bath", "acre_lot", "house_size")
"""What a house is known by where its street is missing. Named, so that an input that comes changes no house's side."""


def held_out(values: Mapping[str, Value | None]) -> bool:
    """Whether a listing is held out: by its identity, so that a house listed again falls on the same side."""
    return identity(values) % HOLDOUT_SHARE == 0


def identity(values: Mapping[str, Value | None]) -> int:
    """A number of 64 bits that a house has, however often it is listed.

    A house is its street, city, state and zip code; where the street is missing, its size and rooms stand in.
    """
    key: list[object] = [str(values[name] or "").casefold() for name in ("street", "city", "state", "zip_code")]
    if values["street"] is None:
        key += [values[name] for name in STANDING_IN]
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest)


def clean_row(row: Raw) -> Kept | Rejection:
    """One row by the rules; duplicates are `clean_rows`'s business."""
    came = dict(zip(COLUMNS, row, strict=True))
    values, doubts, errors = LISTINGS.understand(came)
    if values[LISTINGS.target] is None:
        reason = Reason.PRICE_IMPLAUSIBLE if LISTINGS.target in doubts else Reason.PRICE_MISSING
        return Rejection(reason, f"price {shown(came[LISTINGS.target])}")
    if values["city"] is None and values["state"] is None and values["zip_code"] is None:
        return Rejection(Reason.NO_PLACE, "no city, state or zip_code")
    return Kept(values, held_out(values), doubts | errors)


def clean_rows(rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
    """Every row's fate, in order; the same rows always meet the same fate. Of a row, a hash alone is remembered."""
    first: dict[bytes, int] = {}
    for position, row in enumerate(rows):
        same = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
        earlier = first.setdefault(same, position)
        if earlier != position:
            yield Rejection(Reason.DUPLICATE, f"same values as row {earlier}")
        else:
            yield clean_row(row)
