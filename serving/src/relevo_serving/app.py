"""The HTTP application: routes, limits and errors over a State that somebody else keeps current."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from relevo_contract.listing import CATEGORICAL, DATES, NUMERIC, House, columns_of
from relevo_serving import schema
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State

INLINE_ROWS: Final = 32
"""Up to here predicting costs less than handing it to a thread; above, the probes must not wait for it."""
INPUTS: Final = (*NUMERIC, *CATEGORICAL, *DATES)
NO_SUCH_INPUT: Final = f"no such input; a house has {', '.join(INPUTS)}"
FIELDS_NAMED: Final = 20
"""A body with a thousand wrong fields is answered with the first ones."""


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, error: str, fields: list[schema.FieldProblem] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.problem = schema.Problem(error=error, fields=fields or [])


def _json(model: Any, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status, media_type="application/json")


def _problem(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"model": schema.Problem, "description": description, "content": {"application/json": {"example": example}}}


NOT_READY = _problem(
    "no version is loaded yet", {"error": "expected the alias production on a version of house-prices, …", "fields": []}
)


def problems_of(error: ValidationError) -> list[schema.FieldProblem]:
    """A validation error by field; what came is not repeated: it may be huge, or no JSON at all."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        schema.FieldProblem(
            field=".".join(str(part) for part in detail["loc"]),
            problem=NO_SUCH_INPUT if detail["type"] == "extra_forbidden" else detail["msg"],
        )
        for detail in details[:FIELDS_NAMED]
    ]


def parse(body: bytes, settings: Settings) -> list[House]:
    """The houses in a request's body. Raises Refusal, naming the fields that are wrong."""
    try:
        houses = schema.PredictRequest.model_validate_json(body).houses
    except ValidationError as error:
        fields = problems_of(error)
        names = ", ".join(field.field or "the body" for field in fields)
        raise Refusal(422, f"expected houses as /docs describes them, wrong: {names}", fields) from None
    if len(houses) > settings.max_rows:
        said = f"expected at most {settings.max_rows} houses in a request, got {len(houses)}: send them in parts"
        raise Refusal(422, said, [schema.FieldProblem(field="houses", problem=said)])
    return houses


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body; Raises Refusal as soon as it is longer than the limit, whatever its headers say."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refusal(413, f"expected a body of at most {limit} bytes, got more: send the houses in parts")
    return bytes(body)


def _ref(served: Served, settings: Settings) -> schema.ModelRef:
    target = served.target
    return schema.ModelRef(name=settings.model, version=target.version, run_id=target.run_id, since=served.since)


def answer(houses: list[House], served: Served, settings: Settings) -> schema.PredictResponse:
    """Price the houses with the version given."""
    prices = served.model.predict(columns_of(houses))
    predictions = [
        schema.Prediction(
            price=price,
            low=low,
            high=high,
            unseen=list(unseen),
            missing=[name for name in INPUTS if getattr(house, name) in (None, "")],
        )
        for house, price, low, high, unseen in zip(
            houses,
            np.round(prices.price, 2).tolist(),
            np.round(prices.low, 2).tolist(),
            np.round(prices.high, 2).tolist(),
            prices.unseen,
            strict=True,
        )
    ]
    return schema.PredictResponse(predictions=predictions, model=_ref(served, settings))


def model_status(state: State, settings: Settings) -> schema.ModelStatus:
    """What /model answers."""
    served, refused, registry = state.served, state.refused, state.registry
    pinned = settings.version
    return schema.ModelStatus(
        serving=_ref(served, settings) if served else None,
        model=settings.model,
        follows=f"alias {settings.alias}" if pinned is None else f"version {pinned}",
        refused=schema.RefusedVersion(
            version=refused.target.version, run_id=refused.target.run_id, reason=refused.reason, at=refused.at
        )
        if refused
        else None,
        registry=schema.RegistryStatus(
            reachable=registry.reachable,
            problem=registry.problem,
            wanted_version=registry.wanted,
            answered_at=registry.answered_at,
        ),
    )


def _describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the request's schema: /predict reads its body itself, so FastAPI does not know of it."""
    if app.openapi_schema is None:
        spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        request = schema.PredictRequest.model_json_schema(ref_template="#/components/schemas/{model}")
        spec["components"]["schemas"] |= request.pop("$defs") | {"PredictRequest": request}
        app.openapi_schema = spec
    return app.openapi_schema


Follow = Callable[[], AbstractAsyncContextManager[None]]


def create_app(settings: Settings, state: State, follow: Follow | None = None) -> FastAPI:
    """The application; `follow` keeps the state current for as long as it runs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if follow is None:
            yield
            return
        async with follow():
            yield

    app = FastAPI(
        title="Relevo's inference API",
        description="House prices by the model version that MLflow's alias marks. Column names are the listing's own.",
        version="0.1.0",
        lifespan=lifespan,
        redoc_url=None,
    )

    @app.exception_handler(Refusal)
    async def _refused(_: Request, refusal: Refusal) -> Response:
        return _json(refusal.problem, refusal.status)

    @app.exception_handler(ClientDisconnect)
    async def _gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody reads it

    @app.exception_handler(HTTPException)
    async def _not_found(request: Request, error: HTTPException) -> Response:
        said = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
        return _json(schema.Problem(error=said), error.status_code)

    def ready() -> Served:
        served = state.served
        if served is None:
            raise Refusal(503, state.not_ready() or "a version was just loaded: ask again")
        return served

    @app.post(
        "/predict",
        summary="price houses",
        response_model=schema.PredictResponse,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/PredictRequest"},
                        "examples": schema.REQUEST_EXAMPLES,
                    }
                },
            }
        },
        responses={
            200: {"content": {"application/json": {"example": schema.RESPONSE_EXAMPLE}}},
            413: _problem(
                "the body is too long", {"error": "expected a body of at most 1048576 bytes, …", "fields": []}
            ),
            422: _problem("a field is wrong, or there are too many houses", schema.BAD_INPUT_EXAMPLE),
            503: NOT_READY,
        },
    )
    async def predict(request: Request) -> Response:
        houses = parse(await read_body(request, settings.max_body_bytes), settings)
        served = ready()
        if len(houses) <= INLINE_ROWS:
            return _json(answer(houses, served, settings))
        return _json(await run_in_threadpool(answer, houses, served, settings))

    @app.get("/model", summary="what is served, and what the registry says", response_model=schema.ModelStatus)
    async def model() -> Response:
        return _json(model_status(state, settings))

    @app.get("/healthz", summary="is the process alive", response_model=schema.Health)
    async def healthz() -> Response:
        return _json(schema.Health())

    @app.get("/readyz", summary="can it predict", response_model=schema.Ready, responses={503: NOT_READY})
    async def readyz() -> Response:
        return _json(schema.Ready(version=ready().target.version))

    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app
