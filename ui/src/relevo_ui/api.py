"""The inference API as the UI sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel

from relevo_ui.errors import ApiAway, BadHouse, NoModel

AWAY: Final = (
    "The inference API at {url} does not answer ({error}). Start it with `relevo-serving`, or check RELEVO_API_URL; "
    "this page asks again when you do."
)
OTHER: Final = "Expected {url} to be Relevo's inference API, {path} answered {got}: check RELEVO_API_URL."


class Serving(BaseModel):
    """The version that answers."""

    name: str
    version: int
    run_id: str
    promoted_at: AwareDatetime | None = None
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


class Contribution(BaseModel):
    """By how much one feature raises or lowers one price."""

    feature: str
    inputs: list[str]
    value: float | None
    dollars: float


class Explanation(BaseModel):
    """Why one house is priced as it is: `base_price` and the contributions' dollars add up to `price`."""

    price: float
    base_price: float
    contributions: list[Contribution]


class Explained(BaseModel):
    """Explanations in the houses' order, and who made them."""

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
            raise ApiAway(AWAY, url=self._url, error=type(error).__name__) from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise NoModel(_said(answer))
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            raise BadHouse(_said(answer), _fields(answer))
        if answer.status_code != httpx.codes.OK:
            raise ApiAway(OTHER, url=self._url, path=path, got=answer.status_code)
        return answer

    def status(self) -> Status:
        """What is served. Raises ApiAway."""
        return self._parse(self._ask("GET", "/model"), Status)

    def predict(self, houses: Sequence[Mapping[str, Any]]) -> Answer:
        """Price houses, at most as many as the API takes in one request. Raises ApiAway, NoModel, BadHouse."""
        return self._parse(self._ask("POST", "/predict", {"houses": [dict(house) for house in houses]}), Answer)

    def explain(self, house: Mapping[str, Any]) -> Explained:
        """Why one house is priced as it is. Raises ApiAway, NoModel, BadHouse."""
        return self._parse(self._ask("POST", "/explain", {"houses": [dict(house)]}), Explained)

    def _parse(self, answer: httpx.Response, kind: type[Parsed]) -> Parsed:
        try:
            return kind.model_validate_json(answer.content)
        except ValueError as error:
            raise ApiAway(OTHER, url=self._url, path=answer.request.url.path, got="something else") from error


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]


def _fields(answer: httpx.Response) -> dict[tuple[int, str], str]:
    """By house and input what is wrong; `houses.3.bed` is the fourth house's."""
    found: dict[tuple[int, str], str] = {}
    try:
        for field in answer.json()["fields"]:
            _, number, name = str(field["field"]).split(".", 2)
            found[int(number), name.partition(".")[0]] = str(field["problem"])
    except (ValueError, KeyError, TypeError):
        return {}
    return found
