"""The listing: the twelve columns of the data source, and what of them a house to be priced carries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relevo_contract.data_set import DataSet

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
)
"""The listings as a data set; the price is in US dollars."""

Text = Annotated[str, Field(max_length=200)]


class House(BaseModel):
    """One house to be priced. Every field may be missing; the model was trained with missing values.

    Units: `acre_lot` acres, `house_size` square feet, `prev_sold_date` ISO date.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, coerce_numbers_to_str=True)

    bed: Annotated[float, Field(ge=0, le=500)] | None = None
    bath: Annotated[float, Field(ge=0, le=500)] | None = None
    acre_lot: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    house_size: Annotated[float, Field(ge=0, le=10_000_000)] | None = None
    city: Text | None = None
    state: Text | None = None
    zip_code: Annotated[str, Field(max_length=20)] | None = None
    status: Text | None = None
    brokered_by: Text | None = None
    street: Text | None = None
    prev_sold_date: date | None = None


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
