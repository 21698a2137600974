"""MLflow behind a proxy whose artifact store fails on demand, and which counts what is asked."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx

Fault = Literal[
    "files answer 500", "a proxy answers 503", "files hang", "files are cut", "files have no end",
    "a proxy answers 404", "a login page answers",
]  # fmt: skip


class FailingStore:
    """A way to MLflow on a free port of 127.0.0.1; without a fault it hands everything through."""

    def __init__(self, target: str) -> None:
        self.asked = 0
        self.failed = 0
        """Answers that the fault spoiled."""
        self.fault: Fault | None = None
        self._closing = threading.Event()
        self._mlflow = httpx.Client(base_url=target, timeout=30)
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(ConnectionError):  # the API gave up waiting
                    store.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._mlflow.close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked += 1
        path = handler.path.partition("?")[0]
        a_file = path.endswith("/get-artifact")
        match self.fault:
            case "files answer 500" if a_file:
                self._spoil(handler, 500, b'{"error_code": "INTERNAL_ERROR", "message": "the store is away"}')
            case "a proxy answers 503" if a_file:
                self._spoil(handler, 503, b"<html>Service Unavailable</html>")
            case "a proxy answers 404":
                self._spoil(handler, 404, b"<html>default backend - 404</html>")
            case "a login page answers" if a_file:
                self._spoil(handler, 200, b"<html>Please log in</html>")
            case "files hang" if a_file:
                self.failed += 1
                self._closing.wait(30)
            case "files are cut" if a_file:
                answer = self._mlflow.get(handler.path)
                self._spoil(handler, 200, answer.content[: len(answer.content) // 2], answer.headers)
            case "files have no end" if a_file:  # without a length the body ends where the connection does (HTTP/1.0)
                answer = self._mlflow.get(handler.path)
                del answer.headers["Content-Length"]
                self._spoil(handler, 200, answer.content[: len(answer.content) // 2], answer.headers)
            case _:
                answer = self._mlflow.get(handler.path)
                self._send(handler, answer.status_code, answer.content, answer.headers)

    def _spoil(
        self, handler: BaseHTTPRequestHandler, status: int, body: bytes, head: Mapping[str, str] | None = None
    ) -> None:
        self.failed += 1
        self._send(handler, status, body, head or {"Content-Length": str(len(body))})

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, head: Mapping[str, str]) -> None:
        handler.send_response(status)
        for name in ("Content-Length", "Content-Disposition"):
            if name in head:
                handler.send_header(name, head[name])
        handler.end_headers()
        handler.wfile.write(body)
