"""The inference API as the UI sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel

from relevo_ui.errors import ApiAway, BadHouse, NoModel


class Serving(BaseModel):
    """The version that answers."""

    name: str
    version: int
    run_id: str
    since: AwareDatetime


class Prediction(BaseModel):
    """One house's price in US dollars with its 90 % interval."""

    price: float
    low: float
    high: float
    unseen: list[str]
    missing: list[str]


class Answer(BaseModel):
    """A prediction and who made it."""

    predictions: list[Prediction]
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


Parsed = TypeVar("Parsed", bound=BaseModel)


class Api:
    """Calls the inference API; each call opens a connection of its own, as pages are few."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        try:
            answer = httpx.request(method, self._url + path, json=body, timeout=self._timeout)
        except httpx.HTTPError as error:
            raise ApiAway(
                f"The inference API at {self._url} does not answer ({type(error).__name__}). Start it with "
                "`relevo-serving`, or check RELEVO_API_URL; this page asks again when you do."
            ) from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise NoModel(_said(answer))
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise BadHouse(_said(answer), _fields(answer))
        if answer.status_code != httpx.codes.OK:
            raise ApiAway(
                f"Expected {self._url} to be Relevo's inference API, {path} answered {answer.status_code}: check "
                "RELEVO_API_URL."
            )
        return answer

    def status(self) -> Status:
        """What is served. Raises ApiAway."""
        return self._parse(self._ask("GET", "/model"), Status)

    def predict(self, house: Mapping[str, Any]) -> Answer:
        """Price one house. Raises ApiAway, NoModel, BadHouse."""
        return self._parse(self._ask("POST", "/predict", {"houses": [dict(house)]}), Answer)

    def _parse(self, answer: httpx.Response, kind: type[Parsed]) -> Parsed:
        try:
            return kind.model_validate_json(answer.content)
        except ValueError as error:
            raise ApiAway(
                f"Expected {self._url} to be Relevo's inference API, it answered something else: check RELEVO_API_URL."
            ) from error


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]


def _fields(answer: httpx.Response) -> dict[str, str]:
    try:
        return {str(f["field"]).rpartition(".")[2]: str(f["problem"]) for f in answer.json()["fields"]}
    except (ValueError, KeyError, TypeError):
        return {}
