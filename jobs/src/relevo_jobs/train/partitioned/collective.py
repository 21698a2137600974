"""XGBoost's workers find each other: a tracker on one of Dask's, and each worker's turn in it.

`xgboost.dask` does the same for data frames, which bring pyarrow's 156 MB; and its lock on the workers outlives a step
that is killed, so that the next one would wait for ever. Here the lock is a lease (`cluster.Cluster.together`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from distributed import get_worker
from xgboost.collective import CommunicatorContext
from xgboost.tracker import RabitTracker

from relevo_jobs.train.partitioned.partition import Partition

Result = TypeVar("Result")
BOOTSTRAP: Final = 60
"""Seconds until all workers have come together, or none trains."""
SILENCE: Final = 900
"""Seconds that a worker waits for another one's part (XGBoost: 1800). One that dies is noticed at once, for the kernel
closes its connections; a machine that vanishes is not."""


def at() -> str:
    """The address of this worker, which has a thread to spare."""
    return str(get_worker().address)


def start_tracker(workers: int) -> dict[str, Any]:
    """Start a tracker on this worker, at the address that the others reach it by; what they need to find it."""
    host = urlsplit(get_worker().address).hostname
    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task", timeout=BOOTSTRAP)
    tracker.start()
    threading.Thread(target=_wait_for, args=(tracker,), daemon=True).start()
    return dict(tracker.worker_args())


def _wait_for(tracker: RabitTracker) -> None:
    """Until all are through; what went wrong, the workers say themselves."""
    with suppress(Exception):
        tracker.wait_for()


class Seat(NamedTuple):
    """A worker among those that train together."""

    worker: str
    """Its address."""
    rank: int
    found_by: Mapping[str, Any]
    """What `start_tracker` said."""
    threads: int
    """For XGBoost; 0 takes what the worker has."""


def together(seat: Seat, function: Callable[..., Result], partitions: Sequence[Partition], *given: Any) -> Result:
    """Run `function(partitions, threads, ...)` on this worker, as one of those that train together."""
    threads = seat.threads or get_worker().state.nthreads
    with CommunicatorContext(**seat.found_by, dmlc_task_id=f"relevo-{seat.rank:05}", dmlc_timeout=SILENCE):
        return function(partitions, threads, *given)
