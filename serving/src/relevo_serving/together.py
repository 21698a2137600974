"""Requests that are there at the same moment are worked on in one go.

The event loop reads on while each of its turns brings others, which it would have to read anyhow, and then all are done
at once: under load that is as many requests as there are busy connections, and a house among eight takes two fifths of
the time of a house alone, for the model is asked once and the code stays warm. Nobody waits for a request that is not
there, and one that is alone goes the straight way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

MOST: Final = 32
"""Requests that are enough to begin."""
Key = TypeVar("Key")
Asked = TypeVar("Asked")
Done = TypeVar("Done")


class Together(Generic[Key, Asked, Done]):
    """Does what is asked with the same key in one call, on the event loop."""

    def __init__(self, work: Callable[[Key, Sequence[Asked]], Sequence[Done]], crowd: Callable[[], int]) -> None:
        """`work` gives one result for each that is asked; `crowd` tells how many requests are under way."""
        self._work, self._crowd = work, crowd
        self._waiting: list[tuple[Key, Asked, asyncio.Future[Done]]] = []

    async def do(self, key: Key, asked: Asked) -> Done:
        """The work's result; raises what the work raises."""
        if self._crowd() <= 1:
            return self._work(key, (asked,))[0]
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._look, loop, 1)  # after the tasks that are ready now
        done: asyncio.Future[Done] = loop.create_future()
        self._waiting.append((key, asked, done))
        return await done

    def _look(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        """Begin, unless this turn of the loop brought others."""
        if seen < len(self._waiting) < MOST:
            loop.call_soon(self._look, loop, len(self._waiting))
        else:
            self._do_all()

    def _do_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            key = waiting[0][0]  # two of them at the moment of a swap
            self._do(key, [one for one in waiting if one[0] is key])
            waiting = [one for one in waiting if one[0] is not key]

    def _do(self, key: Key, now: Sequence[tuple[Key, Asked, asyncio.Future[Done]]]) -> None:
        try:
            found = self._work(key, [asked for _, asked, _ in now])
        except Exception as error:
            for _, _, future in now:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, _, future), done in zip(now, found, strict=True):
            if not future.done():  # its client may have gone
                future.set_result(done)
