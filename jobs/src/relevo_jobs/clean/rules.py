"""What a RAW row becomes in CLEAN: a typed listing, or a rejection with its reason. Pure; see docs/cleaning.md.

A row is rejected only if a model could learn nothing true from it. A single bad value is set to missing instead: the
model knows missing values, and the rest of the row is still a sale.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from relevo_contract.listing import CATEGORICAL, COLUMNS, DATES, NUMERIC, TARGET
from relevo_jobs.clean.fates import Raw, Rejection


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


PLAUSIBLE = {
    "price": (1_000.0, 1_000_000_000.0),
    "bed": (1.0, 100.0),
    "bath": (1.0, 100.0),
    "acre_lot": (0.0001, 50_000.0),
    "house_size": (50.0, 500_000.0),
}
"""Smallest and largest value kept; beyond, the value is set to missing (the row is rejected for the price alone).
Dollars, counts, counts, acres, square feet. Wide on purpose: what is rare but real stays, such as a house of 86 rooms;
0 acres is how the source spells "unknown"."""

PLACEHOLDERS = frozenset({99_999.0})
"""Figures that stand for "unknown" in `acre_lot` and `house_size` of the real listings."""
PLACEHOLDER_ZIP_CODES = frozenset({"00000", "99999"})
"""Zip codes that no place has, and listings do."""

EARLIEST_SALE = date(1800, 1, 1)
LATEST_SALE = date(2100, 1, 1)
"""A sale beyond these days is a slip and set to missing; wide, so that the rule does not depend on today."""
HOLDOUT_SHARE = 5
"""One row in so many is held out."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
_POSITION = {name: position for position, name in enumerate(COLUMNS)}
_ABSENT = frozenset({"", "nan", "null", "none", "n/a", "na", "-"})


@dataclass(frozen=True)
class Listing:
    """A row that CLEAN keeps: values by column, None where missing."""

    price: float
    numbers: dict[str, float | None]
    texts: dict[str, str | None]
    prev_sold_date: date | None
    holdout: bool
    blanked: tuple[str, ...]
    """Columns that held a value CLEAN could not believe, now missing."""


def number(value: str | None) -> float | None:
    """A number as listings spell it (`350000`, `350000.0`, `$350,000`); None if it is missing or no number."""
    if value is None:
        return None
    text = value.strip().removeprefix("$").replace(",", "")
    return float(text) if _NUMBER.match(text) else None


def text(value: str | None) -> str | None:
    """A text with its spaces folded; None if it is missing or says so."""
    if value is None:
        return None
    folded = " ".join(value.split())
    return None if folded.casefold() in _ABSENT else folded


def identifier(value: str | None) -> str | None:
    """A text that names something by number: `103378.0`, as floats pass through spreadsheets, is `103378`."""
    folded = text(value)
    return folded if folded is None else re.sub(r"(?<=\d)\.0+\Z", "", folded)


def zip_code(value: str | None) -> str | None:
    """Five characters with the leading zeros that a number loses; None if it is missing or a placeholder."""
    folded = identifier(value)
    if folded is None or not (folded.isascii() and folded.isdigit()):
        return folded
    padded = folded.zfill(5)
    return None if padded in PLACEHOLDER_ZIP_CODES else padded


def sale_date(value: str | None) -> date | None:
    """An ISO date (a time after it is dropped); None if it is missing or no date."""
    try:
        found = date.fromisoformat((value or "").strip()[:10])
    except ValueError:
        return None
    return found if EARLIEST_SALE <= found < LATEST_SALE else None


def held_out(texts: dict[str, str | None], numbers: dict[str, float | None]) -> bool:
    """Whether a listing is held out: by a hash of its identity, so that a house listed again falls on the same side.

    A house is its street, city, state and zip code; where the street is missing, its size and rooms stand in.
    """
    key: list[object] = [(texts[name] or "").casefold() for name in ("street", "city", "state", "zip_code")]
    if texts["street"] is None:
        key += [numbers[name] for name in NUMERIC]
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % HOLDOUT_SHARE == 0


def clean_row(row: Raw) -> Listing | Rejection:
    """One row by the rules; duplicates are `clean_rows`'s business."""
    came = row[_POSITION[TARGET]]
    price = number(came)
    if price is None:
        return Rejection(Reason.PRICE_MISSING, f"price {came!r}")
    low, high = PLAUSIBLE[TARGET]
    if not low <= price <= high:
        return Rejection(Reason.PRICE_IMPLAUSIBLE, f"price {came!r}")

    blanked: list[str] = []
    numbers: dict[str, float | None] = {}
    for name in NUMERIC:
        came = row[_POSITION[name]]
        value = number(came)
        low, high = PLAUSIBLE[name]
        believed = value is not None and low <= value <= high and value not in PLACEHOLDERS
        numbers[name] = value if believed else None
        if numbers[name] is None and text(came) is not None:
            blanked.append(name)
    texts: dict[str, str | None] = {}
    for name in CATEGORICAL:
        spell = zip_code if name == "zip_code" else identifier if name in {"brokered_by", "street"} else text
        came = row[_POSITION[name]]
        texts[name] = spell(came)
        if texts[name] is None and text(came) is not None:
            blanked.append(name)
    if texts["city"] is None and texts["state"] is None and texts["zip_code"] is None:
        return Rejection(Reason.NO_PLACE, "no city, state or zip_code")
    came = row[_POSITION[DATES[0]]]
    sold = sale_date(came)
    if sold is None and text(came) is not None:
        blanked.append(DATES[0])
    return Listing(price, numbers, texts, sold, held_out(texts, numbers), tuple(blanked))


def clean_rows(rows: Iterable[Raw]) -> Iterator[Listing | Rejection]:
    """Every row's fate, in order; the same rows always meet the same fate. Of a row, a hash alone is remembered."""
    first: dict[bytes, int] = {}
    for position, row in enumerate(rows):
        same = hashlib.blake2b(repr(tuple(row)).encode(), digest_size=16).digest()
        earlier = first.setdefault(same, position)
        if earlier != position:
            yield Rejection(Reason.DUPLICATE, f"same values as row {earlier}")
        else:
            yield clean_row(row)
