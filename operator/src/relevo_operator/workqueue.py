"""Which object is to be looked at next: each once at a time, however often it was named meanwhile.

What is urgent goes first: after a restart a thousand objects wait to be looked at, and a promotion does not wait for
them.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from contextlib import suppress
from typing import Final

Key = tuple[str, str]
"""Namespace and name."""
_LONGEST_BACKOFF: Final = 60.0
_URGENT, _USUAL, _NEVER = range(3)


class WorkQueue:
    """Keys to be worked on. A key named while somebody works on it comes again once they are done."""

    def __init__(self) -> None:
        self._waiting: asyncio.PriorityQueue[tuple[int, int, Key]] = asyncio.PriorityQueue()
        self._queued: dict[Key, int] = {}
        """Those that wait and how urgently. One that became urgent later waits twice, of which this one counts."""
        self._at_work: set[Key] = set()
        self._again: dict[Key, int] = {}
        self._failures: dict[Key, int] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._order = itertools.count()
        self._earlier = asyncio.Event()

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Name a key; an urgent one is taken before those that are not."""
        self._add(key, _URGENT if urgent else _USUAL)

    def _add(self, key: Key, rank: int) -> None:
        if key in self._at_work:
            self._again[key] = min(rank, self._again.get(key, _NEVER))
        elif rank < self._queued.get(key, _NEVER):
            self._queued[key] = rank
            self._waiting.put_nowait((rank, next(self._order), key))

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
        while True:
            rank, _, key = await self._waiting.get()
            if self._queued.get(key) == rank:  # else it became urgent after this, and was taken before
                del self._queued[key]
                self._at_work.add(key)
                return key

    def done(self, key: Key) -> None:
        """A worker is finished with the key."""
        self._at_work.discard(key)
        if key in self._again:
            self._add(key, self._again.pop(key))

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
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):  # Python 3.11's wait_for may lose a cancellation
                    await self._earlier.wait()
