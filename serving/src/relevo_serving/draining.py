"""A server that asks its clients to leave before it closes.

uvicorn closes idle connections as soon as it is told to stop. A client that sends its next request on one at that very
moment loses it, for it cannot know whether the request was read. So for a while every answer says `Connection: close`:
the client then opens its next connection by itself, behind a Service to a pod that stays.
"""

from __future__ import annotations

import time
from typing import Final

import uvicorn

SECONDS: Final = 2.0
"""Longest time to wait for connections to be left; one that is idle for longer is hardly used again at that moment."""
_CLOSE: Final = (b"connection", b"close")


class Server(uvicorn.Server):
    """uvicorn, but told to stop, it says `Connection: close` until all connections are left or SECONDS have passed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ends: float | None = None

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; True ends the serving."""
        if not await super().on_tick(counter):
            return False
        if self._ends is None:
            self._ends = time.monotonic() + SECONDS
            self.config.encoded_headers = [*self.config.encoded_headers, _CLOSE]
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        return self.force_exit or not self.server_state.connections or time.monotonic() >= self._ends
