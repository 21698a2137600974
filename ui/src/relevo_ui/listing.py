"""The listings as a data set: the twelve columns of the data source, in its order."""

from __future__ import annotations

from datetime import date
from typing import Final

from relevo_contract.data_set import DataSet
from relevo_contract.values import Day, Identifier, Number, ZipCode

LISTINGS: Final = DataSet(
    name="listings",
    columns=(
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
    ),
    target="price",
    numeric=("bed", "bath", "acre_lot", "house_size"),
    categorical=("brokered_by", "status", "street", "city", "state", "zip_code"),
    dates=("prev_sold_date",),
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
COLUMNS: Final = LISTINGS.columns
