"""The trips: their columns, and what a trip carries whose minutes are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from relevo_contract.data_set import DataSet
from relevo_contract.values import Number

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
    rules={
        "minutes": Number(0.5, 600),
        "hour": Number(0, 23.99),
        "distance_km": Number(0.05, 200),
        "temperature": Number(-50, 60),
    },
)


class Trip(BaseModel):
    """A trip to be told the minutes of. Every field may be missing; what is sent is read by the rules of CLEAN."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    district: str | None = None
    station: str | None = None
    bike: str | None = None
    hour: float | None = None
    distance_km: float | None = None
    temperature: float | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _understood(cls, came: Any, info: ValidationInfo) -> Any:
        if info.field_name is None or isinstance(came, bool | list | dict):
            raise ValueError("expected a number, a text or null")
        read = TRIPS.rule(info.field_name).read(came)
        if read.error:
            raise ValueError(read.error)
        return read.value


def columns_of(trips: Sequence[Trip]) -> dict[str, NDArray[Any]]:
    """Trips as columns, each of shape (n,), in the form `data_set.Columns` describes (without `minutes`)."""
    kinds = dict.fromkeys(TRIPS.numeric, np.float64) | dict.fromkeys(TRIPS.categorical, object)
    return {name: np.array([getattr(trip, name) for trip in trips], dtype=kind) for name, kind in kinds.items()}


def trip_at(columns: dict[str, NDArray[Any]], row: int) -> Trip:
    """The trip of one row."""
    numbers = {name: float(columns[name][row]) for name in TRIPS.numeric}
    texts = {name: columns[name][row] for name in TRIPS.categorical}
    return Trip.model_validate({name: None if np.isnan(value) else value for name, value in numbers.items()} | texts)
