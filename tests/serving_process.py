"""The inference API as the process it is in production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest


@dataclass
class Running:
    """The API as a process."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def predict(self, *rows: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(self.url + "/predict", json={"instances": list(rows)}, timeout=10)

    def wait(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until /model says what is expected."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            said: dict[str, Any] = self.get("/model").json()
            if what(said):
                return said
            time.sleep(0.05)
        pytest.fail(f"/model still says {said}; log:\n{self.log.read_text()}")

    def wait_for_version(self, version: int) -> dict[str, Any]:
        return self.wait(lambda said: bool(said["serving"]) and said["serving"]["version"] == version)

    def events(self) -> list[dict[str, Any]]:
        """Its log, every line of which must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Serve = Callable[..., AbstractContextManager[Running]]
"""Starts the API with settings of a test's own."""


@contextmanager
def serving(folder: Path, tracking_uri: str, model: str, **settings: str) -> Iterator[Running]:
    """Run the API on a free port, its log in the folder, until the block ends."""
    log = folder / f"serving-{time.monotonic_ns()}.log"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))}
    env = {
        **inherited,
        "MLFLOW_TRACKING_URI": tracking_uri,
        "RELEVO_MODEL": model,
        "RELEVO_PORT": "0",
        "RELEVO_POLL_SECONDS": "0.1",
        **settings,
    }
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "relevo_serving"], env=env, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    try:
        yield Running(_address(process, log), process, log)
    finally:
        if process.poll() != -signal.SIGKILL:  # a test kills it to see what it leaves
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, log.read_text()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                said = json.loads(line)
                return f"http://{said['host']}:{said['port']}"
        time.sleep(0.05)
    pytest.fail(f"the API does not listen; log:\n{log.read_text()}")
