"""A Dask cluster of the user's: the one place that speaks to its scheduler, and turns its errors into the step's."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import distributed
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker, NoValidWorkerError
from xgboost.core import XGBoostError

from relevo_jobs.errors import SettingsError, StepError, Unavailable
from relevo_jobs.train.partitioned.collective import Seat, at, start_tracker, together

Future = Any
"""A result that lies on a worker, or will."""

CONNECT: Final = 10
"""Seconds until the scheduler must have answered."""
WORKERS: Final = 30
"""Seconds until it must have a worker, and for which it may have none at all in between."""
LOOK: Final = 3
"""Seconds between two looks whether the workers are there."""
BRANCHES: Final = 2
"""Results added up by one task, which holds them twice meanwhile."""
LOCK: Final = "relevo-training"

AGAIN: Final = "nothing was registered, run this step again"


class Cluster:
    """The workers that are there at the start."""

    def __init__(self, client: distributed.Client, workers: Sequence[str]) -> None:
        self._client, self.workers = client, tuple(workers)

    def submit(
        self, function: Callable[..., Any], *given: Any, on: str | None = None, nowhere_else: bool = False
    ) -> Future:
        """Run it on the cluster, where its data are, or `on` a worker; another takes over if that is gone or late."""
        place: dict[str, Any] = {} if on is None else {"workers": [on], "allow_other_workers": not nowhere_else}
        return self._client.submit(function, *given, pure=False, **place)

    def added(self, add: Callable[[Sequence[Any]], Any], futures: Sequence[Future]) -> Future:
        """All of them, at least one, added up by a tree of tasks, in their order."""
        while True:
            futures = [
                self.submit(add, list(futures[start : start + BRANCHES])) for start in range(0, len(futures), BRANCHES)
            ]
            if len(futures) == 1:
                return futures[0]

    def results(self, futures: Sequence[Future], needed: Collection[str] = ()) -> list[Any]:
        """What they came to, brought here.

        Raises what the first of them raised, and Unavailable if a worker that is `needed` is gone, or all of them.
        """
        waiting, gone = set(futures), 0.0
        while waiting:
            there = self._client.nthreads()
            if missing := set(needed) - set(there):
                raise Unavailable(f"the Dask worker {min(missing)} went away during the training: {AGAIN}")
            gone = 0.0 if there else gone or time.monotonic()
            if gone and time.monotonic() - gone > WORKERS:
                raise Unavailable(
                    f"expected Dask's workers to go on with the training, all of them are gone: {AGAIN} when there are "
                    "workers; if they ran out of memory, give them more of it, or more of them"
                )
            with suppress(TimeoutError):
                done, _ = distributed.wait(waiting, timeout=LOOK, return_when="FIRST_COMPLETED")
                for future in done:
                    if future.status != "finished":
                        future.result()  # raises; the others would be waited for in vain
                waiting -= done
        return list(self._client.gather(list(futures)))

    def result(self, future: Future) -> Any:
        """What one came to."""
        return self.results([future])[0]

    def spread(self, content: Any) -> Future:
        """Content of this process, for the workers."""
        return self._client.scatter(content, hash=False)

    def together(
        self, function: Callable[..., Any], partitions: Mapping[str, Sequence[Future]], threads: int, *given: Any
    ) -> list[Any]:
        """Run `function(partitions, threads, ...)` on all workers at once, in one of XGBoost's collectives.

        `threads` 0 takes what each worker has. One such training at a time in a cluster: two would wait for each
        other's workers. The lock is a lease, which Dask takes back from a step that was killed, after 30 s
        (`distributed.scheduler.locks.lease-timeout`).
        """
        lock = distributed.Lock(LOCK, scheduler_rpc=self._client.scheduler, loop=self._client.loop)
        with lock:
            # Whoever sits down must not wait for one that is gone, or busy with what a killed step has left.
            self.results([self.submit(at, on=w, nowhere_else=True) for w in partitions], needed=partitions)
            first, *_ = partitions
            found_by = self.result(self.submit(start_tracker, len(partitions), on=first, nowhere_else=True))
            seats = [Seat(worker, rank, found_by, threads) for rank, worker in enumerate(partitions)]
            return self.results(
                [
                    self.submit(
                        together,
                        seat,
                        function,
                        list(partitions[seat.worker]),
                        *given,
                        on=seat.worker,
                        nowhere_else=True,
                    )
                    for seat in seats
                ],
                needed=partitions,
            )


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster of a scheduler. Raises SettingsError if it is not one of ours, Unavailable if it is away."""
    with _speaking(address), _client(address) as client:
        try:
            client.wait_for_workers(1, timeout=WORKERS)
        except TimeoutError:
            raise Unavailable(
                f"expected the Dask scheduler at {address} (RELEVO_DASK) to have workers, it has none after {WORKERS} "
                f"s: start some from the relevo/jobs image; {AGAIN}"
            ) from None
        try:
            client.get_versions(check=True)
        except ValueError as error:
            raise SettingsError(
                f"expected the Dask cluster at {address} (RELEVO_DASK) to have this step's versions, got: {error}\n"
                "run its scheduler and workers from the same relevo/jobs image as this step"
            ) from error
        yield Cluster(client, sorted(client.nthreads()))


@contextmanager
def _client(address: str) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(address, timeout=CONNECT)
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            f"expected a Dask scheduler at {address} (RELEVO_DASK), got: {_said(error)}; bring it up; {AGAIN}"
        ) from error
    except (ValueError, TypeError, RuntimeError) as error:
        raise SettingsError(
            f"RELEVO_DASK: expected the address of a Dask scheduler, and for tls:// its certificates in Dask's "
            f"configuration (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others), got {address}: {_said(error)}"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=5)


@contextmanager
def _speaking(address: str) -> Iterator[None]:
    """Turn what Dask and XGBoost raise into the step's errors."""
    where = f"the Dask cluster at {address} (RELEVO_DASK)"
    try:
        yield
    except StepError:
        raise
    except KilledWorker as error:
        raise Unavailable(
            f"expected the workers of {where} to carry the training, {error.allowed_failures + 1} died in the same "
            f"task, {error.task}, most likely for want of memory: give them more of it, or more of them; {AGAIN}"
        ) from error
    except (NoValidWorkerError, distributed.client.FutureCancelledError, distributed.client.FuturesCancelledError) as e:
        raise Unavailable(f"expected {where} to end the training, it gave it up: {_said(e)}; {AGAIN}") from e
    except XGBoostError as error:
        raise Unavailable(
            f"expected the workers of {where} to train together, got: {_said(error)}; most likely one of them went "
            f"away, or cannot be reached by the others; {AGAIN}"
        ) from error
    except (CommClosedError, ConnectionError, TimeoutError) as error:
        raise Unavailable(f"expected {where} to answer, got: {_said(error)}; {AGAIN}") from error


def _said(error: BaseException) -> str:
    """Its words on one line, without XGBoost's stack trace."""
    words = " ".join(str(error).partition("Stack trace:")[0].split())
    return words[:300] or type(error).__name__
