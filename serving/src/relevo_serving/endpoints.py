"""What each route answers: bodies in, JSON out, over a State that somebody else keeps current."""

from __future__ import annotations

import asyncio
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


Read = Callable[[bytes, int], list[House]]
"""From a body and the most houses there may be, to the houses. Raises Refusal."""


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
        priced, served, request, stored = await self._price(houses_of, body)
        return b'{"predictions":%b,"model":%b,"request_id":"%b","stored":%b}' % (
            priced.json, self._model(served), request, b"true" if stored else b"false",
        )  # fmt: skip

    async def invocations(self, body: bytes) -> bytes:
        """POST /invocations. Raises Refusal."""
        outcome = await self._price(table_of, body)
        told = outcome.priced.predictions
        blanked = {row: one["blanked"] for row, one in enumerate(told) if one["blanked"]}
        return to_json({"predictions": [one["price"] for one in told]} | ({"blanked": blanked} if blanked else {}))

    async def _price(self, read: Read, body: bytes) -> Outcome:
        """Read, price, keep and count; the answer may leave once this returns."""
        few = read(body, self._settings.max_rows) if len(body) <= INLINE_BYTES else None
        if few is not None and len(few) <= INLINE_ROWS:
            outcome = await self._together.do(self.ready(), few)
        else:
            houses, served, priced = await run_in_threadpool(self._price_many, few or (read, body))
            outcome = self._keep(served, houses, priced)
            asyncio.get_running_loop().call_soon(self._count, houses, outcome)  # the answer goes first
        if self._refused(outcome.stored):
            raise Refusal(
                503, "there is no room to keep the houses, so they are not priced: RAW is away; ask again later"
            )
        return outcome

    def _price_many(self, asked: list[House] | tuple[Read, bytes]) -> tuple[list[House], Served, Priced]:
        if isinstance(asked, tuple):
            read, body = asked
            asked = read(body, self._settings.max_rows)
        served = self.ready()
        return asked, served, price(served.model, asked)

    def _price_each(self, served: Served, requests: Sequence[list[House]]) -> list[Outcome]:
        priced = price_each(served.model, requests)
        outcomes = [self._keep(served, houses, one) for houses, one in zip(requests, priced, strict=True)]
        for houses, outcome in zip(requests, outcomes, strict=True):
            self._count(houses, outcome)
        return outcomes

    def _keep(self, served: Served, houses: list[House], priced: Priced) -> Outcome:
        request, stored = self._keeper.keep(houses, priced, served)
        return Outcome(priced, served, request, stored)

    def _count(self, houses: list[House], outcome: Outcome) -> None:
        if not self._refused(outcome.stored):
            self._figures.priced(outcome.priced.predictions)
            self._live.add(houses)

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
