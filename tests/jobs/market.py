"""Listings of a market that is known: what a house is worth follows from its place and size, and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_jobs.stores.clean import CleanPart, CleanStore
from tests.houses import LISTINGS

Table = dict[str, NDArray[Any]]

STATES: Final[Mapping[str, float]] = {"Massachusetts": 12.8, "Connecticut": 12.5, "Vermont": 12.2}
"""The usual market: log price of a middling house by state."""
CITIES: Final = 8
"""Cities a state, each with two zip codes."""


def _text(values: Sequence[object]) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def listings(
    rows: int, seed: int, *, states: Mapping[str, float] = STATES, level: float = 1.0, noise: float = 0.25
) -> Table:
    """Rows with `price` in the form of relevo_contract.listing.Columns; the same seed, the same rows."""
    random = np.random.default_rng(seed)
    names = sorted(states)
    state = random.integers(0, len(names), rows)
    city = random.integers(0, CITIES, rows)
    half = random.integers(0, 2, rows)
    size = np.exp(random.normal(7.4, 0.4, rows))
    price = np.array([states[names[s]] for s in state]) + 0.05 * (city - CITIES / 2) + 0.8 * (np.log(size) - 7.4)
    bed = np.clip(np.round(size / 600), 1, 8)
    missing = random.random(rows) < 0.2
    sold = np.array(["2001-03-01"], dtype="datetime64[D]")[0] + random.integers(0, 7000, rows)
    return {
        "price": np.round(level * np.exp(price + random.normal(0, noise, rows)), -2),
        "bed": np.where(missing, np.nan, bed),
        "bath": np.where(missing, np.nan, np.clip(bed - 1, 1, 6)),
        "acre_lot": np.round(np.exp(random.normal(-1, 1, rows)), 2) + 0.01,
        "house_size": np.where(missing, np.nan, np.round(size)),
        "brokered_by": _text([f"{b}" for b in random.integers(1, 60, rows)]),
        "status": _text(["for_sale"] * rows),
        "street": _text([f"{s}" for s in random.integers(1, 2_000_000, rows)]),
        "city": _text([f"{names[s][:4]}ville {c}" for s, c in zip(state, city, strict=True)]),
        "state": _text([names[s] for s in state]),
        "zip_code": _text(
            [f"{sum(map(ord, names[s])) % 90:02d}{c}{h}0" for s, c, h in zip(state, city, half, strict=True)]
        ),
        "prev_sold_date": np.where(random.random(rows) < 0.6, np.datetime64("NaT"), sold).astype("datetime64[D]"),
    }


def changed(table: Table, **columns: NDArray[Any]) -> Table:
    """The same rows with other values in some columns."""
    return {**table, **columns}


def log_worth(table: Table) -> NDArray[np.float64]:
    """What a model that knows this market says a house is worth, in log price; (n,)."""
    places = np.array([STATES.get(state, 12.5) for state in table["state"]])
    city = np.array([CITIES / 2 if city is None else int(str(city)[-1]) for city in table["city"]])
    size = np.where(np.isnan(table["house_size"]), np.exp(7.4), table["house_size"])
    return places + 0.05 * (city - CITIES / 2) + 0.8 * (np.log(size) - 7.4)


def store(clean: CleanStore, group: int, number: int, table: Table) -> None:
    """Put a batch into CLEAN as the step would; every fifth row is held out."""

    def spelled(name: str, row: int) -> str | None:
        value = table[name][row]
        missing = value is None or (np.isnat(value) if name in LISTINGS.dates else value != value)
        return None if missing else str(value)

    order = (*LISTINGS.numeric, LISTINGS.target, *LISTINGS.categorical, *LISTINGS.dates)
    rows = [
        (str(row), *(spelled(name, row) for name in order), "t" if row % 5 == 0 else "f")
        for row in range(len(table[LISTINGS.target]))
    ]
    clean.add(number, f"{number:064x}", len(rows), [CleanPart(rows)])
