"""A short way to the hot routes, whose answer takes less than FastAPI's way there and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from relevo_serving.bodies import once
from relevo_serving.problems import Refusal

JSON: Final = (b"content-type", b"application/json")
Answer = Callable[[bytes], Awaitable[bytes]]
"""From a request's body to its answer's; raises ValidationError or Refusal at once if the body is no request."""


class FastPath:
    """ASGI middleware behind BodyLimit: a short way to routes whose answer takes less than FastAPI's way there.

    It answers what is right, by the same functions as the routes do; all else goes to FastAPI, whose routes are the
    truth. `RELEVO_FAST_PATH=false` leaves it out.
    """

    def __init__(self, app: ASGIApp, answers: Mapping[str, Answer]) -> None:
        """`answers` by path."""
        self._app, self._answers = app, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        answer = self._answers.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if answer is None or JSON not in scope["headers"]:
            await self._app(scope, receive, send)
            return
        message = await receive()
        try:
            answering = answer(message["body"])
        except (ValidationError, Refusal):  # which FastAPI tells in detail
            await self._app(scope, once(message, receive), send)
            return
        try:
            body = await answering
        except Refusal as refusal:
            await refusal.response(scope, receive, send)
            return
        headers = [(b"content-length", b"%d" % len(body)), JSON]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
