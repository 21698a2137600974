"""What uvicorn serves: the FastAPI application of the version that serves now, and before it one that says why not.

A version's application is made whole beside the one that serves, and then one reference is replaced: a request works
with what it began with, so none fails and none sees half of two versions.
"""

# Without `from __future__ import annotations`: FastAPI reads annotations that name models made for the version.

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import Body, FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ConfigDict, create_model
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from relevo_serving import open_inference, schema
from relevo_serving.access import AccessControl
from relevo_serving.answering import Answering
from relevo_serving.bodies import BodyLimit, JsonRoute, parsed
from relevo_serving.fast_path import Answer, FastPath
from relevo_serving.metrics import Metrics
from relevo_serving.problems import Refusal, documented, handlers
from relevo_serving.rows import Understood, as_json
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State
from relevo_serving.storing.keeping import Keeper
from relevo_serving.tables import InvocationsRequest, records_of

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: documented("keys are asked for, and there is none of them", "expected a key of this API, …"),
    403: documented("a page of somebody else's sent it", "expected a request of this API's own pages, …"),
    408: documented("the body did not arrive in time", "expected the body within 10 s, …"),
    413: documented("the body is too long", "expected a body of at most 1048576 bytes, …"),
    422: documented(
        "a field is wrong, or there are too many rows",
        "expected what /docs describes, wrong: instances.0.bed",
        {"field": "instances.0.bed", "problem": "expected a number such as 1200, 1,200 or 1200.5, got 'three'"},
    ),
    421: documented(
        "the Host is no name of this API", "expected an address, localhost or a name of RELEVO_ALLOWED_HOSTS, …"
    ),
    503: documented(
        "no version is loaded yet, too much is under way, or there is no room to keep what is asked",
        "expected the alias production on a version of house-prices, …",
    ),
}
TEXT: Final = {"description": "Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}
EXAMPLES: Final = 2
"""Rows that OpenAPI shows, of those that the version was tried with."""
OTHER: Final = "other"
"""The route of whatever is no route: a label for each would be a label for anything."""
PREDICTING: Final = frozenset({"/predict", "/explain", "/invocations"})
"""Routes that are answered, or refused, before FastAPI knows them."""
GONE: Final = 499
"""The status of a request whose client left before its answer; nobody reads it, and proxies log this number."""
_json: Final = partial(Response, media_type="application/json")


class Host:
    """The ASGI application of the process."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        follow: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        alone: Callable[[], bool] = lambda: False,
    ) -> None:
        """`follow` keeps the version current for as long as it runs; `alone` is Answering's.

        Raises SettingsError, see Keeper and AccessControl.
        """
        self._settings, self._state, self._follow, self._alone = settings, state, follow, alone
        self._keeper = Keeper(settings)
        self._metrics = Metrics(state, self._keeper, settings.model)
        self._access = AccessControl(settings.allowed_hosts, settings.api_keys, self._metrics.key_used)
        self._app = self._waiting = create_app(settings, state, self._metrics, None, self._lifespan)

    def serve(self, served: Served) -> None:
        """Answer with this version from now on."""
        answering = Answering(self._settings, served, self._keeper, self._metrics, self._alone)
        self._app = create_app(self._settings, self._state, self._metrics, answering)
        self._state.served = served
        self._state.refused = None

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._keeper.start()
        async with self._follow():
            yield
        await run_in_threadpool(self._keeper.stop)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the process's life."""
        if scope["type"] != "http":
            await self._waiting(scope, receive, send)
            return
        began, status = time.perf_counter(), GONE

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._access.problem(scope)
            await (self._app if refusal is None else refusal.response)(scope, receive, sent)
        finally:
            route = scope["path"] if scope["path"] in PREDICTING else getattr(scope.get("route"), "path", OTHER)
            self._metrics.answered(route, status, time.perf_counter() - began)


def create_app(
    settings: Settings,
    state: State,
    metrics: Metrics,
    serving: Answering | None,
    lifespan: Lifespan[FastAPI] | None = None,
) -> ASGIApp:
    """The application of a version; without one all but what tells how the process does is answered by 503."""
    description = f"{settings.model}: no version is loaded yet."
    if serving is not None:
        description = (
            f"Predictions of {serving.served.model.output} by version {serving.ref.version} of {settings.model}. "
            "Inputs and answers are the version's own."
        )
    app = FastAPI(
        title="Relevo's inference API",
        description=description,
        version="0.1.0",
        lifespan=lifespan,
        redoc_url=None,
        exception_handlers=handlers(serving.rows.names if serving else ()),
    )
    app.router.route_class = JsonRoute
    fast = _predict(app, settings, serving) if serving else {}
    app.include_router(open_inference.routes(serving, REFUSALS))

    @app.get("/model", summary="what is served, and what the registry says")
    async def model() -> schema.ModelStatus:
        pinned = settings.version
        return schema.ModelStatus(
            serving=state.served.ref(settings.model) if state.served else None,
            model=settings.model,
            follows=f"alias {settings.alias}" if pinned is None else f"version {pinned}",
            refused=state.refused,
            registry=state.registry,
        )

    @app.get("/healthz", summary="is the process alive")
    async def healthz() -> dict[Literal["status"], str]:
        return {"status": "ok"}

    @app.get("/metrics", summary="figures for Prometheus", response_class=Response, responses={200: TEXT})
    async def figures() -> Response:
        return Response(await run_in_threadpool(metrics.text), media_type=CONTENT_TYPE_LATEST)

    @app.get("/readyz", summary="can it predict", responses={503: REFUSALS[503]})
    async def readyz() -> schema.Ready:
        if serving is None:
            raise Refusal(503, state.not_ready())
        return schema.Ready(version=serving.ref.version)

    if serving is None:

        @app.api_route("/{path:path}", methods=["GET", "POST"], include_in_schema=False)
        async def away() -> None:
            raise Refusal(503, state.not_ready())

    hot = FastPath(app, fast) if settings.fast_path else app
    columns = len(serving.rows.names) if serving else 0
    return BodyLimit(hot, settings.max_body_bytes, settings.body_seconds, settings.max_rows, columns)


def _predict(app: FastAPI, settings: Settings, serving: Answering) -> Mapping[str, Answer]:
    """Add the routes that predict; returns how the hot ones answer a body without FastAPI."""
    model = serving.served.model
    examples = [
        {name: as_json(value) for name, value in row.items() if value is not None} for row in model.examples[:EXAMPLES]
    ]
    columns = list(dict.fromkeys(name for record in examples for name in record))
    split = {"columns": columns, "data": [[record.get(name) for name in columns] for record in examples]}
    rows = {"one row": {"instances": examples[:1]}, "several rows": {"instances": examples}}
    tables = {"dataframe_records": {"dataframe_records": examples}, "dataframe_split": {"dataframe_split": split}}

    def request(name: str, most: int) -> Any:
        instances: Any = (serving.rows.many(most), ...)
        return create_model(name, __doc__="The rows.", __config__=ConfigDict(extra="forbid"), instances=instances)

    def shown(kind: Any, values: Mapping[str, Any]) -> Any:
        return Annotated[kind, Body(openapi_examples={name: {"value": values[name]} for name in values if examples})]

    of_rows = request("PredictRequest", settings.max_rows)
    predict_request: Any = shown(of_rows, rows)
    explain_request: Any = shown(request("ExplainRequest", settings.max_explained), rows)
    invocations_request: Any = shown(InvocationsRequest, tables)
    predictions, invoked = schema.answers_of(model.dtype.kind, single=model.single)

    @app.post("/predict", summary="predict rows", response_model=predictions, responses=REFUSALS)
    async def predict(asked: predict_request) -> Response:
        return _json(await serving.predict(asked.instances))

    @app.post("/explain", summary="why", response_model=schema.ExplainResponse, responses=REFUSALS)
    async def explain(asked: explain_request) -> Response:
        """Why rows are predicted as they are: Shapley values of the columns, in the prediction's unit."""
        return _json(await serving.explain(asked.instances))

    @app.post("/invocations", summary="predict a table", response_model=invoked, responses=REFUSALS)
    async def invocations(asked: invocations_request) -> Response:
        """Predict rows, asked as MLflow's clients ask."""
        return _json(await serving.invocations(_rows(serving, asked)))

    def hot_predict(body: bytes) -> Awaitable[bytes]:
        return serving.predict(of_rows.model_validate(parsed(body, numbers_alone=True)).instances)

    def hot_invocations(body: bytes) -> Awaitable[bytes]:
        asked = InvocationsRequest.model_validate(parsed(body, numbers_alone=False))
        return serving.invocations(_rows(serving, asked))

    return {"/predict": hot_predict, "/invocations": hot_invocations}


def _rows(serving: Answering, asked: InvocationsRequest) -> list[Understood]:
    return serving.rows.of(*records_of(asked, serving.rows.names))
