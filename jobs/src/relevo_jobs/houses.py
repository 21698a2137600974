"""The use case that ships: house prices."""

from __future__ import annotations

from typing import Final

import numpy as np

from relevo_contract.data_set import Columns
from relevo_contract.identity import Identity
from relevo_contract.listing import LISTINGS
from relevo_jobs.clean import rules
from relevo_jobs.clean.rules import clean_rows
from relevo_jobs.use_case import ModelOptions, UseCase


def identity(columns: Columns) -> Identity:
    """Which rows are of one house, by what holds them out; (n,)."""
    told = (*LISTINGS.categorical, *LISTINGS.numeric)
    rows = zip(*(columns[name].tolist() for name in told), strict=True)
    return np.array([rules.identity(dict(zip(told, map(_or_none, row), strict=True))) for row in rows], dtype=np.uint64)


def _or_none(value: str | float | None) -> str | float | None:
    return None if isinstance(value, float) and np.isnan(value) else value


OPTIONS: Final = ModelOptions(
    ratios=(("bed", "bath"), ("house_size", "bed"), ("acre_lot", "house_size")), per="house_size"
)
HOUSES: Final = UseCase(LISTINGS, clean_rows, OPTIONS, identity=identity)
