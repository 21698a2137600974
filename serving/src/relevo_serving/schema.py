"""What the API takes and answers, and the examples its OpenAPI shows."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from relevo_contract.listing import INPUTS, LISTINGS
from relevo_contract.values import NOTHING, Read, Rule


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


HOUSE: Final[dict[str, Any]] = {
    "bed": 3,
    "bath": 2,
    "acre_lot": 0.12,
    "house_size": 920,
    "city": "Adjuntas",
    "state": "Puerto Rico",
    "zip_code": "00601",
    "status": "for_sale",
}
UNKNOWN_PLACE: Final[dict[str, Any]] = {
    "bed": 2,
    "bath": 1,
    "house_size": 800,
    "city": "Springfield",
    "state": "Oregon",
}


def _read(rule: Rule, came: Any) -> Read:
    """What came, read by a rule; what is no value of its kind is refused, what is not believed is not."""
    if isinstance(came, bool | list | dict):
        kind = "a list" if isinstance(came, list) else "an object" if isinstance(came, dict) else "true or false"
        raise _refusal(f"expected a number, a text or null, got {kind}")
    read = rule.read(came)
    if read.error:
        raise _refusal(read.error)
    return read


def _refusal(problem: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{problem}", {"problem": problem})


def _given(column: str) -> Any:
    """What may be sent of a column."""
    rule = LISTINGS.rule(column)
    kinds: list[dict[str, Any]] = [{"type": "number"}, {"type": "string"}, {"type": "null"}]
    shape = WithJsonSchema({"anyOf": kinds, "default": None, "description": rule.described})
    return Annotated[Any, AfterValidator(partial(_read, rule)), shape], NOTHING


House = create_model(
    "House",
    __doc__="One house as it is sent. Each value is read by the rules of CLEAN: what is no number or no day where one "
    "is expected is refused, what cannot be believed is taken as missing, and the answer says so.",
    __config__=ConfigDict(extra="forbid"),
    **{column: _given(column) for column in INPUTS},
)


class PredictRequest(_Schema):
    """The houses to be priced, one or many."""

    houses: Annotated[list[House], Field(min_length=1, description="in the answer's order")]


class ModelRef(_Schema):
    """The version that answered."""

    name: str
    version: int
    run_id: str = Field(description="its MLflow run")
    promoted_at: datetime | None = Field(description="when it was promoted, UTC; null: by hand, or not noted")
    since: datetime = Field(description="when this process began to serve it, UTC")


class Prediction(_Schema):
    """One house's price in US dollars."""

    price: float
    low: float = Field(description="lower end of the 90 % interval")
    high: float = Field(description="upper end of the 90 % interval")
    unseen: list[str] = Field(description="inputs whose category the model never saw in training")
    missing: list[str] = Field(description="inputs that were not given, or not believed")
    blanked: dict[str, str] = Field(description="by input that was given and not believed, why")


class PredictResponse(_Schema):
    """Prices in the houses' order."""

    predictions: list[Prediction]
    model: ModelRef
    request_id: UUID = Field(description="under which the houses are kept in raw.inferences")
    stored: bool = Field(description="true: the houses and their prices are kept, whatever ends this process")


class Contribution(_Schema):
    """By how much one feature raises or lowers one price."""

    feature: str
    inputs: list[str] = Field(description="the inputs it is made of")
    value: float | None = Field(description="what the model was given; null: missing")
    log: float = Field(description="SHAP value: its part of log_price")
    dollars: float = Field(description="its part of price, US dollars")


class Explanation(_Schema):
    """Why one house is priced as it is: base and contributions add up to the price, in dollars and in logarithms."""

    price: float
    base_price: float = Field(description="where every explanation of this version begins, US dollars")
    log_price: float
    base_log_price: float = Field(description="mean prediction over the version's training rows")
    contributions: list[Contribution] = Field(description="the largest first")


class ExplainResponse(_Schema):
    """Explanations in the houses' order."""

    explanations: list[Explanation]
    model: ModelRef


class DataframeSplit(BaseModel):
    """A table, columns and rows apart."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | None = None


class InvocationsRequest(_Schema):
    """The houses as MLflow's clients send a table: exactly one of the two."""

    dataframe_split: DataframeSplit | None = None
    dataframe_records: list[dict[str, Any]] | None = None


class InvocationsResponse(_Schema):
    """Prices in the rows' order, US dollars."""

    predictions: list[float]
    blanked: dict[int, dict[str, str]] = Field(
        default={},
        description="by row, from 0, and input that was given and not believed, why; absent if there is none",
    )


class RefusedVersion(_Schema):
    """A version that was not taken into service."""

    version: int
    run_id: str
    reason: str
    at: datetime


class RegistryStatus(_Schema):
    """How the last look at MLflow went."""

    reachable: bool | None = Field(description="null: not looked yet")
    problem: str | None
    wanted_version: int | None = Field(description="the version that should be served, when it answered last")
    answered_at: datetime | None


class ModelStatus(_Schema):
    """What is served, what was refused, and what the registry says."""

    serving: ModelRef | None
    model: str
    follows: str = Field(description="the alias that is followed, or the version that is pinned")
    refused: RefusedVersion | None
    registry: RegistryStatus


class Health(_Schema):
    """The process is alive."""

    status: str = "ok"


class Ready(_Schema):
    """The version that is loaded and passed its self-test."""

    status: str = "ready"
    version: int


class FieldProblem(_Schema):
    """What is wrong with one field."""

    field: str = Field(description="such as houses.0.bed; empty: the body as a whole")
    problem: str


class Problem(_Schema):
    """Why there is no other answer."""

    error: str = Field(description="what was expected, what came, what to do")
    fields: list[FieldProblem] = []


MODEL_REF: Final[dict[str, Any]] = {
    "name": "house-prices",
    "version": 3,
    "run_id": "5b1f6c1f0d0e4c0f9a4f2d6f5f0f7a11",
    "promoted_at": "2026-11-04T15:02:09Z",
    "since": "2026-11-04T15:02:11Z",
}
REQUEST_EXAMPLES: Final[dict[str, Any]] = {
    "one": {"summary": "one house", "value": {"houses": [HOUSE]}},
    "many": {"summary": "several houses, one in a place nobody saw", "value": {"houses": [HOUSE, UNKNOWN_PLACE]}},
}
RESPONSE_EXAMPLE: Final[dict[str, Any]] = {
    "predictions": [
        {
            "price": 109204.31,
            "low": 52981.05,
            "high": 225092.48,
            "unseen": [],
            "missing": ["house_size", "brokered_by", "street", "prev_sold_date"],
            "blanked": {"house_size": "expected 50 to 500,000, got 0"},
        }
    ],
    "model": MODEL_REF,
    "request_id": "019aabcd-1f2e-7a3b-9c4d-5e6f70819203",
    "stored": True,
}
EXPLANATION_EXAMPLE: Final[dict[str, Any]] = {
    "explanations": [
        {
            "price": 109204.31,
            "base_price": 281210.11,
            "log_price": 11.601,
            "base_log_price": 12.547,
            "contributions": [
                {
                    "feature": "price_by_size",
                    "inputs": ["house_size", "zip_code", "city", "state"],
                    "value": 11.52,
                    "log": -0.946,
                    "dollars": -172005.8,
                }
            ],
        }
    ],
    "model": MODEL_REF,
}
INVOCATIONS_EXAMPLES: Final[dict[str, Any]] = {
    "split": {
        "summary": "dataframe_split",
        "value": {"dataframe_split": {"columns": ["bed", "city", "zip_code"], "data": [[3, "Adjuntas", "00601"]]}},
    },
    "records": {"summary": "dataframe_records", "value": {"dataframe_records": [HOUSE, UNKNOWN_PLACE]}},
}
BAD_INPUT_EXAMPLE: Final[dict[str, Any]] = {
    "error": "expected houses as /docs describes them, wrong: houses.0.bed",
    "fields": [
        {"field": "houses.0.bed", "problem": "expected a number such as 1200, 1,200 or 1200.5, got 'three'"},
    ],
}
