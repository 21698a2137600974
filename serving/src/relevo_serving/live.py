"""How far what is asked is from what the version was trained on: the newest houses against its profile."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from relevo_contract.drift import evidence
from relevo_contract.listing import House, columns_of
from relevo_contract.record import ColumnEvidence
from relevo_serving.state import Served

WINDOW: Final = 2000
"""Newest houses looked at."""
FEWEST: Final = 100
"""Below this, distances are noise and are not told."""
FALSE_ALARMS: Final = 0.01
EVERY: Final = 30.0
"""Seconds for which a comparison holds: it takes some tens of milliseconds."""


class Live:
    """The newest houses. They are added from one thread and looked at from another."""

    def __init__(self) -> None:
        self._houses: deque[House] = deque(maxlen=WINDOW)
        self._lock = threading.Lock()
        self._found: tuple[ColumnEvidence, ...] = ()
        self._of: tuple[Served | None, float] = (None, 0.0)

    def add(self, houses: Iterable[House]) -> None:
        """Remember houses that were priced."""
        self._houses.extend(houses)

    def __len__(self) -> int:
        return len(self._houses)

    def evidence(self, served: Served | None) -> tuple[ColumnEvidence, ...]:
        """Each column's distance to the version's training data; empty while there are too few houses."""
        with self._lock:
            of, at = self._of
            if of is not served or time.monotonic() - at > EVERY:
                houses = list(self._houses)  # at one go: nothing is added meanwhile
                self._found = ()
                if served is not None and len(houses) >= FEWEST:
                    self._found = evidence(served.model.profile, columns_of(houses), FALSE_ALARMS)
                self._of = served, time.monotonic()
            return self._found
