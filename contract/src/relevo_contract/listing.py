"""The listing: the twelve columns of the data source, and what of them a house to be priced carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PrivateAttr

from relevo_contract.data_set import DataSet
from relevo_contract.values import Day, Identifier, Number, Value, ZipCode

COLUMNS: Final = (
    "brokered_by",
    "status",
    "price",
    "bed",
    "bath",
    "acre_lot",
    "street",
    "city",
    "state",
    "zip_code",
    "house_size",
    "prev_sold_date",
)
"""The data source's columns in its order."""

TARGET: Final = "price"
NUMERIC: Final = ("bed", "bath", "acre_lot", "house_size")
"""Inputs that are numbers: counts, counts, acres, square feet."""
CATEGORICAL: Final = ("brokered_by", "status", "street", "city", "state", "zip_code")
"""Inputs that are kept as text until encoded; a zip code's leading zeros are part of it."""
DATES: Final = ("prev_sold_date",)
INPUTS: Final = (*NUMERIC, *CATEGORICAL, *DATES)
"""What a house to be priced may have."""

FIRST_DAY: Final = 719_163
"""1970-01-01 as Python counts days."""
_NO_DAY: Final = int(np.datetime64("NaT", "D").astype(np.int64))

LISTINGS: Final = DataSet(
    name="listings",
    columns=COLUMNS,
    target=TARGET,
    numeric=NUMERIC,
    categorical=CATEGORICAL,
    dates=DATES,
    # Not `street`: almost every house has its own, so its distribution says nothing.
    compared=("state", "city", "zip_code", "brokered_by", "status"),
    place="state",
    within=("city", "zip_code"),
    rules={
        # Wide on purpose: what is rare but real stays, such as a house of 86 rooms. 0 acres and 99,999 square feet are
        # how the source spells "unknown"; sales are bounded so that the rule does not depend on today.
        "price": Number(1_000, 1_000_000_000, unit="US dollars"),
        "bed": Number(1, 100),
        "bath": Number(1, 100),
        "acre_lot": Number(0.0001, 50_000, frozenset({99_999.0}), unit="acres"),
        "house_size": Number(50, 500_000, frozenset({99_999.0}), unit="square feet"),
        "brokered_by": Identifier(),
        "street": Identifier(),
        "zip_code": ZipCode(),
        "prev_sold_date": Day(date(1800, 1, 1), date(2099, 12, 31)),
    },
)
"""The listings as a data set; the price is in US dollars."""


class House(BaseModel):
    """One house to be priced, as it is understood. Every field may be missing, as in the rows that a model learnt from.

    Units: `acre_lot` acres, `house_size` square feet. What a customer sends is understood by the rules of
    LISTINGS first; `house` makes one of what was understood.
    """

    model_config = ConfigDict(extra="forbid")

    bed: float | None = None
    bath: float | None = None
    acre_lot: float | None = None
    house_size: float | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    status: str | None = None
    brokered_by: str | None = None
    street: str | None = None
    prev_sold_date: date | None = None

    _doubts: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def doubts(self) -> dict[str, str]:
        """By input why what came is not believed, and is missing here."""
        return self._doubts


def house(values: Mapping[str, Value | None], doubts: Mapping[str, str]) -> House:
    """Make a house of what was understood of its inputs; see `DataSet.understand`."""
    made = House.model_construct(**values)  # type: ignore[arg-type]  # the rules give what it takes
    made._doubts.update(doubts)
    return made


def columns_of(houses: Iterable[House]) -> dict[str, NDArray[Any]]:
    """Turn houses into columns, each of shape (n,), in the form `data_set.Columns` describes (without `price`)."""
    rows = [vars(house) for house in houses]
    table: dict[str, NDArray[Any]] = {}
    for name in NUMERIC:
        table[name] = np.array([row[name] for row in rows], dtype=np.float64)  # None becomes NaN
    for name in CATEGORICAL:
        column = np.empty(len(rows), dtype=object)
        column[:] = [row[name] for row in rows]
        table[name] = column
    for name in DATES:
        # Days are ten times sooner turned into dates than dates are.
        days = [_NO_DAY if (day := row[name]) is None else day.toordinal() - FIRST_DAY for row in rows]
        table[name] = np.array(days, dtype=np.int64).astype("datetime64[D]")
    return table
