"""The model: a linear one of the logarithm of the minutes. It is data, kept as JSON; serving and the steps share it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from examples.trips.data import TRIPS, Trip, columns_of, trip_at
from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.profiling import categories

MODEL_FILE: Final = "model.json"
EFFECTS: Final = ("district", "bike")
"""Columns each of whose categories has an effect of its own; one never seen in training has none."""
RIDGE: Final = 1.0
"""Rows by which each effect is drawn towards none."""
CASES: Final = 8


class TripModel(BaseModel):
    """`minutes = exp(design @ coefficients)`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    means: tuple[float, float]
    """Of the logarithm of the distance and of the temperature: they stand in where those are missing."""
    known: dict[str, tuple[str, ...]]
    """The categories seen in training, by column of EFFECTS."""
    coefficients: tuple[float, ...]

    @classmethod
    def fit(cls, columns: Columns) -> TripModel:
        """Ridge regression (Hoerl & Kennard 1970) on n > 0 rows with `minutes`."""
        means = (_mean(np.log(columns["distance_km"])), _mean(columns["temperature"]))
        known = {name: tuple(sorted(filter(None, {*categories(columns, name)}))) for name in EFFECTS}
        empty = cls(means=means, known=known, coefficients=())
        x, y = empty.design(columns), np.log(columns[TRIPS.target])
        penalty = np.diag([0.0] * 5 + [RIDGE] * (x.shape[1] - 5))
        coefficients = np.linalg.lstsq(x.T @ x + penalty, x.T @ y, rcond=None)[0]
        return empty.model_copy(update={"coefficients": tuple(coefficients.tolist())})

    def design(self, columns: Columns) -> NDArray[np.float64]:
        """The features, (n, 5 + categories)."""
        distance, temperature = np.log(columns["distance_km"]), columns["temperature"]
        hour = columns["hour"]
        rush = ((hour >= 7) & (hour < 10)) | ((hour >= 16) & (hour < 19))
        parts = [
            np.ones(len(hour)),
            np.where(np.isnan(distance), self.means[0], distance),
            np.isnan(distance),
            np.where(np.isnan(temperature), self.means[1], temperature),
            rush,
        ]
        for name in EFFECTS:
            found = np.array(categories(columns, name), dtype=object)
            parts += [found == category for category in self.known[name]]
        return np.column_stack(parts).astype(np.float64)

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """Logarithm of the minutes, (n,)."""
        answers: NDArray[np.float64] = self.design(columns) @ np.array(self.coefficients)
        return answers

    def minutes(self, trips: list[Trip]) -> list[float]:
        """Minutes of each trip."""
        found: list[float] = np.exp(self.predict(columns_of(trips))).tolist()
        return found


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else 0.0


class Case(BaseModel):
    """A trip and the minutes that the model said when it was trained."""

    trip: Trip
    minutes: float = Field(gt=0)


class SelfTest(BaseModel):
    """What a loaded model must say again before it may serve."""

    cases: tuple[Case, ...] = Field(min_length=1)

    def problem(self, model: TripModel) -> str | None:
        """What the model says otherwise; None if nothing."""
        found = model.minutes([case.trip for case in self.cases])
        for case, said in zip(self.cases, found, strict=True):
            if not abs(said - case.minutes) <= 1e-6 * case.minutes:  # NaN fails as well
                return f"self-test: expected {case.minutes:.6g} minutes, the model says {said:.6g}"
        return None


def save(folder: Path, model: TripModel, held_out: dict[str, NDArray[Any]]) -> None:
    """Write the files that serving needs."""
    trips = [trip_at(held_out, row) for row in range(min(CASES, len(held_out["hour"])))]
    cases = tuple(Case(trip=trip, minutes=said) for trip, said in zip(trips, model.minutes(trips), strict=True))
    (folder / MODEL_FILE).write_text(model.model_dump_json())
    (folder / names.SELF_TEST_FILE).write_text(SelfTest(cases=cases).model_dump_json(indent=1))


def load(folder: Path) -> TripModel:
    """Load the model. Raises ValueError if the file is not one."""
    return TripModel.model_validate_json((folder / MODEL_FILE).read_bytes())
