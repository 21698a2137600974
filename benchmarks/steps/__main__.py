"""What collect, clean and decide of batch 100 cost beside those of batch 1, on real servers: `make bench-steps`.

Two systems of their own (PostgreSQL, S3, MLflow) get the same batches, all of the same number of rows drawn alike from
the same listings, so that only what was collected before can make a step dearer. One is fed a hundred batches first;
then the two take turns, one batch each. So a busy moment of the machine meets both, which a slope along one long run
would take for growth. In each, a version is trained on batch 1 and promoted, so that decide has a champion to judge by;
batch 1 itself is not measured, for it has none.

A step is run in this process (its start, half a second, would hide what grows), settings and connections made anew. The
last batches run as real processes, which shows what a start adds.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import boto3

from benchmarks.steps.source import GROUP, bodies, read_listings, serving
from relevo_contract.settings import read
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_jobs.cli import STEPS
from relevo_jobs.errors import SettingsError

MEASURED = ("collect", "clean", "decide")
SLOPE = 0.02
PROCESSES = 3
BUCKET = "relevo"
Env = dict[str, str]


@contextmanager
def system(folder: Path, answers: Sequence[bytes]) -> Iterator[Env]:
    """PostgreSQL, S3, MLflow and a source; yields the environment of a step."""
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
            "RELEVO_SOURCE_URL": stack.enter_context(serving(answers)),
            "RELEVO_RAW_URL": postgres.url("raw"),
            "RELEVO_CLEAN_URL": postgres.url("clean"),
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_TERMINATION_LOG": str(folder / "none"),
            "MLFLOW_TRACKING_URI": mlflow.url,
        }


def here(step: str, env: Env) -> float:
    """Seconds of a step in this process."""
    os.environ.update(env)
    boto3.setup_default_session()  # the one before keeps the other system's keys
    run = importlib.import_module(STEPS[step].module).run
    began = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()):
        run(read(STEPS[step].settings, SettingsError))
    return time.perf_counter() - began


def process(step: str, env: Env) -> float:
    """Seconds of a step as a process. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "relevo_jobs.cli", step],
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 99}:
        raise RuntimeError(f"{step} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def take_turns(young: Env, old: Env, turns: int) -> dict[str, list[tuple[float, float]]]:
    """By step the seconds of the young and the old system, one pair a turn; they take turns in going first, too."""
    pairs: dict[str, list[tuple[float, float]]] = {step: [] for step in MEASURED}
    for turn in range(turns):
        for step in MEASURED:
            order = (young, old) if turn % 2 else (old, young)
            first, second = (here(step, env) for env in order)
            pairs[step].append((first, second) if turn % 2 else (second, first))
    return pairs


def table(
    pairs: Mapping[str, Sequence[tuple[float, float]]], started: Mapping[str, Sequence[float]], batches: int, rows: int
) -> bool:
    """Print the table; True if every slope holds."""
    turns = len(pairs["collect"])
    print(f"\n{rows:,} rows a batch; milliseconds, medians of {turns} turns\n")
    young, old = f"batch 2-{turns + 1}", f"batch {batches + 1}-{batches + turns}"
    print(f"{'step':8} {young:>12} {old:>14} {'ratio':>7} {'quartiles':>13} {'slope a batch':>14} {'as a process':>13}")
    holds = True
    for step, taken in pairs.items():
        first, last = (statistics.median(side) * 1000 for side in zip(*taken, strict=True))
        low, ratio, high = statistics.quantiles([b / a for a, b in taken], n=4)
        slope = (ratio - 1) / (batches - 1)
        holds = holds and slope <= SLOPE
        whole = statistics.median(started[step]) * 1000
        between = f"{low:.2f}-{high:.2f}"
        print(f"{step:8} {first:12.0f} {last:14.0f} {ratio:7.2f} {between:>13} {slope:14.2%} {whole:13.0f}")
    print(f"\nbound: a slope of at most {SLOPE:.0%} a batch: {'holds' if holds else 'BROKEN'}")
    return holds


def main() -> int:
    """Measure; 1 if the bound is broken."""
    parser = argparse.ArgumentParser(prog="bench-steps", description="what a batch costs, whatever came before it")
    parser.add_argument("--data", type=Path, help="the listings as CSV; made-up ones without")
    parser.add_argument("--batches", type=int, default=100, help="batches of the old system (default %(default)s)")
    parser.add_argument("--turns", type=int, default=15, help="batches measured of each (default %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000, help="rows a batch (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default %(default)s)")
    given = parser.parse_args()
    if given.batches < 2 or given.turns < 2:
        parser.error("expected at least 2 --batches and 2 --turns")
    count = given.batches + given.turns + PROCESSES
    answers = bodies(read_listings(given.data, given.seed), count, given.rows, given.seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        system(Path(folder) / "young", answers) as young,
        system(Path(folder) / "old", answers) as old,
    ):
        for env in (young, old):
            for step in (*MEASURED, "train", "promote"):
                process(step, env)
        for number in range(2, given.batches + 1):  # this loads the libraries, too
            for step in MEASURED:
                here(step, old)
            if number % 20 == 0:
                print(f"batch {number} of {given.batches}", file=sys.stderr, flush=True)
        pairs = take_turns(young, old, given.turns)
        started = {step: [0.0] * PROCESSES for step in MEASURED}
        for turn in range(PROCESSES):
            for step in MEASURED:
                started[step][turn] = process(step, old)
    return 0 if table(pairs, started, given.batches, given.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
