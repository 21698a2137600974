"""Which object is to be looked at next: each once at a time, however often it was named meanwhile."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Final

Key = tuple[str, str]
"""Namespace and name."""
_LONGEST_BACKOFF: Final = 60.0


class WorkQueue:
    """Keys to be worked on. A key named while somebody works on it comes again once they are done."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._at_work: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._order = itertools.count()
        self._earlier = asyncio.Event()

    def add(self, key: Key) -> None:
        """Name a key."""
        if key in self._at_work:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Name a key later; of several times the earliest counts."""
        due = asyncio.get_running_loop().time() + seconds
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._later, (due, next(self._order), key))
            self._earlier.set()

    def failed(self, key: Key) -> float:
        """Name a key again after a failure, later each time; returns in how many seconds."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_LONGEST_BACKOFF, 0.5 * 2 ** (count - 1))
        self.add_after(key, delay)
        return float(delay)

    def succeeded(self, key: Key) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """The next key; call `done` when finished with it."""
        key = await self._waiting.get()
        self._queued.discard(key)
        self._at_work.add(key)
        return key

    def done(self, key: Key) -> None:
        """A worker is finished with the key."""
        self._at_work.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def forget(self, key: Key) -> None:
        """The object is gone."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    async def keep_time(self) -> None:
        """Name what is due, for ever; run it as a task."""
        loop = asyncio.get_running_loop()
        while True:
            while self._later and self._later[0][0] <= loop.time():
                due, _, key = heapq.heappop(self._later)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            self._earlier.clear()
            wait = self._later[0][0] - loop.time() if self._later else None
            try:
                await asyncio.wait_for(self._earlier.wait(), wait)
            except TimeoutError:
                continue
