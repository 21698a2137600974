"""A data source on a real socket that answers what a test says; it keeps the contract where the test says nothing.

`relevo_demo.source` is the source that people run; this one can break HTTP itself, request by request.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EXHAUSTED = json.dumps({"detail": "Ya se recolectó toda la información mínima necesaria"}).encode()


def listing(number: int, row: int) -> dict[str, Any]:
    """A listing that no other batch or row has."""
    return {
        "brokered_by": f"{number}.0", "status": "for_sale", "price": 100_000.0 + row, "bed": 3, "bath": 2.0,
        "acre_lot": 0.12, "street": f"{number * 1000 + row}.0", "city": "San\tJuan", "state": "Puerto Rico",
        "zip_code": "00601", "house_size": 920.0 if row % 2 else None, "prev_sold_date": None,
    }  # fmt: skip


def body(number: int, rows: Sequence[Any] | int = 3, group: int = 6) -> bytes:
    """A batch as the source sends it."""
    data = [listing(number, row) for row in range(rows)] if isinstance(rows, int) else rows
    return json.dumps({"group_number": group, "day": "Wednesday", "batch_number": number, "data": data}).encode()


@dataclass(frozen=True)
class Fault:
    """How one request for data goes wrong. `send` gets the handler and the answer that was due."""

    send: Callable[[BaseHTTPRequestHandler, bytes], None]
    moves: bool = True
    """Whether the count moves on all the same."""


@dataclass
class Script:
    """What the source has, and what happened to it."""

    bodies: list[bytes]
    url: str = ""
    count: int = 0
    asked: int = 0
    restarts: int = 0
    faults: deque[Fault | None] = field(default_factory=deque)
    """One per request for data to come; None lets it be answered well."""
    ending: threading.Event = field(default_factory=threading.Event)


def respond(handler: BaseHTTPRequestHandler, status: int, content: bytes, kind: str = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def answering(status: int, content: bytes, kind: str = "application/json", *, moves: bool = False) -> Fault:
    """Another answer than the one due."""
    return Fault(lambda handler, _: respond(handler, status, content, kind), moves)


def lost(*, moves: bool = True) -> Fault:
    """The connection ends without an answer."""
    return Fault(lambda handler, _: handler.connection.close(), moves)


def cut(*, moves: bool = True) -> Fault:
    """The connection ends in the middle of the body."""

    def send(handler: BaseHTTPRequestHandler, due: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(due)))
        handler.end_headers()
        handler.wfile.write(due[: len(due) // 2])

    return Fault(send, moves)


def silent(script: Script) -> Fault:
    """No answer for as long as the test lasts."""

    def send(_: BaseHTTPRequestHandler, __: bytes) -> None:
        script.ending.wait(60)

    return Fault(send)


def dribbling(script: Script) -> Fault:
    """A body that never ends: a byte now and then, so that no single wait is long."""

    def send(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not script.ending.wait(0.1):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return Fault(send)


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            with suppress(BrokenPipeError, ConnectionResetError, ValueError):
                self._answer()
            self.close_connection = True

        def _answer(self) -> None:
            if self.path.startswith("/restart_data_generation"):
                script.restarts, script.count = script.restarts + 1, 0
                return respond(self, 200, b'{"ok": true}')
            script.asked += 1
            due = script.bodies[script.count] if script.count < len(script.bodies) else None
            fault = script.faults.popleft() if script.faults else None
            if fault is None or fault.moves:
                script.count = min(script.count + 1, len(script.bodies))
            if fault is not None:
                return fault.send(self, due or EXHAUSTED)
            return respond(self, 400, EXHAUSTED) if due is None else respond(self, 200, due)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep the tests' output clean."""

    return Handler


@contextmanager
def serving(bodies: Sequence[bytes]) -> Iterator[Script]:
    """Serve the bodies one after another on 127.0.0.1."""
    script = Script(list(bodies))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    server.daemon_threads = True  # and so nobody waits for an answer that a test broke off
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
