"""The inference API as the UI sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import AwareDatetime, BaseModel

from relevo_contract import bounded_http
from relevo_contract.data_set import DataSet
from relevo_contract.mlflow_login import bearer
from relevo_ui import refusals, traffic
from relevo_ui.errors import ApiAway
from relevo_ui.traffic import Counts

MOST_BYTES: Final = 16_000_000
"""Of an answer; the longest one has some hundred kilobytes."""


class Serving(BaseModel):
    """The version that answers."""

    name: str
    version: int
    run_id: str
    promoted_at: AwareDatetime | None = None
    since: AwareDatetime


class Prediction(BaseModel):
    """One row's prediction in the target's unit with its 90 % interval; None of a version that has none."""

    prediction: float
    low: float | None = None
    high: float | None = None
    unseen: list[str]
    missing: list[str]
    blanked: dict[str, str] = {}
    """By input that was given and is taken as missing: why it is not believed."""


class Answer(BaseModel):
    """A prediction and who made it."""

    predictions: list[Prediction]
    model: Serving


class Contribution(BaseModel):
    """By how much one column's value raises or lowers one prediction."""

    column: str
    value: float | str | None
    contribution: float


class Base(BaseModel):
    """The row that every explanation of a version begins with."""

    prediction: float
    inputs: dict[str, float | str | None]


class Explanation(BaseModel):
    """Why one row is predicted as it is: the base's prediction and the contributions add up to `prediction`."""

    prediction: float
    base: Base
    contributions: list[Contribution]


class Explained(BaseModel):
    """Explanations in the rows' order, and who made them."""

    explanations: list[Explanation]
    model: Serving


class Refused(BaseModel):
    """A version that was not taken into service."""

    version: int
    reason: str


class RegistryStatus(BaseModel):
    """How the API's last look at MLflow went."""

    reachable: bool | None
    problem: str | None


class Status(BaseModel):
    """What GET /model answers, as far as the UI tells it."""

    serving: Serving | None
    follows: str
    refused: Refused | None
    registry: RegistryStatus


class Tensor(BaseModel):
    """An input or the output."""

    name: str


class Metadata(BaseModel):
    """What GET /v2/models/NAME answers, as far as the UI needs it."""

    inputs: list[Tensor]
    outputs: list[Tensor]


Parsed = TypeVar("Parsed", bound=BaseModel)


class Api:
    """Calls the inference API; each call opens a connection of its own, as pages are few."""

    def __init__(self, url: str, *, timeout: float, key: str | None = None) -> None:
        """`timeout` in seconds is for a whole answer; `key` goes to no other address, for no redirect is followed."""
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._headers = bearer(key) if key else {}

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[str, bytes]:
        """The path and the answer's body. Raises what `refusals.refusal` says, ApiAway if there is no answer."""
        try:
            with httpx.Client(timeout=self._timeout) as client:
                url, seconds = self._url + path, self._timeout
                asked = {"json": body, "headers": self._headers}
                answer = bounded_http.ask(client, method, url, seconds=seconds, most=MOST_BYTES, **asked)
        except bounded_http.TooLong as error:
            raise ApiAway(refusals.TOO_LARGE, url=self._url, path=path, most=MOST_BYTES // 1_000_000) from error
        except httpx.TimeoutException as error:
            raise ApiAway(refusals.LATE, url=self._url, path=path, seconds=f"{self._timeout:g}") from error
        except httpx.HTTPError as error:
            raise ApiAway(refusals.AWAY, url=self._url, error=type(error).__name__) from error
        if answer.status_code != httpx.codes.OK:
            where = answer.headers.get("location", "")
            raise refusals.refusal(answer.status_code, answer.content, url=self._url, path=path, location=where)
        return path, answer.content

    def status(self) -> Status:
        """What is served. Raises ApiAway."""
        return self._parse(self._ask("GET", "/model"), Status)

    def counts(self) -> Counts | None:
        """What the process that answers has counted; None where it does not count, or says so in no known way.

        Raises ApiAway, NoModel.
        """
        _, content = self._ask("GET", "/metrics")
        return traffic.counts(content.decode(errors="replace"), datetime.now(UTC))

    def data_set(self, model: str) -> DataSet | None:
        """What is served, by its columns' names alone, whose texts the API reads; None if that makes no data set.

        Raises ApiAway, NoModel.
        """
        found = self._parse(self._ask("GET", f"/v2/models/{quote(model, safe='')}"), Metadata)
        inputs = tuple(one.name for one in found.inputs)
        try:
            (target,) = (one.name for one in found.outputs)
            return DataSet("rows", (*inputs, target), target, categorical=inputs, task="number")
        except ValueError:
            return None

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> Answer:
        """Predict rows, at most as many as the API takes in one request. Raises ApiAway, NoModel, BadRow, TooMuch."""
        path = "/predict"
        answer = self._parse(self._ask("POST", path, {"instances": [dict(row) for row in rows]}), Answer)
        if len(answer.predictions) != len(rows):
            raise ApiAway(refusals.NOT_JSON, url=self._url, path=path)
        return answer

    def explain(self, row: Mapping[str, Any]) -> Explained:
        """Why one row is predicted as it is. Raises ApiAway, NoModel, BadRow, TooMuch."""
        return self._parse(self._ask("POST", "/explain", {"instances": [dict(row)]}), Explained)

    def _parse(self, answer: tuple[str, bytes], kind: type[Parsed]) -> Parsed:
        path, content = answer
        try:
            return kind.model_validate_json(content)
        except ValueError as error:
            raise ApiAway(refusals.NOT_JSON, url=self._url, path=path) from error
