"""A step's last resort against a server that takes a connection and then never answers."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from relevo_jobs.errors import DeadlineExceeded


class Deadline:
    """Ends this process `seconds` after it is started, unless `met` was called before.

    A process that waits for a frozen server waits in libpq or in a socket, where an exception raised from outside would
    only start the next wait, for the rollback. So the process ends as if killed, which every step survives by design:
    nothing is half-written and the next run goes on.
    """

    def __init__(self, seconds: float, last_words: Callable[[DeadlineExceeded], int]) -> None:
        """`last_words` says why, wherever the step's outcome goes, and returns the exit code."""
        self._seconds, self._last_words = seconds, last_words
        self._only_one_speaks = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def start(self) -> None:
        """Let the time run."""
        self._timer.start()

    def met(self) -> None:
        """The step has an outcome of its own; the deadline will not speak any more."""
        self._only_one_speaks.acquire()  # never released: if the deadline was first, this process is about to end
        self._timer.cancel()

    def _end(self) -> None:
        if not self._only_one_speaks.acquire(blocking=False):
            return
        code = self._last_words(
            DeadlineExceeded(
                f"expected the step to end within {self._seconds:g} s (RELEVO_DEADLINE), it had not: a server took the "
                "connection and does not answer, or the deadline is too short for this much data; nothing was "
                "half-written, look at PostgreSQL, S3 and MLflow and run this step again"
            )
        )
        sys.stderr.flush()
        os._exit(code)
