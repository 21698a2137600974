"""The trips: their columns, and what a trip carries whose minutes are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relevo_contract.data_set import DataSet

MODEL: Final = "trip-minutes"
"""Default name of the registered model."""

TRIPS: Final = DataSet(
    name="trips",
    columns=("district", "station", "bike", "hour", "distance_km", "temperature", "minutes"),
    target="minutes",
    numeric=("hour", "distance_km", "temperature"),
    categorical=("district", "station", "bike"),
    compared=("district", "station", "bike"),
    place="district",
    within=("station",),
)

Text = Annotated[str, Field(max_length=100)]


class Trip(BaseModel):
    """A trip to be told the minutes of. Every field may be missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    district: Text | None = None
    station: Text | None = None
    bike: Text | None = None
    hour: Annotated[float, Field(ge=0, lt=24)] | None = None
    distance_km: Annotated[float, Field(gt=0, le=200)] | None = None
    temperature: Annotated[float, Field(ge=-50, le=60)] | None = None


def columns_of(trips: Sequence[Trip]) -> dict[str, NDArray[Any]]:
    """Trips as columns, each of shape (n,), in the form `data_set.Columns` describes (without `minutes`)."""
    kinds = dict.fromkeys(TRIPS.numeric, np.float64) | dict.fromkeys(TRIPS.categorical, object)
    return {name: np.array([getattr(trip, name) for trip in trips], dtype=kind) for name, kind in kinds.items()}


def trip_at(columns: dict[str, NDArray[Any]], row: int) -> Trip:
    """The trip of one row."""
    numbers = {name: float(columns[name][row]) for name in TRIPS.numeric}
    texts = {name: columns[name][row] for name in TRIPS.categorical}
    return Trip.model_validate({name: None if np.isnan(value) else value for name, value in numbers.items()} | texts)
