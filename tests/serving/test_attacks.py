"""What strangers may try on the inference API as a real process: it stays small, alive, and answers the next one."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from relevo_serving.bodies import HELD
from relevo_serving.connections import HEAD, PIPELINED
from tests.serving_process import Running, Serve
from tests.versions import Versions

MIB = 2**20
MOST = 48 * MIB
"""What the process may grow by under any attack; a pod's limit leaves six times as much."""
PATIENCE = 3
"""Seconds that Kubernetes waits for a probe's answer."""
CONNECTIONS = 64
SECONDS = 2.0


@pytest.fixture
def api(serve: Serve, versions: Versions, bundles: tuple[Path, Path]) -> Iterator[Running]:
    versions.promote(versions.register(bundles[0]))
    with serve(RELEVO_MAX_CONNECTIONS=str(CONNECTIONS), RELEVO_BODY_SECONDS=str(SECONDS)) as running:
        running.wait_for_version(1)
        assert running.predict({"bed": 3}).status_code == 200
        yield running


def memory(api: Running, name: str) -> int:
    """Bytes, by a line of Linux' status of the process."""
    status = Path(f"/proc/{api.process.pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


@contextmanager
def bounded(api: Running, most: int = MOST) -> Iterator[None]:
    """The block makes the process grow by less than `most`, and its probe answers in time; so is a client after it."""
    Path(f"/proc/{api.process.pid}/clear_refs").write_text("5")  # the peak is counted from here
    before, slowest, over = memory(api, "VmRSS"), [0.0], threading.Event()

    def probe() -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                assert httpx.get(f"{api.url}/healthz", timeout=10).status_code == 200
                slowest.append(time.monotonic() - began)
            except (httpx.HTTPError, AssertionError):
                slowest.append(99.0)
            time.sleep(0.02)

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        yield
    finally:
        over.set()
        prober.join()
    grown = memory(api, "VmHWM") - before
    assert grown < most, f"grew by {grown / MIB:.0f} MiB"
    assert max(slowest) < PATIENCE
    assert api.predict({"bed": 3}).status_code == 200


def connect(api: Running) -> socket.socket:
    address = httpx.URL(api.url)
    return socket.create_connection((address.host, address.port or 80), timeout=20)


def heard(connection: socket.socket) -> bytes:
    """What is answered until the connection ends."""
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def pour(connection: socket.socket, what: bytes, times: int) -> None:
    """Send as much of it as is taken."""
    with suppress(ConnectionError):
        for _ in range(times):
            connection.sendall(what)


BEGUN = {
    "a header": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
    "an address": b"GET /",
    "a header's name": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX",
    "a trailer": b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: ",
}


@pytest.mark.parametrize("where", BEGUN)
def test_a_head_without_an_end_is_cut_off(api: Running, where: str) -> None:
    with bounded(api), connect(api) as connection:
        connection.sendall(BEGUN[where])
        pour(connection, b"x" * 65_536, 4_000)  # 250 MiB
        assert not heard(connection).startswith(b"HTTP/1.1 200")


def test_many_headers_are_cut_off_and_an_ordinary_head_is_not(api: Running) -> None:
    begun = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    with bounded(api):
        for size, status in ((HEAD // 2, b"200"), (HEAD * 2, b"431")):
            with connect(api) as connection:
                connection.sendall(begun + b"".join(b"X-%d: y\r\n" % number for number in range(size // 10)))
                pour(connection, b"Connection: close\r\n\r\n", 1)
                assert heard(connection).startswith(b"HTTP/1.1 " + status)


def test_a_head_that_drips_is_closed_in_time(api: Running) -> None:
    with bounded(api), connect(api) as connection:
        began = time.monotonic()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        connection.settimeout(0.2)
        answer = b""
        while time.monotonic() - began < SECONDS * 4:
            try:
                connection.sendall(b"y")
                if not (part := connection.recv(1024)):
                    break
                answer += part
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert answer.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < SECONDS + 2


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nX-Slow: ",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a body"],
)  # fmt: skip
def test_connections_that_are_only_held_keep_nobody_out(api: Running, begun: bytes) -> None:
    with bounded(api), ExitStack() as stack:
        for _ in range(CONNECTIONS * 5):
            connection = stack.enter_context(connect(api))
            pour(connection, begun, 1)
        assert api.predict({"bed": 3}).status_code == 200


def body(size: int) -> bytes:
    return (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % size
    )


def test_clients_that_do_not_read_are_left(api: Running) -> None:
    asked = json.dumps({"instances": [{"bed": 3}] * 1000}).encode()
    with bounded(api, 100 * MIB), ExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(connect(api))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            pour(connection, body(len(asked)) + asked, 3)
        time.sleep(SECONDS + 1)
        figures = api.get("/metrics").text
        assert httpx.get(f"{api.url}/readyz").status_code == 200
        assert "relevo_serving_requests_total" in figures


def test_large_bodies_at_the_same_time_are_bounded(api: Running) -> None:
    begun = body(MIB) + b'{"instances": ['
    with bounded(api), ExitStack() as stack:
        held = [stack.enter_context(connect(api)) for _ in range(CONNECTIONS - 8)]
        for connection in held:
            pour(connection, begun + b" " * (MIB // 2), 1)
        answers = [heard(connection)[9:12] for connection in held]
        assert set(answers) == {b"503", b"408"}
        assert 0 < answers.count(b"408") * MIB // 2 <= HELD


@pytest.mark.parametrize("path", ["/predict", "/explain", "/invocations", "/v2/models/{name}/infer"])
@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ('{"instances": [', "{}", "]}"),
        ('{"instances": [', "[]", "]}"),
        ('{"inputs": [', '{"name":"a","shape":[1],"datatype":"FP64","data":[]}', "]}"),
        ('{"dataframe_split": {"columns": ["bed"], "data": [', "[1]", "]}}"),
        ('{"dataframe_records": [', '{"a":1}', "]}"),
        ('{"instances": [{', '"%d":1', "}]}"),
        ('{"inputs": {', '"%d":[]', "}}"),
        ("", "[", ""),
    ],
)
def test_a_mebibyte_of_anything_is_refused_in_little_memory(
    api: Running, versions: Versions, path: str, begin: str, unit: str, end: str
) -> None:
    many = (MIB - len(begin + end)) // (len(unit) + 6) if "%" in unit else (MIB - len(begin + end)) // (len(unit) + 1)
    told = begin + ",".join(unit % number if "%" in unit else unit for number in range(many)) + end
    with bounded(api):
        address = api.url + path.format(name=versions.model)
        headers = {"Content-Type": "application/json"}
        answer = httpx.post(address, content=told.encode(), headers=headers, timeout=20)
        assert 400 <= answer.status_code < 500
        assert len(answer.content) < 4 * MIB


def test_requests_that_are_piled_up_are_cut_off(api: Running) -> None:
    with bounded(api), connect(api) as connection:
        thread = threading.Thread(
            target=pour, args=(connection, b"GET /model HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5000, 20)
        )
        thread.start()
        answered = heard(connection).count(b"HTTP/1.1 200")
        thread.join()
        assert answered <= 2 * PIPELINED


def test_explanations_at_the_same_time_are_bounded(api: Running) -> None:
    rows = {"instances": [{"bed": number % 7, "bath": 2, "house_size": 900, "city": "Boston"} for number in range(50)]}
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(httpx.post(f"{api.url}/explain", json=rows, timeout=60).status_code)

    with bounded(api):
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200, 503}
