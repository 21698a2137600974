"""House prices, the use case that most tests work on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.identity import Identity
from relevo_contract.use_case import read
from relevo_jobs.clean.declared import Rules, Sides
from relevo_jobs.use_case import UseCase, load

HOUSE_PRICES: Final = Path(__file__).parents[1] / "use_cases" / "house-prices" / "use_case.yaml"
_DECLARED: Final = read(HOUSE_PRICES.read_text())
HOUSES: Final[UseCase] = load(HOUSE_PRICES)
LISTINGS: Final[DataSet] = HOUSES.data
COLUMNS: Final = LISTINGS.columns
OPTIONS: Final = HOUSES.options
RULES: Final = Rules(_DECLARED, LISTINGS, Sides(_DECLARED, LISTINGS))

clean_row, clean_rows, held_out = RULES.row, RULES.rows, RULES.sides.held_out
HOLDOUT_SHARE: Final = 5
"""One row in so many is held out."""


class Reason(StrEnum):
    """Why a row is left out."""

    PRICE_MISSING = "price_missing"
    PRICE_IMPLAUSIBLE = "price_implausible"
    NO_PLACE = "no_place"
    DUPLICATE = "duplicate"


def identity(columns: Columns) -> Identity:
    """Which rows are of one house."""
    found = HOUSES.identity_of(columns)
    assert found is not None
    return np.asarray(found)
