"""Waiting for servers that are not up yet: an installation starts everything at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from relevo_jobs.errors import Unavailable

PAUSE = 2.0
"""Seconds between two tries."""
REMINDER = 30.0
"""Seconds after which what is waited for is told once more, so that a log shows that it is not stuck."""

Made = TypeVar("Made")


class Patience:
    """So many seconds for all servers together; every try is made again while a server is Unavailable."""

    def __init__(
        self,
        seconds: float,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`say` is told what is waited for, when that changes and every half minute."""
        self._seconds, self._say, self._clock, self._sleep = seconds, say, clock, sleep
        self._until = clock() + seconds

    def until_it_answers(self, what: str, attempt: Callable[[], Made]) -> Made:
        """What the attempt gives. Raises its Unavailable when the time is up, any other error at once."""
        said, said_at = "", 0.0
        while True:
            try:
                return attempt()
            except Unavailable as error:
                left = self._until - self._clock()
                if left <= 0:
                    raise Unavailable(f"{error}; waited {self._seconds:g} s in all (RELEVO_WAIT)") from error
                if str(error) != said or self._clock() - said_at >= REMINDER:
                    said, said_at = str(error), self._clock()
                    self._say(f"waiting for {what}, {left:.0f} s more at most: {error}")
                self._sleep(min(PAUSE, left))
