"""An HTTP server that answers as Airflow does, for tests in which it is away, slow, or killed in between.

The answers were recorded from Airflow 3.3.2 with its SimpleAuthManager: statuses, bodies, field names, and that a token
which it did not sign is 403 "Invalid JWT token". The end-to-end test proves the operator against a real one.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSWORD = "hunter2-of-the-tests"
Answer = tuple[int, Any]
TASKS = ("collect", "clean", "decide", "train", "promote")


@dataclass
class Airflow:
    """Its users, DAGs and runs; a test moves the runs on."""

    port: int = 0
    users: dict[str, str] = field(default_factory=lambda: {"admin": PASSWORD})
    may_start: bool = True
    dags: dict[str, bool] = field(default_factory=lambda: {"relevo": False})
    """By id whether it is paused."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """Method and path of every request."""
    answering: threading.Event = field(default_factory=threading.Event)
    """Cleared: a run that is asked for is made, and the answer held back."""
    instead: dict[str, Answer] = field(default_factory=dict)
    """By path what to answer instead."""
    elsewhere: tuple[int, str] | None = None
    """A status and an address that every request is sent on to."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def posts(self) -> int:
        return sum(one.startswith("POST") and one.endswith("/dagRuns") for one in self.asked)

    def end(self, run_id: str, state: str, **tasks: str) -> None:
        """End a run; `tasks` that did otherwise than succeed, the ones that ran before those that could not."""
        run = self.runs[run_id]
        hindered = False
        for name in TASKS:
            became = "success" if not hindered else {"failed": "upstream_failed"}.get(state, "skipped")
            tries = 0 if hindered else 1
            if name in tasks:
                became, hindered = tasks[name], True
            start = f"2026-11-25T21:26:{20 + TASKS.index(name)}.551694Z"
            run["tasks"].append(
                {"task_id": name, "map_index": -1, "state": became, "start_date": start, "try_number": tries}
            )
        run |= {"state": state, "end_date": "2026-11-25T21:26:39.573371Z"}

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        self.asked.append(f"{method} {path}")
        path = path.partition("?")[0]
        if path in self.instead:
            return self.instead[path]
        if path == "/auth/token":
            return self._log_in(body)
        if not (token := headers.get("Authorization", "").removeprefix("Bearer ")):
            return 401, {"detail": "Not authenticated"}
        if token not in self.tokens:
            return 403, {"detail": "Invalid JWT token"}
        match path.removeprefix("/api/v2/dags/").split("/"):
            case [dag] if dag in self.dags:
                return 200, {"dag_id": dag, "is_paused": self.dags[dag], "is_stale": False}
            case [dag, "dagRuns"] if method == "POST":
                return self._trigger(dag, body)
            case [dag, "dagRuns", run] if run in self.runs and self.runs[run]["dag_id"] == dag:
                return 200, {name: value for name, value in self.runs[run].items() if name != "tasks"}
            case [dag, "dagRuns", run, "taskInstances"] if run in self.runs:
                tasks = self.runs[run]["tasks"]
                return 200, {"task_instances": tasks, "total_entries": len(tasks)}
            case [dag, "dagRuns", run]:
                return 404, {"detail": f"The DagRun with dag_id: `{dag}` and run_id: `{run}` was not found"}
        return 404, {"error": "API route not found"}

    def _log_in(self, body: Any) -> Answer:
        if self.users.get(body["username"]) != body["password"]:
            return 401, {"detail": "Invalid credentials"}
        token = f"{secrets.token_hex(8)}.{secrets.token_hex(8)}.{secrets.token_hex(8)}"
        self.tokens.add(token)
        return 201, {"access_token": token}

    def _trigger(self, dag: str, body: Any) -> Answer:
        if not self.may_start:
            return 403, {"detail": "Forbidden"}
        if dag not in self.dags:
            return 404, {"detail": f"Dag with dag_id: '{dag}' not found"}
        if "logical_date" not in body:
            missing = {"type": "missing", "loc": ["body", "logical_date"], "msg": "Field required", "input": body}
            return 422, {"detail": [missing]}
        run_id = body["dag_run_id"]
        if run_id in self.runs:
            hidden = {"reason": "Unique constraint violation", "statement": "hidden", "orig_error": "hidden"}
            return 409, {"detail": hidden | {"message": "Serious error when handling your request. Check logs"}}
        self.runs[run_id] = {
            "dag_run_id": run_id, "dag_id": dag, "logical_date": None, "queued_at": "2026-11-25T21:25:53.112417Z",
            "start_date": None, "end_date": None, "run_type": "manual", "state": "queued", "triggered_by": "rest_api",
            "conf": body["conf"], "note": body["note"], "tasks": [],
        }  # fmt: skip
        self.answering.wait(60)
        return self.answer("GET", f"/api/v2/dags/{dag}/dagRuns/{run_id}", {"Authorization": f"Bearer {self._any()}"}, 0)

    def _any(self) -> str:
        return next(iter(self.tokens))


@contextmanager
def airflow_server() -> Iterator[Airflow]:
    """One, on 127.0.0.1 and a free port."""
    airflow = Airflow()
    airflow.answering.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, said = airflow.answer(
                self.command, self.path, dict(self.headers.items()), json.loads(text) if text else None
            )
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            if airflow.elsewhere is not None:
                status, location = airflow.elsewhere
            self.send_response(status)
            if airflow.elsewhere is not None:
                self.send_header("Location", location)
            self.send_header("Content-Type", "text/html" if isinstance(said, bytes) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    airflow.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield airflow
    finally:
        airflow.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()
