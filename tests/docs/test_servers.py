"""The commands that start the inference API and the UI, typed as they stand on their pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from relevo_demo.servers import free_port
from tests.docs.commands import Command, typed
from tests.killing import base_env

STARTED = {
    typed("MLFLOW_TRACKING_URI=http://127.0.0.1:5000 relevo-serving"): "/healthz",
    typed("MLFLOW_TRACKING_URI=http://127.0.0.1:5000 RELEVO_API_URL"): "/_stcore/health",
}
"""By command, what answers 200 once the server is up, whether or not there is an MLflow at that address."""


@pytest.mark.parametrize("command", STARTED, ids=lambda one: one.text.split()[-1])
def test_a_server_starts_as_its_page_says(command: Command, tmp_path: Path) -> None:
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-c", command.text],
        env={**base_env(), "PATH": path, "RELEVO_PORT": str(port)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        ends = time.monotonic() + 60
        while time.monotonic() < ends and process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}{STARTED[command]}", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    pytest.fail(f"{command.text}: expected an answer, got\n{output}")
