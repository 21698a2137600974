"""The thread that carries the spool to PostgreSQL, in the order of its records."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Final

from relevo_serving.errors import StoreAway, WrongRecord
from relevo_serving.storing.spool import Segment, Spool
from relevo_serving.storing.store import InferenceStore

log = logging.getLogger("relevo.inferences")
PART: Final = 2**17
"""Bytes carried in one transaction: some hundred requests, which RAW takes over in milliseconds."""
LONGEST_WAIT: Final = 15.0
"""Seconds between two attempts while PostgreSQL is away, after a few that come sooner."""


class Delivery(threading.Thread):
    """Delivers every `seconds`.

    `rows` is how many this process wrote, `refused` the records that PostgreSQL can never take, which are kept in the
    folder's file `refused`, `problem` why nothing is delivered; None if it is.
    """

    def __init__(self, spool: Spool, store: InferenceStore, seconds: float) -> None:
        super().__init__(name="inferences", daemon=True)
        self._spool, self._store, self._seconds = spool, store, seconds
        self._taken: dict[uuid.UUID, int] = {}
        """By segment, the bytes that PostgreSQL has."""
        self._stopping = threading.Event()
        self.rows = self.refused = 0
        self.problem: str | None = None

    def waiting(self) -> int:
        """Bytes that PostgreSQL does not have."""
        return sum(segment.size - self._taken.get(segment.id, 0) for segment in self._spool.segments())

    def stop(self, patience: float) -> int:
        """Deliver what is there, for at most so many seconds; returns the bytes that stay in the folder."""
        ends = time.monotonic() + patience
        self._stopping.set()
        self.join(patience)
        wait = 0.2
        while not self.is_alive() and not self.once(last=True) and time.monotonic() < ends:
            time.sleep(max(0.0, min(wait, ends - time.monotonic())))
            wait = min(wait * 2, LONGEST_WAIT)
        left = self.waiting()
        if not self.is_alive():
            self._store.close()
            self._spool.close()
        return left

    def run(self) -> None:
        """Deliver until stopped."""
        wait = self._seconds
        while not self._stopping.wait(wait):
            wait = self._seconds if self.once() else min(max(wait, 0.5) * 2, LONGEST_WAIT)

    def once(self, *, last: bool = False) -> bool:
        """Deliver all there is; False if it could not be. `last` ends the segment that is being written."""
        if last:
            self._spool.close_segment()
        try:
            # What comes meanwhile waits for the next time: chased, it would be a transaction for every few requests.
            for segment, end in [(segment, segment.size) for segment in self._spool.segments()]:
                self._deliver(segment, end)
        except StoreAway as error:
            problem = str(error)
        except Exception as error:  # whatever it was, the records are in the folder, and the next attempt may do better
            log.exception("delivery_failed")
            problem = f"{type(error).__name__}: {error}"
        else:
            if self.problem is not None:
                log.info("inferences_delivered_again")
            self.problem = None
            return True
        if self.problem != problem:  # once, not at every attempt
            log.warning("inferences_wait", extra={"problem": problem})
        self.problem = problem
        return False

    def _deliver(self, segment: Segment, end: int) -> None:
        if segment.id not in self._taken:  # an earlier process may have delivered some of it
            self._taken[segment.id], _ = self._store.deliver(segment.id, 0, b"")
        while part := self._spool.part(segment, self._taken[segment.id], end, PART):
            began = time.monotonic()
            try:
                self._take_over(segment, part)
            except WrongRecord:
                for record in part.splitlines(keepends=True):
                    try:
                        self._take_over(segment, record)
                    except WrongRecord as error:
                        self._refuse(segment, record, str(error))
            # RAW has as much time for others, and so have requests where it shares their processors.
            self._stopping.wait(time.monotonic() - began)
        if self._taken[segment.id] >= segment.size and self._spool.delivered(segment):
            del self._taken[segment.id]

    def _take_over(self, segment: Segment, part: bytes, *, skip: bool = False) -> None:
        self._taken[segment.id], rows = self._store.deliver(segment.id, self._taken[segment.id], part, skip=skip)
        self.rows += rows

    def _refuse(self, segment: Segment, record: bytes, problem: str) -> None:
        """Keep what PostgreSQL can never take where a person can look at it, and go on with the next."""
        log.error("inference_refused", extra={"problem": problem, "request": record[:36].decode(errors="replace")})
        self._spool.set_aside(record)
        self._take_over(segment, record, skip=True)
        self.refused += 1
