"""The data source's contract over HTTP.

Each request of a group moves its count on by one, and the answer depends on the count alone: the same count, the same
bytes. The texts are the course server's own, in Spanish.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, Field

from relevo_demo.source.door import Door

EXHAUSTED: Final = "Ya se recolectó toda la información mínima necesaria"
BAD_GROUP: Final = "Número de grupo inválido"
"""Of a bad day as well."""
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GROUPS: Final = range(1, 11)
TIMEOUT_SECONDS: Final = 3600.0
"""How long a request that is told to time out is kept waiting."""


Group = Annotated[int, Query(description="1 to 10")]
Day = Annotated[str, Query(description="Monday to Sunday")]


Batches = Sequence[Sequence[str]]
"""Each a sequence of rows as JSON objects; a batch may be made only when it is asked for."""


class Misbehaviour(StrEnum):
    """What the source can be told to do wrong; the count moves on as with a right answer, unless it says not."""

    TIMEOUT = "timeout"
    """The answer never arrives."""
    ERROR = "error"
    """HTTP 500; the count does not move."""
    CUT = "cut"
    """The connection ends in mid-body."""
    SHORT = "short"
    """Half the body arrives, as if it were whole."""
    REPEAT = "repeat"
    """The batch before is answered again; the count does not move."""
    LOST = "lost"
    """The count moves on and the connection ends without an answer."""
    HTML = "html"
    """A page instead of JSON, as a proxy in trouble answers; the count does not move."""
    EXTRA_COLUMN = "extra_column"
    """Every row has a column more."""
    LOST_COLUMN = "lost_column"
    """No row has `house_size`."""


class Order(BaseModel):
    """What to do wrong, and how many times."""

    what: Misbehaviour
    times: int = Field(default=1, ge=1, le=1000)


class Exhausted(Exception):
    """The group has all there is."""


@dataclass
class Counts:
    """What the source keeps between requests."""

    given: Counter[int] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    orders: list[Misbehaviour] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, group: int, batches: int) -> tuple[int, Misbehaviour | None]:
        """The number to answer and what to do wrong with it. Raises Exhausted."""
        with self.lock:
            self.requests["/data"] += 1
            order = self.orders.pop(0) if self.orders else None
            number = self.given[group] + 1
            if order is Misbehaviour.REPEAT and number > 1:
                return number - 1, order
            if order in {Misbehaviour.ERROR, Misbehaviour.HTML}:
                return number, order
            if number > batches:
                raise Exhausted
            self.given[group] = number
            return number, order

    def restart(self, group: int) -> None:
        """Start the group's count over."""
        with self.lock:
            self.requests["/restart_data_generation"] += 1
            self.given[group] = 0

    def metrics(self) -> str:
        """Prometheus' text format."""
        with self.lock:
            lines = ["# HELP source_requests_total Requests by path.", "# TYPE source_requests_total counter"]
            lines += [f'source_requests_total{{path="{path}"}} {n}' for path, n in sorted(self.requests.items())]
            lines += ["# HELP source_batch The group's count.", "# TYPE source_batch gauge"]
            lines += [f'source_batch{{group="{group}"}} {n}' for group, n in sorted(self.given.items())]
        return "\n".join(lines) + "\n"


def body(group: int, day: str, number: int, rows: Sequence[str]) -> bytes:
    """The answer's bytes: rows are JSON objects already."""
    head = json.dumps({"group_number": group, "day": day, "batch_number": number}, ensure_ascii=False)
    return f'{head[:-1]}, "data": [{", ".join(rows)}]}}'.encode()


def delay(number: int, longest: float) -> float:
    """Seconds that the batch of this number takes: different from batch to batch, the same for the same batch."""
    return longest * int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:2]) / 65535


def _changed(rows: Sequence[str], change: Callable[[dict[str, Any]], None]) -> list[str]:
    told_rows = []
    for row in rows:
        told = json.loads(row)
        change(told)
        told_rows.append(json.dumps(told))
    return told_rows


def _altered(order: Misbehaviour, rows: Sequence[str]) -> Sequence[str]:
    if order is Misbehaviour.EXTRA_COLUMN:
        return _changed(rows, lambda row: row.update(year_built=1990))
    if order is Misbehaviour.LOST_COLUMN:
        return _changed(rows, lambda row: row.pop("house_size", None))
    return rows


async def _broken(content: bytes) -> AsyncIterator[bytes]:
    """The body's beginning under the whole body's length, then the end of the connection."""
    yield content
    raise ConnectionError("told to cut the body")


def expect(group: int, day: str) -> None:
    """Refuse a group or a day that does not exist."""
    if group not in GROUPS or day not in DAYS:
        raise HTTPException(400, BAD_GROUP)


async def answer(group: int, day: str, number: int, rows: Sequence[str], order: Misbehaviour | None) -> Response:
    """The answer of a batch, or what was ordered in its place."""
    if order is Misbehaviour.ERROR:
        raise HTTPException(500, "told to fail")
    if order is Misbehaviour.HTML:
        return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", media_type="text/html")
    if order is Misbehaviour.TIMEOUT:
        await asyncio.sleep(TIMEOUT_SECONDS)
    content = body(group, day, number, rows if order is None else _altered(order, rows))
    if order is Misbehaviour.SHORT:
        return Response(content[: len(content) // 2], media_type="application/json")
    if order in {Misbehaviour.CUT, Misbehaviour.LOST}:
        sent = content[: len(content) // 2] if order is Misbehaviour.CUT else b""
        headers = {"content-length": str(len(content))}
        return StreamingResponse(_broken(sent), media_type="application/json", headers=headers)
    return Response(content, media_type="application/json")


def create(
    batches: Batches, *, longest_delay: float = 0.0, allow_misbehaviour: bool = False, names: Iterable[str] = ()
) -> FastAPI:
    """The server of these batches. `longest_delay` in seconds; `names` by which it is asked, beside its addresses."""
    app = FastAPI(
        title="Relevo's data source",
        description="One batch of house listings per request; the count of your group moves on with each.",
    )
    app.add_middleware(Door, names=tuple(names))
    counts = Counts()

    @app.get("/")
    def root() -> dict[str, str]:
        """What this is."""
        return {"name": "Relevo's data source", "docs": "/docs"}

    @app.get("/health")
    def health() -> dict[str, str]:
        """Alive."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> str:
        """Prometheus' text format."""
        return counts.metrics()

    @app.get("/data", response_class=Response)
    async def data(group_number: Group, day: Day = "Wednesday") -> Response:
        """The next batch of a group."""
        expect(group_number, day)
        try:
            number, order = counts.take(group_number, len(batches))
        except Exhausted:
            raise HTTPException(400, EXHAUSTED) from None
        await asyncio.sleep(delay(number, longest_delay))
        rows = await asyncio.to_thread(lambda: batches[min(number, len(batches)) - 1])
        return await answer(group_number, day, number, rows, order)

    @app.get("/restart_data_generation")
    def restart(group_number: Group, day: Day = "Wednesday") -> dict[str, bool]:
        """Start the group's count over."""
        expect(group_number, day)
        counts.restart(group_number)
        return {"ok": True}

    if allow_misbehaviour:

        @app.post("/misbehave")
        def misbehave(order: Order) -> dict[str, int]:
            """Do this wrong at the next requests for data; for tests."""
            with counts.lock:
                counts.orders += [order.what] * order.times
                return {"waiting": len(counts.orders)}

    return app
