"""A Dask cluster of the user's: the one place that speaks to its scheduler, and turns its errors into the step's.

XGBoost's workers find each other by its own tracker and collective. `xgboost.dask` does the same for data frames, which
bring pyarrow's 156 MB, and its lock on the workers outlives a step that is killed: the next one would wait for ever.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import distributed
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError
from xgboost.collective import CommunicatorContext
from xgboost.core import XGBoostError
from xgboost.tracker import RabitTracker

import relevo_contract
import relevo_jobs
from relevo_jobs.errors import SettingsError, StepError, Unavailable

CONNECT: Final = 10
"""Seconds until the scheduler must have answered."""
WORKERS: Final = 30
"""Seconds until it must have a worker."""
LOOK: Final = 3
"""Seconds between two looks whether the workers are there."""
BOOTSTRAP: Final = 60
"""Seconds until all workers have come together, or none trains."""
SILENCE: Final = 900
"""Seconds that a worker waits for another one's part (XGBoost: 1800). One that dies is noticed at once, for the kernel
closes its connections; a machine that vanishes is not."""
PACKAGES: Final = ("numpy", "onnxruntime", "pandas", "psycopg", "scikit-learn", "xgboost-cpu")
"""Whose releases must be the same; Dask compares its own."""
LOCK: Final = "relevo-training"
AGAIN: Final = "nothing was registered, run this step again"


@dataclass(frozen=True)
class Cluster:
    """Workers, by address, each with a part of something of its own, which lies here or there: what `fitting` takes."""

    client: distributed.Client
    workers: Sequence[str]
    threads: int
    """Of each worker's booster."""
    parts: Sequence[Any] = ()
    boosters = 1

    def holding(self, parts: Sequence[Any]) -> Cluster:
        """The first workers, each with one of these parts."""
        return replace(self, workers=self.workers[: len(parts)], parts=parts)

    def made(self, function: Callable[..., Any], *given: Any) -> Cluster:
        """The same workers, each holding what `function(part, number, *given)` makes of its part."""
        (shared,) = self.client.scatter([given], hash=False)
        made = [
            self.client.submit(_call, function, part, number, shared, pure=False, workers=[worker])
            for number, (worker, part) in enumerate(zip(self.workers, self.parts, strict=True))
        ]
        self._wait(made)
        return self.holding(made)

    def each(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        """Call `function(part, number, *given)` on each worker, and bring here what it returns."""
        return list(self.client.gather(self.made(function, *given).parts))

    def expect_same(self, function: Callable[..., dict[str, str]]) -> None:
        """Raise SettingsError unless each worker finds by `function(part, number)` what this process finds."""
        ours = function(self.parts[0], 0)
        for worker, theirs in zip(self.workers, self.each(function), strict=True):
            if differing := sorted(name for name, found in ours.items() if theirs[name] != found):
                name = differing[0]
                raise SettingsError(
                    f"expected Dask's workers (RELEVO_DASK) to have the {name} that this step has, {ours[name]}, "
                    f"{worker} has {theirs[name]}: run them from the same relevo/jobs image as this step, and give "
                    "them the same RELEVO_CLEAN_URL"
                )

    def together(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        """The same on all workers at once, in one of XGBoost's collectives."""
        # Whoever takes its place must not wait for one that is busy with what a killed step has left.
        first, *_ = self.each(_address)
        (tracker,) = self.holding([first]).each(_start_tracker, len(self.workers))
        return self.each(partial(_in_place, function, tracker), *given)

    def _wait(self, futures: Sequence[distributed.Future[Any]]) -> None:
        """Raise what the first that failed raised, and Unavailable if a worker is gone: its task waits for ever."""
        waiting = set(futures)
        while waiting:
            if missing := set(self.workers).difference(self.client.nthreads()):
                raise Unavailable(
                    f"the Dask worker {min(missing)} went away during the training: {AGAIN}, the workers that are "
                    "left will do; if it ran out of memory, give the workers more of it, or have more of them"
                )
            with suppress(TimeoutError):
                done, _ = distributed.wait(waiting, timeout=LOOK, return_when="FIRST_COMPLETED")
                for future in done:
                    if future.status != "finished":
                        future.result()  # raises
                waiting -= done


def release() -> dict[str, str]:
    """What this process is made of, by name."""
    return {name: metadata.version(name) for name in PACKAGES} | {"code of Relevo's": _code()}


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for package in (relevo_contract, relevo_jobs):
        for folder in package.__path__:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _call(function: Callable[..., Any], part: Any, number: int, given: Sequence[Any]) -> Any:
    return function(part, number, *given)


def _address(_: Any, __: int) -> str:
    """Where this worker is, which has a thread to spare."""
    return str(distributed.get_worker().address)


def _start_tracker(address: str, _: int, workers: int) -> dict[str, Any]:
    """Start a tracker on this worker, at the host that the others reach it by; what they need to find it."""
    host = urlsplit(address).hostname
    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task", timeout=BOOTSTRAP)
    tracker.start()

    def wait() -> None:
        with suppress(XGBoostError):  # the workers say themselves what went wrong
            tracker.wait_for()

    threading.Thread(target=wait, daemon=True).start()
    return dict(tracker.worker_args())


def _in_place(function: Callable[..., Any], tracker: Mapping[str, Any], part: Any, number: int, *given: Any) -> Any:
    # The rank is that of the number, so that the same workers give the same model.
    with CommunicatorContext(**tracker, dmlc_task_id=f"relevo-{number:05}", dmlc_timeout=SILENCE):
        return function(part, number, *given)


@contextmanager
def connected(address: str, threads: int) -> Iterator[Cluster]:
    """The cluster of a scheduler, for one training at a time: another step waits until this one has ended.

    `threads` 0 takes all that each worker has. Raises SettingsError if it is not one of ours, Unavailable if it is away
    or fails.
    """
    where = f"the Dask cluster at {address} (RELEVO_DASK)"
    try:
        with ExitStack() as stack:
            client = _client(address)
            stack.callback(client.close, timeout=5)
            client.wait_for_workers(1, timeout=WORKERS)
            try:
                client.get_versions(check=True)
            except ValueError as error:
                raise SettingsError(
                    f"expected {where} to have this step's versions, got: {error}\nrun its scheduler and workers from "
                    "the same relevo/jobs image as this step"
                ) from error
            # A lease, which Dask takes back from a step that was killed.
            stack.enter_context(distributed.Lock(LOCK, scheduler_rpc=client.scheduler, loop=client.loop))
            found = client.nthreads()
            yield Cluster(client, sorted(found), threads or min(found.values()))
    except StepError:
        raise
    except KilledWorker as error:
        raise Unavailable(
            f"expected the workers of {where} to carry the training, {error.allowed_failures + 1} died in the same "
            f"task, most likely for want of memory: give them more of it, or more of them; {AGAIN}"
        ) from error
    except (
        XGBoostError,
        NoValidWorkerError,
        distributed.client.FutureCancelledError,
        distributed.client.FuturesCancelledError,
        CommClosedError,
        ConnectionError,
        TimeoutError,
    ) as error:
        raise Unavailable(
            f"expected {where} to have workers that train together to the end, got: {_said(error)}; most likely there "
            f"are none, or one of them went away or cannot be reached by the others; {AGAIN}"
        ) from error


def _client(address: str) -> distributed.Client:
    try:
        return distributed.Client(address, timeout=CONNECT)
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            f"expected a Dask scheduler at {address} (RELEVO_DASK), got: {_said(error)}; bring it up; {AGAIN}"
        ) from error
    except (ValueError, TypeError, RuntimeError) as error:
        raise SettingsError(
            f"RELEVO_DASK: expected the address of a Dask scheduler, and for tls:// its certificates in Dask's "
            f"configuration (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others), got {address}: {_said(error)}"
        ) from error


def _said(error: BaseException) -> str:
    """Its words on one line, without XGBoost's stack trace."""
    words = " ".join(str(error).partition("Stack trace:")[0].split())
    return words[:300] or type(error).__name__
