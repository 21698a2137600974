"""Run a step as its own process, the same command a pod runs, and read its last line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from relevo_demo.servers.process import PRIVATE, die_with_parent, last_lines
from relevo_demo.story import Body

NOTHING_TO_DO = 99
TRIES = 4
"""A step that says that a retry can help is run so many times."""
PAUSE = 1.0
"""Seconds before the second try; doubled each time."""


class StepFailedError(Exception):
    """A step failed for good; the message is its own sentence."""


class Steps:
    """Runs steps. `env` is a step's whole environment; what they say goes to `log` as well."""

    def __init__(self, command: Path, env: Mapping[str, str], log: Path) -> None:
        self._command, self._env, self._log = str(command), dict(env), log

    def run(self, step: str, say: Callable[[str], None], instead: Callable[[], Body | None] = lambda: None) -> Body:
        """Run a step until it is done or has nothing to do; `say` gets its lines as they come.

        Before each retry `instead` may give what the failed try did for all that: its body is taken, and the step is
        not run again. Raises StepFailedError with the step's sentence if it fails and no retry can help, or none did.
        """
        pause = PAUSE
        for attempt in range(1, TRIES + 1):
            code, body = self.once(step, say)
            if code in {0, NOTHING_TO_DO}:
                return body
            # A step without a last line was killed: by its own promise it can be run again.
            retry = body.get("retry", True)
            sentence = str(body.get("sentence") or f"ended with code {code} without a word:\n{last_lines(self._log)}")
            if not retry or attempt == TRIES:
                raise StepFailedError(f"{step}: {sentence}")
            say(f"try {attempt} failed ({sentence[:60]}…), again in {pause:.0f} s")
            time.sleep(pause)
            pause *= 2
            if (found := instead()) is not None:
                return found
        raise AssertionError("unreachable")

    def once(self, step: str, say: Callable[[str], None]) -> tuple[int, Body]:
        """Run a step's process to its end; its exit code and last line, empty if it had none."""
        self._log.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        with self._log.open("a") as log:
            process = subprocess.Popen(
                [self._command, step],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is the demo's to handle
                preexec_fn=die_with_parent,  # noqa: PLW1509  # a killed demo leaves no step behind, nor what it holds
            )
            assert process.stdout is not None
            assert process.stderr is not None
            reader = threading.Thread(target=_pass_on, args=(process.stderr, log, say), daemon=True)
            reader.start()
            try:
                output = process.stdout.read()
                code = process.wait()
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # it may be killed at any line
                process.wait()
                raise
            reader.join(5)
            log.write(output)
        return code, _last_line(output)


def _pass_on(lines: IO[str], log: IO[str], say: Callable[[str], None]) -> None:
    for line in lines:
        log.write(line)
        log.flush()
        if line.strip():
            say(line.strip())


def _last_line(output: str) -> Body:
    lines = output.strip().splitlines()
    with contextlib.suppress(ValueError):
        body = json.loads(lines[-1]) if lines else {}
        if isinstance(body, dict):
            return body
    return {}
