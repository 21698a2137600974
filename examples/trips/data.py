"""The trips: their columns."""

from __future__ import annotations

from typing import Final

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
