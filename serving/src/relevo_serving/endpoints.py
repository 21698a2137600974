"""What each route answers: bodies in, JSON out, over a State that somebody else keeps current."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fastapi.concurrency import run_in_threadpool
from pydantic_core import to_json

from relevo_contract.listing import House
from relevo_contract.lookup import FEW
from relevo_serving import schema
from relevo_serving.live import Live
from relevo_serving.metrics import Figures
from relevo_serving.pricing import Priced, explanation, price, price_each
from relevo_serving.requests import Refusal, houses_of, table_of
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State
from relevo_serving.storing.keeping import Keeper
from relevo_serving.together import Together

INLINE_ROWS: Final = FEW
"""Up to here predicting costs less than handing it to a thread; above, the probes must not wait for it."""
INLINE_BYTES: Final = 32_768
"""Up to here a body is read where it arrives, for the same reason."""


class Outcome(NamedTuple):
    """A request, priced."""

    priced: Priced
    served: Served
    request: bytes
    """Its id."""
    stored: bool


class Endpoints:
    """The routes' answers."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        keeper: Keeper,
        *,
        figures: Figures,
        live: Live,
        crowd: Callable[[], int],
    ) -> None:
        """`crowd` tells how many requests are under way."""
        self._settings, self._state, self._keeper = settings, state, keeper
        self._figures, self._live = figures, live
        self._together = Together(self._price_each, crowd)
        self._ref: tuple[Served | None, bytes] = None, b""

    def ready(self) -> Served:
        """What serves. Raises Refusal if nothing does."""
        served = self._state.served
        if served is None:
            raise Refusal(503, self._state.not_ready() or "a version was just loaded: ask again")
        return served

    async def predict(self, body: bytes) -> bytes:
        """POST /predict. Raises Refusal."""
        most = self._settings.max_rows
        houses = houses_of(body, most) if len(body) <= INLINE_BYTES else await run_in_threadpool(houses_of, body, most)
        priced, served, request, stored = await self._price(houses)
        return b'{"predictions":%b,"model":%b,"request_id":"%b","stored":%b}' % (
            priced.json, self._model(served), request, b"true" if stored else b"false",
        )  # fmt: skip

    async def invocations(self, body: bytes) -> bytes:
        """POST /invocations. Raises Refusal."""
        most = self._settings.max_rows
        houses = table_of(body, most) if len(body) <= INLINE_BYTES else await run_in_threadpool(table_of, body, most)
        outcome = await self._price(houses)
        return to_json({"predictions": [told["price"] for told in outcome.priced.predictions]})

    async def _price(self, houses: list[House]) -> Outcome:
        """Price, keep and count; the answer may leave once this returns."""
        served = self.ready()
        if len(houses) <= INLINE_ROWS:
            outcome = await self._together.do(served, houses)
        else:
            outcome = self._keep(served, houses, await run_in_threadpool(price, served.model, houses))
        if self._refused(outcome.stored):
            raise Refusal(
                503, "there is no room to keep the houses, so they are not priced: RAW is away; ask again later"
            )
        return outcome

    def _price_each(self, served: Served, requests: Sequence[list[House]]) -> list[Outcome]:
        priced = price_each(served.model, requests)
        return [self._keep(served, houses, one) for houses, one in zip(requests, priced, strict=True)]

    def _keep(self, served: Served, houses: list[House], priced: Priced) -> Outcome:
        request, stored = self._keeper.keep(houses, priced, served)
        if not self._refused(stored):
            self._figures.priced(priced.predictions)
            self._live.add(houses)
        return Outcome(priced, served, request, stored)

    def _refused(self, stored: bool) -> bool:
        return not stored and self._settings.spool_full == "refuse" and self._keeper.spool is not None

    async def explain(self, body: bytes) -> bytes:
        """POST /explain. Raises Refusal."""
        houses = houses_of(body, self._settings.max_explained)
        served = self.ready()
        return await run_in_threadpool(self._explain, houses, served)

    def _explain(self, houses: list[House], served: Served) -> bytes:
        found = to_json([explanation(served.model, one) for one in served.model.explain(houses)])
        return b'{"explanations":%b,"model":%b}' % (found, self._model(served))

    def _model(self, served: Served) -> bytes:
        """The version as answers name it; made once."""
        of, ref = self._ref
        if of is not served:
            ref = served.ref(self._settings.model).model_dump_json().encode()
            self._ref = served, ref
        return ref

    def status(self) -> schema.ModelStatus:
        """GET /model."""
        settings, state = self._settings, self._state
        served, refused, registry = state.served, state.refused, state.registry
        pinned = settings.version
        return schema.ModelStatus(
            serving=served.ref(settings.model) if served else None,
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
