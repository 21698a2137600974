"""A training in one process beside the same on two Dask workers, by rows: seconds and memory. `make bench-dask`.

CLEAN in a PostgreSQL of the benchmark's own is filled with made-up listings. Each training is a process of its own,
without MLflow, which costs both the same: from the first row that is read to the last file of the version that is
written. One process has one thread, as each worker has, and then two, as many as the workers together.

The memory is the most that a process held at once (resident, with its libraries): of the one process; of the step
beside the workers; and of the larger worker.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from relevo_demo.servers import PostgresServer
from tests.jobs.train.on_dask.dask_cluster import Peaks, running
from tests.jobs.train.on_dask.many_listings import fill

WORKERS = 2
MB = 1_000_000


def once(env: Mapping[str, str]) -> dict[str, Any] | None:
    """One training; None if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.dask.once"], env=dict(env), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print("\n".join(done.stderr.strip().splitlines()[-3:]), file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def told(found: dict[str, Any] | None, *more: int) -> str:
    """Cells of the table."""
    if found is None:
        return "| failed | – | – "
    memory = ", ".join(f"{size / MB:,.0f}" for size in (found["memory"], *more))
    return f"| {found['seconds']:,.0f} | {memory} | {found['error']:.4f} "


def on_workers(env: Mapping[str, str], folder: Path, limit: str) -> tuple[dict[str, Any] | None, int]:
    """One training on workers of this limit, and the memory of the larger one."""
    with running(folder, env, WORKERS, limit) as cluster:
        workers = {name: started.pid for name, started in cluster.processes.items() if name.startswith("worker")}
        with Peaks(workers) as peaks:
            found = once({**env, "RELEVO_DASK": cluster.address, "RELEVO_THREADS": "1"})
        if found is None:
            print(cluster.logs(), file=sys.stderr)
    return found, max(peaks.largest.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench-dask", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000, 500_000, 1_000_000])
    parser.add_argument("--memory", default="4GiB", help="Dask's limit of a worker (default %(default)s)")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}; a worker's limit {given.memory}\n")
    head = [
        "listings",
        "1 thread: s",
        "MB",
        "APE",
        "2 threads: s",
        "MB",
        "APE",
        "2 workers: s",
        "MB: step, worker",
        "APE",
    ]
    print(f"| {' | '.join(head)} |")
    print("| --- " * 10 + "|", flush=True)
    with tempfile.TemporaryDirectory() as name, PostgresServer(Path(name) / "postgres") as postgres:
        os.environ.update(postgres.env)
        env = os.environ | {"RELEVO_CLEAN_URL": postgres.url("clean")}
        for rows in given.rows:
            fill(postgres.url("clean"), rows)
            print(f"| {rows:,} ", end="", flush=True)
            for threads in (1, WORKERS):
                print(told(once(env | {"RELEVO_THREADS": str(threads)})), end="", flush=True)
            found, worker = on_workers(env, Path(name) / f"dask-{rows}", given.memory)
            print(f"{told(found, worker)}|", flush=True)


if __name__ == "__main__":
    main()
