"""Airflow's public REST API, as the operator speaks it: log in, ask for a run of a DAG, ask what became of it.

How Airflow 3.3.2 answers was measured, and decides what is done:

    POST /auth/token                201 with access_token; a wrong login 401
    POST /api/v2/dags/D/dagRuns     200 with the run; 409 if its id exists; 404 no such DAG, 403 no right,
                                    400 or 422 what is asked for is refused. A paused DAG takes a run: it stays queued
    GET  .../dagRuns/R              200 with the run; 404 if it is not there
    any, with a token               401 if it expired, but 403 "Invalid JWT token" if the key it was signed with changed

Its refusals are JSON with `detail`; other answers are a proxy's, or of something that is not Airflow. Nothing of a
body is ever part of a message, but for the ids of a run's tasks: a message goes into status, and a body may hold
anything, such as what was sent, password and all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from relevo_contract import bounded_http, texts
from relevo_contract.mlflow_login import bearer
from relevo_operator.failures import failure
from relevo_operator.values import RunSeen, RunState, TaskSeen

OnCall = Callable[[str, str], None]
"""Told of every request: one of KINDS, and one of OUTCOMES."""
LOGIN, ASK, LOOK, TASKS, DAG = KINDS = ("login", "ask", "look", "tasks", "dag")
OK, EXISTS, MISSING, DENIED, REFUSED, AWAY = OUTCOMES = ("ok", "exists", "missing", "denied", "refused", "away")
"""exists: a run of this id is there. away: no answer, a failure, or an answer that is not Airflow's."""
TIMEOUT: Final = 15.0
"""Seconds for one answer: with its database on a slow disk Airflow took seven."""
MOST_TASKS: Final = 100
LONGEST_ANSWER: Final = 2**20
"""Bytes of an answer: that of so many tasks is the longest, with some hundred thousand."""
_OUTCOMES: Final = {401: DENIED, 403: DENIED, 404: MISSING, 409: EXISTS, 400: REFUSED, 422: REFUSED}
_STATES: Final = {
    "queued": RunState.QUEUED,
    "running": RunState.RUNNING,
    "success": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
}
_FOR: Final = {
    LOGIN: "the login",
    ASK: "the request for a run",
    LOOK: "the question for the run",
    TASKS: "the question for the run's tasks",
    DAG: "the question for the DAG",
}
_HINTS: Final = {
    (LOGIN, DENIED): "; correct username and password in the Secret that spec.retraining.secretName names",
    (ASK, MISSING): "; correct spec.retraining.dag, or wait until Airflow has read the DAG's file",
    (ASK, DENIED): "; give its user the right to start runs of the DAG",
    (ASK, REFUSED): "; its page of the DAG says why, import errors for one",
}
_ID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
"""Of a task, as DAGs have them; longer ones are not told."""
_INVALID_TOKEN: Final = "Invalid JWT token"  # noqa: S105  # Airflow's words


@dataclass(frozen=True, slots=True)
class Login:
    """A user of Airflow; a representation shows no password."""

    username: str
    password: str = field(repr=False)


class No(Exception):
    """Airflow did not do what was asked of it: `kind` is one of KINDS, `outcome` one of OUTCOMES but `ok`."""

    def __init__(self, kind: str, outcome: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.outcome, self.message = kind, outcome, message


class AirflowApi:
    """One Airflow and one user of it. Every request ends within `timeout` seconds."""

    def __init__(
        self,
        url: str,
        login: Login,
        *,
        timeout: float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        self._base, self._login, self._timeout = url.rstrip("/"), login, timeout
        self.shown = texts.address(url)
        self._on_call = on_call or (lambda _kind, _outcome: None)
        self._token = ""
        """In memory alone; a new one is asked for once this one is refused."""
        # Connections are not kept: seconds pass between two questions, and a kept one may die meanwhile.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=timeout, transport=transport, limits=limits)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def trigger(self, dag: str, run_id: str, conf: Mapping[str, str], note: str) -> None:
        """Ask for a run; that it is there already is as good. Raises No."""
        # logical_date must be given, and null lets runs of one moment be told apart by their ids alone.
        told = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf), "note": note}
        try:
            await self._ask(ASK, "POST", f"{_dag(dag)}/dagRuns", told)
        except No as no:
            if no.outcome != EXISTS:
                raise

    async def run(self, dag: str, run_id: str) -> RunSeen:
        """What became of a run. Raises No."""
        where = f"{_dag(dag)}/dagRuns/{quote(run_id, safe='')}"
        body = await self._ask(LOOK, "GET", where)
        state = _STATES.get(str(body.get("state")))
        if state is None:
            raise No(LOOK, AWAY, self._not_airflow("a run in a state that Airflow's runs have not"))
        url = f"{self.shown.rstrip('/')}/dags/{quote(dag, safe='')}/runs/{quote(run_id, safe='')}"
        if state is RunState.QUEUED:
            return RunSeen(state, url, paused=await self._is_paused(dag))
        if state is RunState.RUNNING:
            return RunSeen(state, url)
        tasks = await self._ask(TASKS, "GET", f"{where}/taskInstances?limit={MOST_TASKS}")
        return RunSeen(state, url, _tasks(tasks), _time(body.get("end_date")))

    async def _is_paused(self, dag: str) -> bool:
        try:
            return (await self._ask(DAG, "GET", _dag(dag))).get("is_paused") is True
        except No:  # it only helps people: that the run is queued is known
            return False

    async def _ask(self, kind: str, method: str, path: str, json: Any = None) -> Mapping[str, Any]:
        if not self._token:
            await self._log_in()
        try:
            return await self._send(kind, method, path, json)
        except _TokenRefused:
            await self._log_in()
        return await self._send(kind, method, path, json)

    async def _log_in(self) -> None:
        self._token = ""
        login = {"username": self._login.username, "password": self._login.password}
        body = await self._send(LOGIN, "POST", "/auth/token", login)
        token = body.get("access_token")
        # A header takes no others, and the client would repeat what it cannot send.
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise No(LOGIN, AWAY, self._not_airflow("no token that can be sent"))
        self._token = token

    async def _send(self, kind: str, method: str, path: str, json: Any) -> Mapping[str, Any]:
        try:
            answer = await self._request(kind, method, path, json)
            body = self._read(kind, answer)
        except No as no:
            self._on_call(kind, no.outcome)
            raise
        self._on_call(kind, OK)
        return body

    async def _request(self, kind: str, method: str, path: str, json: Any) -> httpx.Response:
        headers = bearer(self._token) if self._token else {}
        try:
            async with asyncio.timeout(self._timeout):  # httpx's own is for each read, and a slow server makes many
                url, asked = self._base + path, {"json": json, "headers": headers}
                return await bounded_http.async_ask(self._client, method, url, most=LONGEST_ANSWER, **asked)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            got = failure(error, self._timeout)
        raise No(
            kind,
            AWAY,
            f"expected an answer from Airflow at {self.shown}, got: {got}; is it running, and is the url in the Secret "
            "right?",
        )

    def _read(self, kind: str, answer: httpx.Response) -> Mapping[str, Any]:
        try:
            body = answer.json()
        except (ValueError, RecursionError):
            body = None
        status = answer.status_code
        if answer.is_success and isinstance(body, dict):
            return body
        detail = body.get("detail") if isinstance(body, dict) else None
        outcome = _OUTCOMES.get(status)
        if detail is None or outcome is None:
            # Of a proxy in front of it, or of something that is not Airflow: nothing that it says is final.
            raise No(kind, AWAY, self._not_airflow(str(status)))
        if self._token and (status == 401 or (status == 403 and detail == _INVALID_TOKEN)):
            raise _TokenRefused(kind, DENIED, f"Airflow at {self.shown} answers its own token with {status}")
        hint = _HINTS.get((kind, outcome), "")
        raise No(kind, outcome, f"Airflow at {self.shown} answers {_FOR[kind]} with {status}{hint}")

    def _not_airflow(self, got: str) -> str:
        return (
            f"expected an answer of Airflow's API at {self.shown}, got: {got}; is Airflow up, and is "
            "the url in the Secret right?"
        )


class _TokenRefused(No):
    """The token expired, or Airflow signs with another key than before."""


def _dag(dag: str) -> str:
    return f"/api/v2/dags/{quote(dag, safe='')}"


def _tasks(body: Mapping[str, Any]) -> tuple[TaskSeen, ...]:
    found = body.get("task_instances")
    ran = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    ran.sort(key=lambda one: str(one.get("start_date") or "~"))  # as they ran, and then what never began
    return tuple(TaskSeen(_name(one), str(one.get("state")), _tries(one)) for one in ran)


def _name(task: Mapping[str, Any]) -> str:
    """A task's id, if it is one: any other text of a body is nobody's to read."""
    index, name = task.get("map_index"), str(task.get("task_id"))
    if not _ID.fullmatch(name):
        return "a task without an id"
    return f"{name}[{index}]" if isinstance(index, int) and index >= 0 else name


def _tries(task: Mapping[str, Any]) -> int:
    tries = task.get("try_number")
    return tries if isinstance(tries, int) else 0


def _time(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
