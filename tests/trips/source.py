"""`python -m tests.trips.source`: the trips' data source; they are made up."""

from __future__ import annotations

import argparse
import json
from typing import Final

import numpy as np
import uvicorn

from relevo_demo.source.app import create

KM_PER_HOUR: Final = {"Centre": 11.0, "Harbour": 15.0, "Hills": 8.0}
SCENES: Final[tuple[tuple[tuple[str, ...], int, float], ...]] = (
    (("Centre", "Harbour"), 1500, 1.0),
    (("Centre", "Harbour"), 900, 1.0),
    (("Hills", "Hills", "Centre"), 900, 1.0),
    (("Centre", "Harbour", "Hills"), 900, 1000.0),
)
"""Of each batch the districts, the rows, and what the distance is multiplied by: the first, a quiet one, one from a new
district, and one in metres. Two trips in a hundred were never ridden."""


def trips(number: int) -> list[str]:
    """The trips of a batch, as JSON objects; the same number, the same trips."""
    districts, rows, unit = SCENES[number - 1]
    random = np.random.default_rng(number)
    made = []
    for _ in range(rows):
        district = districts[random.integers(len(districts))]
        bike = "electric" if random.random() < 0.3 else "city"
        hour, distance = random.uniform(5, 24), random.lognormal(0.8, 0.5)
        rush = 1.2 if 7 <= hour < 10 or 16 <= hour < 19 else 1.0
        hours = distance * rush / (KM_PER_HOUR[district] * (1.3 if bike == "electric" else 1.0))
        trip = {
            "district": district,
            "station": f"{district} {random.integers(1, 9)}",
            "bike": bike,
            "hour": round(hour, 2),
            "distance_km": round(distance * unit, 3) if random.random() < 0.95 else None,
            "temperature": round(random.normal(14, 6), 1),
            "minutes": round(60 * hours * random.lognormal(0, 0.15), 2) if random.random() < 0.98 else 0,
        }
        made.append(json.dumps(trip))
    return made


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Serve trips, one batch a request: GET /data?group_number=6.")
    arguments.add_argument("--port", type=int, default=8001, help="port of 127.0.0.1 (default 8001)")
    batches = [trips(number) for number in range(1, len(SCENES) + 1)]
    uvicorn.run(create(batches), port=arguments.parse_args().port, log_level="warning")
