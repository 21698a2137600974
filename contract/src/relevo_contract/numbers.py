"""The numbers a house brings with it, and what is made of them without having seen any other house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.categories import word, zip_word
from relevo_contract.listing import Columns

SQUARE_FEET_PER_ACRE: Final = 43_560.0

NUMBERS: Final = (
    "bed",
    "bath",
    "acre_lot",
    "house_size",
    "sold_day",
    "street_order",
    "broker_order",
    "zip_order",
    "bed_per_bath",
    "size_per_bed",
    "lot_per_size",
    "missing",
)
"""`sold_day` is days since 1970; `*_order` the code read as a number: zip codes run along the map, and the source
numbers streets and brokers in alphabetical order (a lot without a house number comes last)."""


def _order(values: Sequence[str | None]) -> NDArray[np.float64]:
    # At most 15 digits: what a float64 holds exactly.
    return np.array([float(v) if v and v.isdecimal() and len(v) <= 15 else np.nan for v in values], dtype=np.float64)


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    return over / np.where(under > 0, under, np.nan)


def numbers(columns: Columns) -> dict[str, NDArray[np.float64]]:
    """The features `NUMBERS`, each (n,), NaN where missing and where a ratio has no divisor."""
    bed, bath, lot, size = (
        np.asarray(columns[name], dtype=np.float64) for name in ("bed", "bath", "acre_lot", "house_size")
    )
    sold: NDArray[Any] = np.asarray(columns["prev_sold_date"], dtype="datetime64[D]")
    return {
        "bed": bed,
        "bath": bath,
        "acre_lot": lot,
        "house_size": size,
        "sold_day": np.where(np.isnat(sold), np.nan, sold.astype(np.int64).astype(np.float64)),
        "street_order": _order([word(v) for v in columns["street"]]),
        "broker_order": _order([word(v) for v in columns["brokered_by"]]),
        "zip_order": _order([zip_word(v) for v in columns["zip_code"]]),
        "bed_per_bath": _ratio(bed, bath),
        "size_per_bed": _ratio(size, bed),
        "lot_per_size": _ratio(lot * SQUARE_FEET_PER_ACRE, size),
        "missing": np.isnan(bed).astype(np.float64) + np.isnan(bath) + np.isnan(size),
    }


def log_size(columns: Columns) -> NDArray[np.float64]:
    """Natural logarithm of the house's square feet, kept within what a house can be; NaN where missing. (n,)."""
    return np.log(np.clip(np.asarray(columns["house_size"], dtype=np.float64), 100, 50_000))


def design(columns: Columns, centers: Sequence[float] | None) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """The additive model's design, (n, 16), and the means it was centred at.

    Numbers are kept within what a house can be, so that one absurd entry cannot move a linear model; what is missing
    counts as the mean, with a flag. `centers` None takes the means of these rows.
    """
    bed, bath, lot = (np.asarray(columns[name], dtype=np.float64) for name in ("bed", "bath", "acre_lot"))
    raw = (log_size(columns), np.minimum(bed, 12), np.minimum(bath, 10), np.log(np.clip(lot, 0.01, 300)))
    missing = [np.isnan(column) for column in raw]
    basis = np.column_stack([part for pair in zip(raw, missing, strict=True) for part in pair]).astype(np.float64)
    if centers is None:
        given = ~np.isnan(basis)
        sums = np.where(given, basis, 0).sum(axis=0)
        centers = tuple((sums / np.maximum(given.sum(axis=0), 1)).tolist())
    middle = np.asarray(centers)
    basis = np.where(np.isnan(basis), middle, basis) - middle
    size, no_size, bed, _, bath, _, lot, no_lot = basis.T
    products = (size**2, bed * size, bath**2, lot**2, no_lot * no_size, lot * no_size, bath * size)
    return np.column_stack([np.ones(len(basis)), basis, *products]), tuple(centers)
