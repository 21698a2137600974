"""Listings for those who have no file: made up by seed, but they move the way real ones do.

A price is hedonic (Rosen 1974): its logarithm is a sum of what the place and each property are worth, plus noise of
about the size that real listings leave unexplained. Each batch follows a scene; the scenes repeat.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from relevo_demo.source.batches import FEWEST_FOR_A_TINY_ONE, TINY

NOISE: Final = 0.3
"""Standard deviation of the log price that nothing explains."""
STATES: Final = {
    "Puerto Rico": (
        11.9,
        "006",
        ("San Juan", "Ponce", "Mayaguez", "Bayamon", "Caguas", "Dorado", "Adjuntas", "Vieques"),
    ),
    "Massachusetts": (13.0, "010", ("Springfield", "Worcester", "Agawam", "Pittsfield", "Westfield", "Longmeadow")),
    "Connecticut": (12.7, "060", ("Hartford", "Enfield", "Stamford", "Norwalk", "Suffield", "Danbury", "Torrington")),
    "New York": (13.3, "105", ("Pawling", "Yonkers", "Amenia", "Dover Plains", "Wassaic", "Poughkeepsie")),
    "New Hampshire": (12.9, "030", ("Nashua", "Keene", "Swanzey", "Hinsdale", "Manchester", "Jaffrey")),
    "Rhode Island": (13.1, "028", ("Providence", "Newport", "Warwick", "Cranston", "Westerly")),
}
"""By state: the log price of its plain house, its zip codes' prefix, its cities."""


@dataclass(frozen=True)
class Scene:
    """What one batch is like: weights of states, a shift of the log price, a broken column."""

    what: str
    states: tuple[str, ...]
    level: float = 0.0
    broken: str | None = None


SCENES: Final = (
    Scene("the first market", ("Puerto Rico",)),
    Scene("a quiet batch: the same market", ("Puerto Rico",)),
    Scene("a new region", ("Massachusetts", "Massachusetts", "Connecticut", "Puerto Rico")),
    Scene("again both regions", ("Massachusetts", "Connecticut", "Puerto Rico")),
    Scene("a broken column: house_size came in square metres and lost its decimals", ("Massachusetts", "Connecticut"),
          broken="house_size"),
    Scene("prices rise by a third", ("Massachusetts", "Connecticut", "Puerto Rico"), level=0.3),
    Scene("prices stay high", ("Massachusetts", "Connecticut", "Puerto Rico"), level=0.3),
    Scene("another region", ("New York", "New York", "New Hampshire", "Connecticut"), level=0.3),
    Scene("a quiet batch of all", ("Massachusetts", "Connecticut", "Puerto Rico", "New York", "New Hampshire"),
          level=0.3),
    Scene("one more region", ("Rhode Island", "Rhode Island", "Connecticut"), level=0.3),
)  # fmt: skip
"""Batch after batch; with more batches than scenes they start over."""


_TINY_AT: Final = 6


def sizes(batches: int, seed: int) -> list[int]:
    """Uneven sizes of `batches` batches; the seventh (or, of fewer, the last) has 17 rows, whatever its scene."""
    random = np.random.default_rng([seed, 2])
    drawn = [1500, *(int(n) for n in random.integers(500, 1300, max(0, batches - 1)))][:batches]
    if batches >= FEWEST_FOR_A_TINY_ONE:
        drawn[min(_TINY_AT, batches - 1)] = TINY
    return drawn


def generate(sizes: list[int], seed: int) -> list[list[str]]:
    """Batches of rows as JSON objects; `sizes` rows each. The same seed gives the same rows."""
    places = _Places(seed)
    random = np.random.default_rng([seed, 1])
    return [
        [places.listing(SCENES[position % len(SCENES)], random) for _ in range(size)]
        for position, size in enumerate(sizes)
    ]


class _Places:
    """What each city, zip code and broker adds to the log price; drawn once by seed."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng([seed, 0])
        self.cities: dict[str, list[tuple[str, float, list[tuple[str, float]]]]] = {}
        for state, (base, prefix, cities) in STATES.items():
            told = []
            for number, city in enumerate(cities):
                codes = [
                    (f"{prefix}{2 * number + k:02d}", float(random.normal(0, 0.15)))
                    for k in range(int(random.integers(1, 3)))
                ]
                told.append((city, base + float(random.normal(0, 0.3)), codes))
            self.cities[state] = told
        self.brokers = [(float(number), float(random.normal(0, 0.12))) for number in random.integers(22, 110_000, 160)]

    def listing(self, scene: Scene, random: np.random.Generator) -> str:
        """One row as a JSON object."""
        state = scene.states[int(random.integers(len(scene.states)))]
        city, worth, codes = self.cities[state][int(random.integers(len(self.cities[state])))]
        code, code_worth = codes[int(random.integers(len(codes)))]
        broker, broker_worth = self.brokers[int(min(len(self.brokers) - 1, random.exponential(30)))]
        land_only = random.random() < 0.2
        bed = int(np.clip(random.poisson(2.4) + 1, 1, 12))
        bath = int(np.clip(round(0.55 * bed + random.normal(0.4, 0.6)), 1, 9))
        size = float(round(np.exp(random.normal(6.75 + 0.16 * bed, 0.25))))
        acres = float(round(np.exp(random.normal(0.8 if land_only else -1.2, 1.1)), 2)) or 0.01
        log_price = worth + code_worth + broker_worth + scene.level + 0.12 * np.log(acres)
        if land_only:
            log_price -= 1.2
        else:
            log_price += 0.75 * (np.log(size) - 7.3) + 0.14 * (bath - 2) - 0.02 * (bed - 3)
        price = float(round(np.exp(log_price + random.normal(0, NOISE)), -2))
        if random.random() < 0.002:
            price = float(random.choice([1.0, 445.0]))  # a slip, as the public listings have them
        sold = date(1990, 1, 1) + timedelta(days=int(random.integers(0, 11_700)))
        if scene.broken == "house_size":
            size = float(round(size * 0.0929))
        row = {
            "brokered_by": broker if random.random() > 0.003 else None,
            "status": "ready_to_build" if random.random() < 0.002 else "for_sale",
            "price": price if random.random() > 0.002 else None,
            "bed": None if land_only else bed,
            "bath": None if land_only else bath,
            "acre_lot": acres if random.random() > 0.13 else None,
            "street": float(random.integers(100_000, 2_000_000)),
            "city": city,
            "state": state,
            "zip_code": code,
            "house_size": None if land_only or random.random() < 0.06 else size,
            "prev_sold_date": sold.isoformat() if random.random() < 0.33 else None,
        }
        return json.dumps(row)
