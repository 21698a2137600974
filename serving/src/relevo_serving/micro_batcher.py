"""Requests that are there at the same moment are worked on in one go.

Under load that is as many as there are busy connections, and the graph is asked once for all of them. Nobody waits for
a request that is not there: what the event loop has read by the end of its turn is one batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

MOST: Final = 32
"""Requests in one batch: between two the event loop looks at what else there is."""
Asked = TypeVar("Asked")
Done = TypeVar("Done")


class MicroBatcher(Generic[Asked, Done]):
    """Does what is asked in one turn of the event loop in one call."""

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Done]], alone: Callable[[], bool]) -> None:
        """`work` gives one result for each that is asked; `alone` tells whether no other request is under way."""
        self._work, self._alone = work, alone
        self._waiting: list[tuple[Asked, asyncio.Future[Done]]] = []

    async def do(self, asked: Asked) -> Done:
        """The work's result; raises what the work raises."""
        if self._alone():
            return self._work([asked])[0]
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Done] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._begin, loop)  # after the requests that are ready now
        self._waiting.append((asked, done))
        return await done

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            loop.call_soon(self._begin, loop)
        self._run(batch)

    def _run(self, batch: Sequence[tuple[Asked, asyncio.Future[Done]]]) -> None:
        try:
            results = self._work([asked for asked, _ in batch])
        except Exception as error:
            if len(batch) > 1:  # one of them is at fault, the others are not
                for one in batch:
                    self._run([one])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():  # its client may have gone
                done.set_result(result)
