from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from relevo_contract.settings import variable
from relevo_demo.servers import free_port
from relevo_ui.settings import Settings

ADDRESSES = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_API_URL": "http://127.0.0.1:9"}


def environment(given: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))} | given


def run(given: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relevo_ui", *arguments]
    return subprocess.run(
        command, env=environment(given), capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


def test_it_serves_on_its_own_machine_alone_and_stops_when_told() -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "relevo_ui"],
        env=environment(ADDRESSES | {"RELEVO_PORT": str(port)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        ends = time.monotonic() + 60
        while time.monotonic() < ends and process.poll() is None:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/_stcore/health").text == "ok"
                break
            except httpx.ConnectError:
                time.sleep(0.2)
        else:
            pytest.fail("the UI does not answer")
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
    assert f"http://127.0.0.1:{port}" in said
    assert "External URL" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "MLFLOW_TRACKING_URI: not set"),
        (ADDRESSES | {"RELEVO_API_URL": "serving:8000"}, "RELEVO_API_URL"),
        (ADDRESSES | {"RELEVO_PORT": "0"}, "RELEVO_PORT"),
        (ADDRESSES | {"RELEVO_TIMEOUT": "-1"}, "RELEVO_TIMEOUT"),
        ({"RELEVO_API_URL": "ftp://me:hunter2@api", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "RELEVO_API_URL"),
    ],
)
def test_a_wrong_setting_ends_it_at_once_naming_the_variable(given: dict[str, str], said: str) -> None:
    ended = run(given)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run(ADDRESSES | {"RELEVO_PORT": str(taken.getsockname()[1])})
    assert ended.returncode == 2
    assert "another port" in ended.stderr


def test_help_names_every_setting() -> None:
    ended = run({}, "--help")
    assert ended.returncode == 0
    for field in Settings.model_fields:
        assert variable(Settings, field) in ended.stdout
