"""`python -m examples.trips`: the whole loop on this machine, on the demo's servers; ends after the last batch."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from relevo_demo.system import Options, running

USE_CASE = Path(__file__).with_name("use_case.yaml")


def main() -> int:
    """Run every batch through every step, as Airflow does; returns the code of a step that failed, or 0."""
    with (
        tempfile.TemporaryDirectory(prefix="trips-") as folder,
        running(Path(folder), Options((), source_module="examples.trips.source", use_case=USE_CASE)) as system,
    ):
        for step in ("prepare", *("collect", "clean", "decide", "train", "promote") * 5):
            command = [sys.executable, "-m", "relevo_jobs.cli", step]
            done = subprocess.run(command, env=system.env, stdout=subprocess.PIPE, text=True, check=False)
            said = json.loads(done.stdout.splitlines()[-1])
            print(f"{step:8} {done.returncode:3}  {said['sentence']}", flush=True)  # noqa: T201
            if done.returncode not in {0, 99}:
                return done.returncode
            if (step, done.returncode) == ("collect", 99):
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
