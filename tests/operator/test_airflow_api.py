"""What the operator says to Airflow, and makes of its answers, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from relevo_operator.airflow_api import AWAY, DENIED, KINDS, MISSING, OUTCOMES, REFUSED, AirflowApi, Login, No
from relevo_operator.values import RunState, TaskSeen
from tests.gate import Gate
from tests.operator.airflow import PASSWORD, Airflow, Answer, airflow_server

Calls = list[tuple[str, str]]


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with airflow_server() as server:
        yield server


def ask(
    url: str, question: Callable[[AirflowApi], Coroutine[Any, Any, Any]], *, password: str = PASSWORD, **how: Any
) -> Any:
    """What the question gives, or No."""

    async def asked() -> Any:
        api = AirflowApi(url, Login("admin", password), **how)
        try:
            return await question(api)
        except No as no:
            return no
        finally:
            await api.aclose()

    return asyncio.run(asked())


async def trigger(api: AirflowApi) -> Any:
    return await api.trigger("relevo", "retrain__1", {"retrain": "new prices"}, "a note")


async def look(api: AirflowApi) -> Any:
    return await api.run("relevo", "retrain__1")


def test_a_run_is_made_once_with_its_conf_however_often_it_is_asked_for(airflow: Airflow) -> None:
    calls: Calls = []
    for _ in range(2):
        assert ask(airflow.url, trigger, on_call=lambda *call: calls.append(call)) is None
    assert list(airflow.runs) == ["retrain__1"]
    made = airflow.runs["retrain__1"]
    assert (made["conf"], made["note"], made["logical_date"]) == ({"retrain": "new prices"}, "a note", None)
    assert calls == [("login", "ok"), ("ask", "ok"), ("login", "ok"), ("ask", "exists")]


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_run_is_told_from_its_queue_to_its_end(airflow: Airflow, ending: str) -> None:
    url = airflow.url + ending
    ask(url, trigger)
    airflow.dags["relevo"] = True
    found = ask(url, look)
    assert (found.state, found.paused) == (RunState.QUEUED, True)
    assert found.url == f"{airflow.url}/dags/relevo/runs/retrain__1"
    airflow.runs["retrain__1"]["state"] = "running"
    assert ask(url, look).state is RunState.RUNNING
    airflow.end("retrain__1", "success", decide="skipped")
    found = ask(url, look)
    assert found.state is RunState.SUCCEEDED
    assert found.ended_at.isoformat() == "2026-11-25T21:26:39.573371+00:00"
    assert found.tasks[2:] == tuple(
        TaskSeen(name, "skipped", name == "decide") for name in ("decide", "train", "promote")
    )


def test_a_token_that_is_refused_is_renewed(airflow: Airflow) -> None:
    ask(airflow.url, trigger)
    run = "/api/v2/dags/relevo/dagRuns/retrain__1"

    async def twice(api: AirflowApi) -> Any:
        await look(api)
        airflow.tokens.clear()  # 403: it signs with another key now
        await look(api)
        airflow.instead[run] = (401, {"detail": "Token Expired"})
        try:
            return await look(api)
        finally:
            del airflow.instead[run]

    assert ask(airflow.url, twice).outcome == DENIED  # a second 401 in a row is told
    assert airflow.asked.count("POST /auth/token") == 4


LOGIN, RUNS = "/auth/token", "/api/v2/dags/relevo/dagRuns"
FAULTS = {"detail": [{"loc": ["body", "conf"], "msg": "Field required", "input": PASSWORD}]}
QUOTED = {"detail": f"1 validation error [input_value={{'password': '{PASSWORD}'}}]"}
ODD: dict[str, tuple[str, Answer, str, str]] = {
    "import errors": (RUNS, (400, {"detail": "Dag 'relevo' has import errors"}), REFUSED, "import errors for one"),
    "faults": (RUNS, (422, FAULTS), REFUSED, "with 422; its page"),
    "what was sent is quoted": (LOGIN, (422, QUOTED), REFUSED, "answers the login with 422"),
    "failing": (LOGIN, (500, b"Internal Server Error"), AWAY, "got: 500"),
    "locked": (RUNS, (503, {"detail": "locked"}), AWAY, "got: 503"),
    "a portal": (LOGIN, (200, b"<!doctype html>"), AWAY, "expected an answer of Airflow's API"),
    "a proxy alone": (LOGIN, (404, b"default backend - 404"), AWAY, "the url in the Secret"),
    "a list": (LOGIN, (200, [1]), AWAY, "expected an answer of Airflow's API"),
    "no token": (LOGIN, (201, {}), AWAY, "no token that can be sent"),
    "an odd token": (LOGIN, (201, {"access_token": "a\nb"}), AWAY, "no token that can be sent"),
}


def refused(airflow: Airflow) -> No:
    """What it says against a run."""
    calls: Calls = []
    no = ask(airflow.url, trigger, on_call=lambda *call: calls.append(call))
    assert isinstance(no, No)
    assert PASSWORD not in no.message + repr(no)
    assert airflow.runs == {}
    assert {kind for kind, _ in calls} <= set(KINDS)
    assert {outcome for _, outcome in calls} <= set(OUTCOMES)
    return no


@pytest.mark.parametrize(("path", "answer", "outcome", "words"), ODD.values(), ids=ODD)
def test_an_answer_that_gives_no_run_is_told(
    airflow: Airflow, path: str, answer: Answer, outcome: str, words: str
) -> None:
    airflow.instead[path] = answer
    no = refused(airflow)
    assert (no.outcome, words in no.message) == (outcome, True), no.message


def test_what_airflow_refuses_is_told_with_what_to_do(airflow: Airflow) -> None:
    airflow.may_start = False
    assert "403; give its user the right" in refused(airflow).message
    airflow.may_start, airflow.dags = True, {}
    assert "404; correct spec.retraining.dag" in refused(airflow).message
    airflow.users["admin"] = "another"
    no = refused(airflow)
    assert (no.kind, no.outcome) == ("login", DENIED)
    assert "401; correct username and password in the Secret" in no.message


def test_a_run_that_is_not_there_is_missing(airflow: Airflow) -> None:
    no = ask(airflow.url, look)
    assert (no.kind, no.outcome) == ("look", MISSING)


def test_an_airflow_that_is_away_or_never_answers_is_told_in_time(airflow: Airflow) -> None:
    gate = Gate(airflow.port)
    gate.close()
    no = ask(gate.url, trigger)
    assert (no.outcome, gate.url in no.message) == (AWAY, True)
    airflow.answering.clear()
    no = ask(airflow.url, trigger, timeout=0.5)
    assert (no.outcome, "no answer within 0.5 s" in no.message) == (AWAY, True)
    assert list(airflow.runs) == ["retrain__1"]  # it was made all the same: asked again, it is found


def test_no_password_is_shown() -> None:
    assert PASSWORD not in repr(Login("admin", PASSWORD))
    no = ask("http://ana:hunter3@127.0.0.1:1", trigger)
    assert "hunter3" not in no.message
