"""The HTTP application: routes, limits, errors and their documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from relevo_serving import schema
from relevo_serving.awake import Awake
from relevo_serving.endpoints import Endpoints
from relevo_serving.front import Answer, Front
from relevo_serving.live import Live
from relevo_serving.metrics import Figures, Metrics
from relevo_serving.requests import Refusal
from relevo_serving.settings import Settings
from relevo_serving.state import State
from relevo_serving.storing.keeping import Keeper


def _json(model: BaseModel, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status, media_type="application/json")


def _problem(description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"model": schema.Problem, "description": description, "content": {"application/json": {"example": example}}}


NOT_READY = _problem(
    "no version is loaded yet, or there is no room to keep what is asked",
    {"error": "expected the alias production on a version of house-prices, …", "fields": []},
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    408: _problem("the body did not arrive in time", {"error": "expected the body within 10 s, …", "fields": []}),
    413: _problem("the body is too long", {"error": "expected a body of at most 1048576 bytes, …", "fields": []}),
    422: _problem("a field is wrong, or there are too many houses", schema.BAD_INPUT_EXAMPLE),
    503: NOT_READY,
}


REQUESTS: tuple[type[BaseModel], ...] = (schema.PredictRequest, schema.InvocationsRequest)


def _describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI, with the requests' schemas, which FastAPI does not know of: the routes read their bodies themselves."""
    if app.openapi_schema is None:
        spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for model in REQUESTS:
            request = model.model_json_schema(ref_template="#/components/schemas/{model}")
            spec["components"]["schemas"] |= request.pop("$defs") | {model.__name__: request}
        app.openapi_schema = spec
    return app.openapi_schema


def _takes(request: str, examples: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{request}"}, "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


Follow = Callable[[], AbstractAsyncContextManager[None]]


def create_app(
    settings: Settings,
    state: State,
    keeper: Keeper | None = None,
    follow: Follow | None = None,
    crowd: Callable[[], int] = lambda: 1,
) -> Front:
    """The application. Raises SettingsError, see Keeper.

    `follow` keeps the state current for as long as it runs; `crowd` tells how many requests are under way.
    """
    keeper = Keeper(settings) if keeper is None else keeper
    figures, live = Figures(), Live()
    endpoints = Endpoints(settings, state, keeper, figures=figures, live=live, crowd=crowd)
    metrics = Metrics(figures, state, keeper, live, settings.model)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keeper.start()
        if follow is None:
            yield
        else:
            async with follow():
                yield
        await run_in_threadpool(keeper.stop)

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

    @app.exception_handler(HTTPException)
    async def _not_found(request: Request, error: HTTPException) -> Response:
        said = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
        return _json(schema.Problem(error=said), error.status_code)

    answers: dict[str, Answer] = {}

    def post(path: str, answer: Answer, **described: Any) -> None:
        """Describe a route that the front answers."""
        answers[path] = answer

        async def endpoint(request: Request) -> Response:
            return Response(await answer(await request.body()), media_type="application/json")

        app.add_api_route(path, endpoint, methods=["POST"], operation_id=path.strip("/"), **described)

    post(
        "/predict",
        endpoints.predict,
        summary="price houses",
        response_model=schema.PredictResponse,
        openapi_extra=_takes("PredictRequest", schema.REQUEST_EXAMPLES),
        responses={200: {"content": {"application/json": {"example": schema.RESPONSE_EXAMPLE}}}} | REFUSALS,
    )
    post(
        "/explain",
        endpoints.explain,
        summary="why houses are priced as they are: SHAP values in dollars and logarithms",
        response_model=schema.ExplainResponse,
        openapi_extra=_takes("PredictRequest", schema.REQUEST_EXAMPLES),
        responses={200: {"content": {"application/json": {"example": schema.EXPLANATION_EXAMPLE}}}} | REFUSALS,
    )
    post(
        "/invocations",
        endpoints.invocations,
        summary="price houses, asked as MLflow's clients ask",
        response_model=schema.InvocationsResponse,
        openapi_extra=_takes("InvocationsRequest", schema.INVOCATIONS_EXAMPLES),
        responses=REFUSALS,
    )

    @app.get("/model", summary="what is served, and what the registry says", response_model=schema.ModelStatus)
    async def model() -> Response:
        return _json(endpoints.status())

    @app.get("/healthz", summary="is the process alive", response_model=schema.Health)
    async def healthz() -> Response:
        return _json(schema.Health())

    @app.get("/readyz", summary="can it predict", response_model=schema.Ready, responses={503: NOT_READY})
    async def readyz() -> Response:
        return _json(schema.Ready(version=endpoints.ready().target.version))

    text = {"description": "Prometheus' exposition format", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @app.get("/metrics", summary="figures for Prometheus", response_class=Response, responses={200: text})
    async def figures_for_prometheus() -> Response:
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE_LATEST)

    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    routes = frozenset(getattr(route, "path", "") for route in app.routes)
    awake = Awake(settings.awake_microseconds / 1e6, crowd)
    return Front(app, answers, routes, settings, figures=figures, awake=awake)
