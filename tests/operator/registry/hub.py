"""A real MLflow as people use it, servers that are none, and the operator's questions to either."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx

from relevo_operator.credentials import Access
from relevo_operator.registry import Registry

T = TypeVar("T")
SECRET = "the operator's own secret"
TIMEOUT = 30.0
HTML = b"<!doctype html><html><title>Portal</title><body>Please log in</body></html>"


def access(url: str, login: Mapping[str, str] | None = None) -> Access:
    """As whom a registry is asked: as nobody, if no header is given."""
    return Access(url, "say who you are", authorization=login or {})


def ask(
    url: str,
    question: Callable[[Registry], Coroutine[Any, Any, T]],
    *,
    timeout: float = TIMEOUT,
    login: Mapping[str, str] | None = None,
    **how: Any,
) -> T:
    """What a registry at this address says; a question that does not end in time fails the test."""

    async def asked() -> T:
        registry = Registry(access(url, login), timeout, **how)
        try:
            return await asyncio.wait_for(question(registry), timeout + TIMEOUT)
        finally:
            await registry.aclose()

    return asyncio.run(asked())


class Hub:
    """What people do in a real MLflow: register models and versions, set aliases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow/", timeout=60)
        self._run: dict[str, Any] | None = None

    def ask(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._client.request(method, path, **arguments)
        assert answer.is_success, answer.text
        return answer.json()

    def model(self, name: str) -> None:
        self.ask("POST", "registered-models/create", json={"name": name})

    def version(self, model: str) -> int:
        if self._run is None:
            experiment = self.ask("POST", "experiments/create", json={"name": f"versions {time.time()}"})
            run = self.ask("POST", "runs/create", json={"experiment_id": experiment["experiment_id"]})
            self._run = run["run"]["info"]
        where = {"source": f"{self._run['artifact_uri']}/model", "run_id": self._run["run_id"]}
        made = self.ask("POST", "model-versions/create", json={"name": model, **where})
        return int(made["model_version"]["version"])

    def mark(self, model: str, alias: str, version: int) -> None:
        self.ask("POST", "registered-models/alias", json={"name": model, "alias": alias, "version": str(version)})

    def unmark(self, model: str, alias: str) -> None:
        self.ask("DELETE", "registered-models/alias", json={"name": model, "alias": alias})

    def delete(self, model: str) -> None:
        self.ask("DELETE", "registered-models/delete", json={"name": model})

    def tags(self, model: str, version: int) -> dict[str, str]:
        found = self.ask("GET", "model-versions/get", params={"name": model, "version": str(version)})
        return {tag["key"]: tag["value"] for tag in found["model_version"].get("tags", [])}

    def webhooks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "webhooks").get("webhooks", [])
        return found


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """An HTTP server: keeps what it is sent, answers what the test says (200 and nothing by default)."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    answer: Callable[[Request], tuple[int, dict[str, str], bytes]] = field(default=lambda _: (200, {}, b""))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int) -> list[Request]:
        """The requests, once there are as many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.requests) >= count, 60), f"{len(self.requests)} of {count} came"
            return list(self.requests)

    def handle(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        answered = self.answer(request)
        with self.came:
            self.requests.append(request)
            self.came.notify_all()
        return answered


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server calls it so
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = listener.handle(Request(self.path, dict(self.headers.items()), body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
