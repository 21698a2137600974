"""Run a step as the process it is in a pod, and kill it (SIGKILL) at a named function.

No test hook lives in product code: a wrapper given by `python -c` patches the function and then calls the step's own
command line. A function is named `module:qualified.name` as its caller looks it up: a function that another module
imported by name is patched there (`relevo_jobs.collect.step:parse`), a method on its class
(`relevo_jobs.stores.bucket:Bucket.put`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.houses import HOUSE_PRICES

WRAPPER = """
import functools, importlib, os, signal, sys

step, target, when, call = sys.argv[1:5]
module, _, path = target.partition(":")
*owners, name = path.split(".")
owner = functools.reduce(getattr, owners, importlib.import_module(module))
original = getattr(owner, name)
left = int(call)

def die():
    sys.stdout.flush()
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)

@functools.wraps(original)
def killed(*args, **kwargs):
    global left
    left -= 1
    if left == 0 and when == "before":
        die()
    result = original(*args, **kwargs)
    if left == 0:
        die()
    return result

setattr(owner, name, killed)
from relevo_jobs.cli import main
sys.exit(main([step]))
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended; `returncode` is -9 if it was killed."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def was_killed(self) -> bool:
        return self.returncode == -signal.SIGKILL

    @property
    def line(self) -> dict[str, Any]:
        """The JSON of stdout's last line."""
        lines = self.stdout.splitlines()
        if not lines:
            raise AssertionError(f"the step ended with {self.returncode} and said nothing; stderr:\n{self.stderr}")
        said: dict[str, Any] = json.loads(lines[-1])
        return said


def _run(arguments: list[str], env: Mapping[str, str], timeout: float) -> Ended:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def run_killed(
    step: str,
    env: Mapping[str, str],
    target: str,
    when: Literal["before", "after"],
    *,
    call: int = 1,
    timeout: float = 120,
) -> Ended:
    """Run `relevo-job STEP`, killed before or after the `call`-th call of `target`.

    Raises AssertionError if the step never got there: a test that kills nothing proves nothing.
    """
    ended = _run(["-c", WRAPPER, step, target, when, str(call)], env, timeout)
    if not ended.was_killed:
        raise AssertionError(
            f"expected {step} to be killed {when} call {call} of {target}, it ended with {ended.returncode}:\n"
            f"{ended.stdout}{ended.stderr}"
        )
    return ended


def run_step(step: str, env: Mapping[str, str], timeout: float = 120) -> tuple[int, dict[str, Any], str]:
    """Run `relevo-job STEP` to its end: exit code, the JSON of its last line, stderr."""
    ended = _run(["-m", "relevo_jobs.cli", step], env, timeout)
    return ended.returncode, ended.line, ended.stderr


def start_step(step: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start `relevo-job STEP` and leave it running; the caller waits for it (`finish`)."""
    return subprocess.Popen(
        [sys.executable, "-m", "relevo_jobs.cli", step],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 60) -> tuple[int, dict[str, Any], str]:
    """Wait for a started step: exit code, the JSON of its last line, stderr."""
    stdout, stderr = process.communicate(timeout=timeout)
    ended = Ended(process.returncode, stdout, stderr)
    return ended.returncode, ended.line, ended.stderr


def base_env() -> dict[str, str]:
    """The caller's environment without settings of Relevo, MLflow, PostgreSQL or AWS that would leak into a step; it is
    to work on house prices.
    """
    told = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_", "PG", "AWS_"))}
    return {**told, "RELEVO_USE_CASE": str(HOUSE_PRICES)}
