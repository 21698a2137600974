"""What every kept model is made of: strict JSON, and a figure with its interval."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """What is kept as JSON and read by a later release: a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Estimate(Strict):
    """A figure with its interval, `low <= value <= high`; the confidence is said where it is made."""

    value: float
    low: float
    high: float
