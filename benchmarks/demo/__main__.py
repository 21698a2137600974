"""The demo as a person runs it, timed from outside: `make bench-demo ARGS="--data FILE.csv"`.

`relevo run use_cases/house-prices --exit` runs as a process on a state folder of its own. When a server was ready, a
step was done or a batch was told is read from what the demo prints and keeps; nothing of it is changed for the
measuring. The limit beside each step is what starting its process alone costs (the interpreter and the step's imports),
measured after the demo in the same run: what the step takes beyond that is its work.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relevo_demo.use_case import HOUSE_PRICES
from relevo_jobs.cli import STEPS

WHOLE = 180.0
FIRST_DECISION = 60.0
STARTS = 3
"""A step's bare start is the median of so many."""
LOOK_EVERY = 0.05
SERVER = re.compile(r"([^,]+?) (\d+\.\d)(?:, |$)")
"""A server's name and seconds, in the line that the demo prints once all are ready."""


@dataclass
class Watched:
    """A demo's end, and when what was seen: seconds since its start."""

    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of processor time, of all its processes together."""
    code: int = 0
    output: list[str] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)


def watch(arguments: Sequence[str], state: Path, said: Path) -> Watched:
    """Run the demo to its end; what it says goes to a file, and is read from there as it comes."""
    watched, began, before = Watched(), time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with said.open("w") as output:
        command = [
            sys.executable,
            "-m",
            "relevo_demo",
            "run",
            str(HOUSE_PRICES),
            "--exit",
            "--state",
            str(state),
            *arguments,
        ]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                _look(watched, state, said, time.monotonic() - began)
                time.sleep(LOOK_EVERY)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    watched.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    watched.seconds, watched.code = time.monotonic() - began, process.returncode
    watched.output = said.read_text().splitlines()
    return watched


def _look(watched: Watched, state: Path, said: Path, now: float) -> None:
    lines = said.read_text()
    for mark, words in {
        "all servers ready": "servers ready",
        "last batch told": "In production:",
    }.items():
        if words in lines:
            watched.marks.setdefault(mark, now)
    story = state / "story.json"
    if story.exists():
        told = json.loads(story.read_text())
        if told["rows"] or "decide" in told["current"]:
            watched.marks.setdefault("first decision", now)
        if told["rows"]:
            watched.marks.setdefault("first batch told", now)


def starts(step: str) -> float:
    """Seconds of a process that only imports what the step imports at its start."""
    code = f"import relevo_jobs.cli, {STEPS[step].module}"
    taken = []
    for _ in range(STARTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def table(watched: Watched, batches: Sequence[dict[str, Any]]) -> bool:
    """Print what was measured; True if the bounds hold."""
    print(f"\n{'batch':>5} {'rows':>6}  " + "".join(f"{step:>9}" for step in STEPS) + f"{'all':>9}")
    for batch in batches:
        taken = batch["step_seconds"]
        cells = "".join(f"{taken[step]:9.2f}" if step in taken else f"{'–':>9}" for step in STEPS)
        print(f"{batch['number']:5} {batch['rows']:6,}  {cells}{sum(taken.values()):9.2f}")
    print(f"\n{'step':18} {'runs':>5} {'median s':>9} {'most s':>7} {'sum s':>7} {'of all':>7} {'bare start s':>13}")
    for step in STEPS:
        taken = [batch["step_seconds"][step] for batch in batches if step in batch["step_seconds"]]
        if taken:
            print(
                f"{step:18} {len(taken):5} {statistics.median(taken):9.2f} {max(taken):7.2f} {sum(taken):7.1f} "
                f"{sum(taken) / watched.seconds:7.0%} {starts(step):13.2f}"
            )
    started = next(line for line in watched.output if line.startswith("servers ready"))
    print(f"\n{'server':20} {'seconds from its start to its first answer':>42}")
    for server, seconds in SERVER.findall(started[started.index("(") + 1 : started.rindex(");")]):
        print(f"{server:20} {float(seconds):42.1f}")
    print(f"\n{'seconds since the start':30}")
    for mark, seconds in sorted(watched.marks.items(), key=lambda item: item[1]):
        print(f"  {mark:28} {seconds:6.1f}")
    print(f"  {'everything stopped':28} {watched.seconds:6.1f}")
    print(
        f"\n{watched.cpu:.0f} s of processor time in all: about what it takes, waits apart, on one core that is its own"
    )
    first, whole = watched.marks.get("first decision", float("inf")), watched.seconds
    holds = first <= FIRST_DECISION and whole <= WHOLE
    load = os.getloadavg()[1]
    print(
        f"\nbounds: first decision {first:.1f} s (at most {FIRST_DECISION:.0f}), all {len(batches)} batches "
        f"{whole:.1f} s (at most {WHOLE:.0f}): {'hold' if holds else 'BROKEN'}; "
        f"load of the machine over 5 min {load:.1f} on {os.cpu_count()} cores"
    )
    return holds


def main() -> int:
    """Measure; 1 if a bound is broken or the demo failed."""
    parser = argparse.ArgumentParser(prog="bench-demo", description="how long the demo takes, and what takes it")
    parser.add_argument("--data", type=Path, help="the listings as CSV; generated ones without")
    parser.add_argument("--batches", type=int, default=10, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the demo (default %(default)s)")
    given = parser.parse_args()
    arguments = ["--batches", str(given.batches), "--seed", str(given.seed)]
    if given.data is not None:
        arguments += ["--data", str(given.data.resolve())]
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as folder:
        state = Path(folder) / "state"
        watched = watch(arguments, state, Path(folder) / "said")
        if watched.code:
            print("\n".join(watched.output[-30:]))
            print(f"the demo ended with {watched.code}")
            return 1
        batches = json.loads((state / "story.json").read_text())["rows"]
    return 0 if table(watched, batches) else 1


if __name__ == "__main__":
    sys.exit(main())
