"""How bodies arrive, within limits, and how they are parsed: by pydantic's parser, which knows no NaN and no half of a
character where JSON has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relevo_serving.problems import Refusal, wrong

SMALL: Final = 65_536
"""Bytes of a body that counts for nothing: as many as there may be connections, they are small all the same."""
HELD: Final = 16 * 2**20
"""Bytes of all the larger bodies that are here at the same time."""
FEW: Final = 16
"""Rows that are read between two other requests; bodies with more take turns."""
TURNS: Final = 4
"""Such bodies that are parsed and answered at the same time: parsed, each is several times as large."""
STRICT: Final = frozenset({"/predict", "/explain"})
"""Routes whose numbers are JSON's alone; clients of the others write NaN where there is nothing, as pandas does."""


def parsed(body: bytes, *, numbers_alone: bool) -> Any:
    """What the body says; with `numbers_alone` NaN and Infinity, which are no JSON, are refused. Raises Refusal."""
    try:
        return from_json(body, allow_inf_nan=not numbers_alone)
    except ValueError as error:
        raise wrong("", f"expected JSON, got something else: {error}") from None


class JsonRequest(Request):
    """A request whose JSON is read by `parsed`."""

    async def json(self) -> Any:
        """The body, once it is whole. Raises Refusal."""
        return parsed(await self.body(), numbers_alone=self.url.path in STRICT)


class JsonRoute(APIRoute):
    """A route of such requests: FastAPI's documented way to a request of one's own."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given such a request."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handler


class BodyLimit:
    """ASGI middleware that hands a request on once its body is whole, as one message, whatever its headers say.

    What a body may cost is bounded before it is parsed: its length, how long it takes to arrive, how many values are in
    it, how many bytes of large bodies are held, and how many of those with many values are worked on.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float, rows: int, columns: int) -> None:
        """`most` is in bytes, `seconds` the longest time for it to arrive; `rows` of so many `columns` may be in it."""
        self._app, self._most, self._seconds = app, most, seconds
        # In the widest of the forms a value has a list of its own, and texts may have commas, too.
        self._few, self._values = ((columns + 2) * 4 * count for count in (FEW, rows))
        self._held = 0
        self._turns = asyncio.Semaphore(TURNS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; nothing is answered to a client that left before its body was whole."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            if not await self._arrived(receive, body):
                return
            many = self._counted(body) > self._few
            message: Message = {"type": "http.request", "body": bytes(body), "more_body": False}
            async with self._turns if many else nullcontext():
                await self._app(scope, once(message, receive), send)
        except Refusal as refusal:  # the application answers its own
            await refusal.response(scope, receive, send)
        finally:
            self._held -= _large(body)

    async def _arrived(self, receive: Receive, body: bytearray) -> bool:
        """Take the body; False if the client left."""
        try:
            async with asyncio.timeout(self._seconds):
                while (message := await receive())["type"] == "http.request":
                    self._add(message.get("body", b""), body)
                    if not message.get("more_body"):
                        return True
        except TimeoutError:
            raise Refusal(408, f"expected the body within {self._seconds:g} s, it is still arriving") from None
        return False

    def _add(self, part: bytes, body: bytearray) -> None:
        if len(body) + len(part) > self._most:
            raise Refusal(413, f"expected a body of at most {self._most} bytes, got more: send it in parts")
        before = _large(body)
        body += part
        self._held += _large(body) - before
        if self._held > HELD and _large(body):
            raise Refusal(503, f"more than {HELD} bytes of large requests are under way: ask again later")

    def _counted(self, body: bytearray) -> int:
        """How many values there are at most. Raises Refusal if no parser should make objects of so many."""
        values = sum(map(body.count, b",{["))
        if values > self._values:
            raise wrong("", f"expected at most {self._values:,} values in a request, got {values:,}: send it in parts")
        return values


def _large(body: bytearray) -> int:
    return len(body) if len(body) > SMALL else 0


def once(message: Message, receive: Receive) -> Receive:
    """A message that was received already, then whatever comes."""
    waiting = [message]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
