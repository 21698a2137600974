"""What the routes answer of one version: predict, keep, count; the answer may leave once that is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from anyio import CapacityLimiter, to_thread
from pydantic_core import to_json

from relevo_serving.bodies import FEW
from relevo_serving.errors import GraphFailed
from relevo_serving.metrics import Metrics
from relevo_serving.micro_batcher import MicroBatcher
from relevo_serving.predicting import Predicted, explanation, predict_each
from relevo_serving.problems import Refusal, wrong
from relevo_serving.rows import Rows, Understood
from relevo_serving.settings import Settings
from relevo_serving.state import Served
from relevo_serving.storing.keeping import Keeper

INLINE_ROWS: Final = FEW
"""Up to here predicting costs less than handing it to a thread; above, the probes must not wait for it."""
THREADS: Final = 2
"""Threads that work on many rows: each more takes its share of Python's lock from the requests of one row."""
MOST_EXPLAINING: Final = 8
"""Requests for explanations at the same time: each takes a core for up to half a second."""
Asked = Sequence[Understood]


class Outcome(NamedTuple):
    """A request, predicted: its predictions as /predict answers them, its id, and whether it is kept."""

    predicted: Predicted
    json: bytes
    request: bytes
    stored: bool


class Answering:
    """The answers of one version, loaded and tested."""

    def __init__(
        self, settings: Settings, served: Served, keeper: Keeper, metrics: Metrics, alone: Callable[[], bool]
    ) -> None:
        """`alone` tells whether one request is under way and no other."""
        self._keeper, self._metrics, self.served = keeper, metrics, served
        self.rows = Rows(served.model, settings.max_rows)
        self.ref = served.ref(settings.model)
        """How answers name the version."""
        self._ref = self.ref.model_dump_json().encode()
        self._must_keep = settings.spool_full == "refuse" and keeper.spool is not None and served.model.number
        self._threads, self._explaining = CapacityLimiter(THREADS), 0
        self._batcher: MicroBatcher[Asked, Outcome] = MicroBatcher(self._work_here, alone)

    async def predict(self, rows: Asked) -> bytes:
        """POST /predict. Raises Refusal."""
        _, json, request, stored = await self.outcome(rows)
        return b'{"predictions":%b,"model":%b,"request_id":"%b","stored":%b}' % (
            json, self._ref, request, b"true" if stored else b"false",
        )  # fmt: skip

    async def invocations(self, rows: Asked) -> bytes:
        """POST /invocations. Raises Refusal."""
        told = (await self.outcome(rows)).predicted.predictions
        blanked = {row: one["blanked"] for row, one in enumerate(told) if one["blanked"]}
        return _json({"predictions": [one["prediction"] for one in told]} | ({"blanked": blanked} if blanked else {}))

    async def outcome(self, rows: Asked) -> Outcome:
        """Predict and keep; count once the answer left.

        Raises Refusal if the graph cannot take the rows, or they must be kept and there is no room.
        """
        try:
            if len(rows) <= INLINE_ROWS:
                outcome = await self._batcher.do(rows)
            else:
                (outcome,) = outcomes = await to_thread.run_sync(self._work, [rows], limiter=self._threads)
                asyncio.get_running_loop().call_soon(self._count, outcomes)
        except GraphFailed as error:
            raise wrong("", str(error)) from error
        if self._must_keep and not outcome.stored:
            raise Refusal(503, "no room to keep the rows, so they are not predicted: RAW is away; ask again later")
        return outcome

    def _work_here(self, requests: Sequence[Asked]) -> list[Outcome]:
        outcomes = self._work(requests)
        asyncio.get_running_loop().call_soon(self._count, outcomes)  # the answers go first
        return outcomes

    def _work(self, requests: Sequence[Asked]) -> list[Outcome]:
        outcomes = []
        for predicted in predict_each(self.served.model, requests):
            json = _json(predicted.predictions)
            outcomes.append(Outcome(predicted, json, *self._keeper.keep(self.served, predicted.rows, json)))
        return outcomes

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        self._metrics.predicted([one.predicted for one in outcomes if one.stored or not self._must_keep])

    async def explain(self, rows: Asked) -> bytes:
        """POST /explain. Raises Refusal."""
        if self._explaining >= MOST_EXPLAINING:
            raise Refusal(503, f"{MOST_EXPLAINING} requests for explanations are under way: ask again later")
        self._explaining += 1
        try:
            return await to_thread.run_sync(self._explain, rows, limiter=self._threads)
        except GraphFailed as error:
            raise wrong("", str(error)) from error
        finally:
            self._explaining -= 1

    def _explain(self, rows: Asked) -> bytes:
        found = [explanation(self.served.model, row.values) for row in rows]
        return b'{"explanations":%b,"model":%b}' % (_json(found), self._ref)


def _json(value: Any) -> bytes:
    return to_json(value, inf_nan_mode="null")
