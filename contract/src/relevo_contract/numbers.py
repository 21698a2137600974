"""The numbers a house brings with it, and what is made of them without having seen any other house."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import COLUMNS, Arithmetic, Column, Value
from relevo_contract.data_set import Columns
from relevo_contract.listing import FIRST_DAY, NUMERIC, House

INPUTS_OF_NUMBERS: Final = {
    "sold_day": ("prev_sold_date",),
    "street_order": ("street",),
    "broker_order": ("brokered_by",),
    "zip_order": ("zip_code",),
    "bed_per_bath": ("bed", "bath"),
    "size_per_bed": ("house_size", "bed"),
    "lot_per_size": ("acre_lot", "house_size"),
    "missing": ("bed", "bath", "house_size"),
}
"""The inputs of those of NUMBERS that are not an input themselves."""
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
_NAN: Final = float("nan")
_LARGEST: Final = float(np.finfo(np.float32).max)


class Given(NamedTuple, Generic[Value]):
    """The numbers as they were given."""

    bed: Value
    bath: Value
    acre_lot: Value
    house_size: Value
    sold_day: Value
    """Days since 1970."""
    street: Value
    """The code as a number, as `order` reads it; so of the next two."""
    broker: Value
    zip_code: Value


def given_columns(columns: Columns, spelled: Mapping[str, Iterable[str | None]]) -> Given[Column]:
    """Of a table and its texts as they are spelt."""
    sold = np.asarray(columns["prev_sold_date"], dtype="datetime64[D]")
    bed, bath, lot, size = (
        np.asarray(columns[name], dtype=np.float64) for name in ("bed", "bath", "acre_lot", "house_size")
    )
    return Given(
        bed=bed,
        bath=bath,
        acre_lot=lot,
        house_size=size,
        sold_day=np.where(np.isnat(sold), np.nan, sold.astype(np.int64).astype(np.float64)),
        street=_orders(spelled["street"]),
        broker=_orders(spelled["brokered_by"]),
        zip_code=_orders(spelled["zip_code"]),
    )


def given_house(house: House, *, street: float, broker: float, zip_code: float) -> Given[float]:
    """Of one house and its codes as numbers, see `order`."""
    bed, bath, lot, size, sold = house.bed, house.bath, house.acre_lot, house.house_size, house.prev_sold_date
    return Given(
        _NAN if bed is None else bed,
        _NAN if bath is None else bath,
        _NAN if lot is None else lot,
        _NAN if size is None else size,
        _NAN if sold is None else float(sold.toordinal() - FIRST_DAY),
        street,
        broker,
        zip_code,
    )


def given_rows(
    rows: Sequence[Mapping[str, Any]], *, street: list[float], broker: list[float], zip_code: list[float]
) -> Given[Column]:
    """Of houses' inputs by name and their codes as numbers, see `order`."""
    sold = [row["prev_sold_date"] for row in rows]
    bed, bath, lot, size = (np.array([row[name] for row in rows], dtype=np.float64) for name in NUMERIC)
    return Given(  # None became NaN
        bed,
        bath,
        lot,
        size,
        np.array([_NAN if day is None else float(day.toordinal() - FIRST_DAY) for day in sold]),
        np.array(street),
        np.array(broker),
        np.array(zip_code),
    )


def order(spelled: str | None) -> float:
    """A code as a number, NaN if it is none; at most 15 digits: what a float64 holds exactly."""
    if spelled is None or len(spelled) > 15 or not (spelled.isascii() and spelled.isdecimal()):
        return _NAN
    return float(spelled)


def _orders(spelled: Iterable[str | None]) -> Column:
    return np.array([order(value) for value in spelled], dtype=np.float64)


def numbers(x: Arithmetic[Value], given: Given[Value]) -> list[Value]:
    """The features `NUMBERS`, in their order, NaN where missing and where a ratio has no divisor."""

    def ratio(over: Value, under: Value) -> Value:
        # A valid house may still be absurd (a bath of 1e-300): its ratios stay finite, which XGBoost asks for.
        return x.between(over / x.where(under > 0, under, _NAN), 0.0, _LARGEST)

    def one_if_missing(value: Value) -> Value:
        return x.where(x.isnan(value), 1.0, 0.0)

    bed, bath, lot, size = given.bed, given.bath, given.acre_lot, given.house_size
    return [
        bed,
        bath,
        lot,
        size,
        given.sold_day,
        given.street,
        given.broker,
        given.zip_code,
        ratio(bed, bath),
        ratio(size, bed),
        ratio(lot * SQUARE_FEET_PER_ACRE, size),
        one_if_missing(bed) + one_if_missing(bath) + one_if_missing(size),
    ]


def log_size(x: Arithmetic[Value], given: Given[Value]) -> Value:
    """Natural logarithm of the house's square feet, kept within what a house can be; NaN where missing."""
    return x.log(x.between(given.house_size, 100.0, 50_000.0))


def _bounded(x: Arithmetic[Value], given: Given[Value]) -> tuple[Value, ...]:
    """What the additive model is linear in, kept within what a house can be: one absurd entry must not move it."""
    bed, bath = x.between(given.bed, 0.0, 12.0), x.between(given.bath, 0.0, 10.0)
    return log_size(x, given), bed, bath, x.log(x.between(given.acre_lot, 0.01, 300.0))


def terms(x: Arithmetic[Value], given: Given[Value], centers: Sequence[float]) -> list[Value]:
    """The additive model's 15 terms beside its constant; what is missing counts as the mean, with a flag."""
    centred: list[Value] = []
    for value, center, missing_center in zip(_bounded(x, given), centers[::2], centers[1::2], strict=True):
        missing = x.isnan(value)
        centred.append(x.where(missing, 0.0, value - center))
        centred.append(x.where(missing, 1.0 - missing_center, -missing_center))
    size, no_size, bed, _, bath, _, lot, no_lot = centred
    centred += [size * size, bed * size, bath * bath, lot * lot, no_lot * no_size, lot * no_size, bath * size]
    return centred


def centers(given: Given[Column]) -> tuple[float, ...]:
    """Means of what the additive model is linear in, each followed by the share that is missing; (8,)."""
    return centers_of(center_sums(given), len(given.bed))


def center_sums(given: Given[Column]) -> tuple[float, ...]:
    """What `centers_of` takes, and what adds up over parts of the rows: of each a sum and how many are there; (8,)."""
    sums: list[float] = []
    for value in _bounded(COLUMNS, given):
        there = value[~np.isnan(value)]
        sums += [float(there.sum()), float(len(there))]
    return tuple(sums)


def centers_of(sums: Sequence[float], rows: int) -> tuple[float, ...]:
    """The `centers` of rows with these `center_sums`."""
    means: list[float] = []
    for total, there in zip(sums[::2], sums[1::2], strict=True):
        means += [total / max(there, 1), 1 - there / max(rows, 1)]
    return tuple(means)


def design(given: Given[Column], around: Sequence[float]) -> NDArray[np.float64]:
    """The additive model's design matrix, (n, 16): the constant and the terms."""
    return np.column_stack([np.ones(len(given.bed)), *terms(COLUMNS, given, around)])
