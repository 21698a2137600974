from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from relevo_contract.settings import variable
from relevo_demo.servers import free_port
from relevo_ui.row_file import MOST_MEGABYTES
from relevo_ui.settings import Settings

ADDRESSES = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_API_URL": "http://127.0.0.1:9"}


def environment(given: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))} | given


def run(given: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relevo_ui", *arguments]
    return subprocess.run(
        command, env=environment(given), capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


@pytest.fixture
def ui() -> Iterator[str]:
    """A UI of its own, up."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "relevo_ui"], env=environment(ADDRESSES | {"RELEVO_PORT": str(port)})
    )
    try:
        wait(process, url)
        yield url
    finally:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[Any], url: str) -> None:
    """Until it answers."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        try:
            assert httpx.get(f"{url}/_stcore/health").text == "ok"
        except httpx.ConnectError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("the UI does not answer")


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
        wait(process, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
    assert f"http://127.0.0.1:{port}" in said
    assert "External URL" not in said
    assert "Traceback" not in said


@contextmanager
def visiting(url: str) -> Iterator[str]:
    """A visitor's session, as a browser opens one; yields its id."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")]) as connection:
        asked, told = BackMsg(), ForwardMsg()
        asked.rerun_script.query_string = ""
        connection.send(asked.SerializeToString())
        while told.WhichOneof("type") != "new_session":
            told.ParseFromString(bytes(connection.recv(30)))  # type: ignore[arg-type]  # its messages are all bytes
        yield told.new_session.initialize.session_id


@pytest.mark.parametrize("whole", [True, False], ids=["with its length", "in chunks"])
def test_the_server_takes_no_larger_upload_than_the_page(ui: str, whole: bool) -> None:
    with httpx.Client(base_url=ui, timeout=60) as client:
        client.get("/_stcore/health")
        token = client.cookies.get("_streamlit_xsrf") or ""
        with visiting(ui) as session:

            def upload(size: int) -> int:
                begins = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.csv"\r\n\r\n'
                parts = [begins, *[b"x" * 2**20] * (size >> 20), b"\r\n--x--\r\n"]
                headers = {"Content-Type": "multipart/form-data; boundary=x", "X-Xsrftoken": token}
                content = b"".join(parts) if whole else iter(parts)
                return client.put(f"/_stcore/upload_file/{session}/a", content=content, headers=headers).status_code

            assert upload(2**20) == 204
            assert upload((MOST_MEGABYTES + 2) * 2**20) == 413


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
