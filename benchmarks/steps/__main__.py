"""What collect, clean and decide of batch after batch cost, on real servers: `make bench-steps`.

Every batch has the same number of rows, drawn alike from the same listings, so that only what was collected before can
make a later batch dearer. After batch 1 a version is trained and promoted, so that decide has a champion to judge by.

A step is run in this process (its start, half a second, would hide what grows), settings and connections made anew.
Three more batches run as real processes, which shows what a start adds. The slope is Theil-Sen's (the median of all
pairs' slopes), relative to the median of the first ten batches: a busy moment moves it little. Batch 1 is left out: it
loads the libraries, makes the schemas, and has no champion.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.steps.source import GROUP, bodies, read_listings, serving
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_jobs.cli import STEPS
from relevo_jobs.settings import read

MEASURED = ("collect", "clean", "decide")
SLOPE = 0.02
EDGE = 10
PROCESSES = 3
BUCKET = "relevo"


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL, S3 and MLflow; yields the environment of a step."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        s3 = stack.enter_context(S3Server(folder / "s3"))
        s3.create_bucket(BUCKET)
        env = postgres.env | s3.env
        mlflow = stack.enter_context(
            MlflowServer(folder / "mlflow", backend=postgres.url("metadata"), s3_url=s3.url, bucket=BUCKET, env=env)
        )
        yield {
            **env,
            "RELEVO_GROUP": str(GROUP),
            "RELEVO_RAW_URL": postgres.url("raw"),
            "RELEVO_CLEAN_URL": postgres.url("clean"),
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_TERMINATION_LOG": str(folder / "none"),
            "MLFLOW_TRACKING_URI": mlflow.url,
        }


def here(step: str) -> float:
    """Seconds of a step in this process."""
    run = importlib.import_module(STEPS[step].module).run
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        run(read(STEPS[step].settings))
    return time.perf_counter() - began


def process(step: str, env: Mapping[str, str]) -> float:
    """Seconds of a step as a process. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "relevo_jobs.cli", step], env=dict(env), capture_output=True, text=True, check=False
    )
    if done.returncode not in {0, 99}:
        raise RuntimeError(f"{step} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def slope(seconds: Sequence[float]) -> float:
    """Theil-Sen's slope a batch, relative to the median of the first batches (Sen 1968)."""
    pairs = itertools.combinations(enumerate(seconds), 2)
    return statistics.median((b - a) / (j - i) for (i, a), (j, b) in pairs) / statistics.median(seconds[:EDGE])


def table(seconds: Mapping[str, Sequence[float]], started: Mapping[str, Sequence[float]], rows: int) -> bool:
    """Print the table; True if every slope holds."""
    count = len(seconds["collect"]) + 1
    print(f"\ncollect, clean and decide of batches 2 to {count}, {rows:,} rows each; milliseconds, medians\n")
    head = f"{'step':8} {'first ten':>10} {'last ten':>10} {'last / first':>13} {'slope a batch':>14}"
    print(f"{head} {'as a process':>13}")
    holds = True
    for step, taken in seconds.items():
        first, last = statistics.median(taken[:EDGE]), statistics.median(taken[-EDGE:])
        grows = slope(taken)
        holds = holds and grows <= SLOPE
        whole = statistics.median(started[step]) * 1000
        print(f"{step:8} {first * 1000:10.0f} {last * 1000:10.0f} {last / first:13.2f} {grows:13.2%}  {whole:13.0f}")
    print(f"\nbound: a slope of at most {SLOPE:.0%} a batch: {'holds' if holds else 'BROKEN'}")
    return holds


def main() -> int:
    """Measure; 1 if the bound is broken."""
    parser = argparse.ArgumentParser(prog="bench-steps", description="what each batch costs, whatever came before it")
    parser.add_argument("--data", type=Path, help="the listings as CSV; made-up ones without")
    parser.add_argument("--batches", type=int, default=100, help="batches (default %(default)s, at least 20)")
    parser.add_argument("--rows", type=int, default=1_000, help="rows a batch (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default %(default)s)")
    given = parser.parse_args()
    if given.batches < 2 * EDGE:
        parser.error(f"expected --batches of at least {2 * EDGE}, got {given.batches}")
    answers = bodies(read_listings(given.data, given.seed), given.batches + PROCESSES, given.rows, given.seed)
    seconds: dict[str, list[float]] = {step: [] for step in MEASURED}
    started: dict[str, list[float]] = {step: [] for step in MEASURED}
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as settings, serving(answers) as url:
        os.environ.update(settings | {"RELEVO_SOURCE_URL": url})
        for step in (*MEASURED, "train", "promote"):
            process(step, os.environ)
        for step in MEASURED:  # loads the libraries
            importlib.import_module(STEPS[step].module)
        for number in range(2, given.batches + 1):
            for step in MEASURED:
                seconds[step].append(here(step))
            if number % EDGE == 0:
                print(f"batch {number} of {given.batches}", file=sys.stderr, flush=True)
        for _ in range(PROCESSES):
            for step in MEASURED:
                started[step].append(process(step, os.environ))
    return 0 if table(seconds, started, given.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
