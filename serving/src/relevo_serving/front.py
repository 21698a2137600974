"""What stands before FastAPI: it answers what is asked thousands of times a second, and counts every answer.

FastAPI describes all routes and answers the others. For one house its way to a route and back takes longer than pricing
does (benchmarks/serving), so `POST` to a route of `answers` goes straight to what answers it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from relevo_serving.awake import Awake
from relevo_serving.metrics import Figures
from relevo_serving.requests import Refusal
from relevo_serving.schema import Problem
from relevo_serving.settings import Settings

log = logging.getLogger("relevo.serving")
JSON: Final = (b"content-type", b"application/json")
OTHER: Final = "other"
"""The route of whatever is no route: a label for each would be a label for anything."""

Answer = Callable[[bytes], Awaitable[bytes]]
"""From a request's body to its answer's. Raises Refusal."""


class Gone(Exception):
    """The client left before its request was whole."""


class Front:
    """The ASGI application that is served."""

    def __init__(
        self,
        app: ASGIApp,
        answers: Mapping[str, Answer],
        routes: frozenset[str],
        settings: Settings,
        *,
        figures: Figures,
        awake: Awake,
    ) -> None:
        self._app, self._answers, self._routes = app, answers, routes
        self._settings, self._figures, self._awake = settings, figures, awake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the process's life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        path: str = scope["path"]
        answer = self._answers.get(path) if scope["method"] == "POST" else None
        if answer is not None:
            status = await self._answer(answer, receive, send)
            self._awake.stay()
        else:
            status = await self._pass_on(scope, receive, send)
        self._figures.answered(path if path in self._routes else OTHER, status, time.perf_counter() - began)

    async def _answer(self, answer: Answer, receive: Receive, send: Send) -> int:
        status = 200
        try:
            body = await answer(await self._body(receive))
        except Refusal as refusal:
            status, body = refusal.status, refusal.problem.model_dump_json().encode()
        except Gone:
            return 499  # nobody reads an answer; the number is the one that proxies log
        except Exception:  # nobody foresaw it: a client is told no more than that
            log.exception("request_failed")
            status, body = 500, Problem(error="the inference API failed; its log says why").model_dump_json().encode()
        headers = [JSON, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return status

    async def _body(self, receive: Receive) -> bytes:
        """The request's body; raises Refusal as soon as it is too long or too late, whatever its headers say."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):  # nearly always it is there at once
            body: bytes = message["body"]
            self._expect_short(len(body))
            return body
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                return await self._parts(message, receive)
        except TimeoutError:
            waited = self._settings.body_seconds
            raise Refusal(408, f"expected the body within {waited:g} s, it is still arriving") from None

    async def _parts(self, message: Message, receive: Receive) -> bytes:
        body = bytearray()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            self._expect_short(len(body))
            if not message.get("more_body"):
                return bytes(body)
            message = await receive()
        raise Gone

    def _expect_short(self, size: int) -> None:
        most = self._settings.max_body_bytes
        if size > most:
            raise Refusal(413, f"expected a body of at most {most} bytes, got more: send it in parts")

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, sent)
        return status
