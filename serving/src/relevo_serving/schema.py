"""What the API answers, whatever version serves; `answers_of` makes what depends on the version's predictions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Value = float | str | bool | None


class Answer(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRef(Answer):
    """The version that answered."""

    name: str
    version: int
    run_id: str = Field(description="its MLflow run")
    promoted_at: datetime | None = Field(description="when it was promoted, UTC; null: by hand, or not noted")
    since: datetime = Field(description="when this process began to serve it, UTC")


class Contribution(Answer):
    """By how much one column raises or lowers one prediction."""

    column: str
    value: Value = Field(description="what was understood; null: missing")
    contribution: float = Field(description="its Shapley value, in the prediction's unit")


class Base(Answer):
    """Where an explanation begins: the typical row."""

    prediction: float
    inputs: dict[str, Value] = Field(description="the row, by column")


class Explanation(Answer):
    """Why one row is predicted as it is: the base's prediction and the contributions add up to the prediction."""

    prediction: float
    base: Base
    contributions: list[Contribution] = Field(description="the largest first")


class ExplainResponse(Answer):
    """Explanations in the rows' order."""

    explanations: list[Explanation]
    model: ModelRef


class RefusedVersion(Answer):
    """A version that was not taken into service."""

    version: int
    run_id: str
    reason: str
    at: datetime


class RegistryStatus(Answer):
    """How the last look at MLflow went."""

    reachable: bool | None = Field(default=None, description="null: not looked yet")
    problem: str | None = Field(default=None, description="why there is no answer, or no version in it")
    wanted_version: int | None = Field(default=None, description="what should be served, when it answered last")
    answered_at: datetime | None = None


class ModelStatus(Answer):
    """What is served, what was refused, and what the registry says."""

    serving: ModelRef | None
    model: str
    follows: str = Field(description="the alias that is followed, or the version that is pinned")
    refused: RefusedVersion | None
    registry: RegistryStatus


class Ready(Answer):
    """The version that is loaded and passed its self-test."""

    status: str = "ready"
    version: int


PREDICTIONS: Final[dict[str, Any]] = {"f": float | None, "i": int, "u": int, "b": bool, "O": str}
"""What a prediction is, by numpy's kind; null where the model gives no finite number."""


def answers_of(kind: str, *, single: bool) -> tuple[type[BaseModel], type[BaseModel]]:
    """What /predict and /invocations answer for predictions of this kind; `single`: one value a row, else a list."""
    one: Any = PREDICTIONS[kind]
    value: Any = one if single else list[one]
    told = "by row, from 0, and input that was given and not believed, why; absent if there is none"

    class Prediction(Answer):
        """One row's prediction, in the target's unit."""

        prediction: value
        low: float | None = Field(description="lower end of the 90 % interval; null: the version has none")
        high: float | None = Field(description="upper end of the 90 % interval")
        unseen: list[str] = Field(description="inputs whose category the model never saw in training")
        missing: list[str] = Field(description="inputs that were not given, or not believed")
        blanked: dict[str, str] = Field(description="by input that was given and not believed, why")

    class PredictResponse(Answer):
        """Predictions in the rows' order."""

        predictions: list[Prediction]
        model: ModelRef
        request_id: UUID = Field(description="under which the rows are kept in raw.inferences")
        stored: bool = Field(description="true: rows and predictions are kept, whatever ends this process")

    class InvocationsResponse(Answer):
        """Predictions in the rows' order."""

        predictions: list[value]
        blanked: dict[int, dict[str, str]] = Field(default={}, description=told)

    return PredictResponse, InvocationsResponse
