"""Between two requests that follow closely the process stays awake.

A processor that slept wakes with cold caches and forgotten branches: a request then takes half as long again, whatever
it asks. So after an answer the event loop looks for the next request a few times, for some microseconds, before it
sleeps, as KVM does before it halts a processor (Linux, Documentation/virt/kvm/halt-polling.rst). While several requests
are under way it does not sleep anyhow.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Awake:
    """Keeps the running event loop from sleeping for so many seconds after each call; 0 does nothing."""

    def __init__(self, seconds: float, crowd: Callable[[], int]) -> None:
        """`crowd` tells how many requests are under way."""
        self._seconds, self._crowd = seconds, crowd
        self._until = 0.0
        self._looking = False

    def stay(self) -> None:
        """After an answer."""
        if self._seconds and self._crowd() <= 1:
            self._until = time.perf_counter() + self._seconds
            if not self._looking:
                self._looking = True
                asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        if time.perf_counter() < self._until:
            asyncio.get_running_loop().call_soon(self._look)  # the loop looks at its sockets before it calls
        else:
            self._looking = False
