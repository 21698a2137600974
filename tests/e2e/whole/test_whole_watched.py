"""What Prometheus knows of the whole system, after its loop ran under load (test_whole.py)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e import in_cluster_load
from tests.e2e.whole.release import MODEL, NAME, Release
from tests.monitoring.documented import names_in
from tests.monitoring.exposed import series
from tests.monitoring.queries import Query, of_alerts, of_panels, recorded, rules

JOBS = {f"relevo-{part}" for part in ("serving", "operator", "mlflow", "airflow", "ui", "postgres", "prometheus")}
UNSEEN = {"instances": [{"bed": 2, "house_size": 900, "city": "Nowhere", "state": "Atlantis"}]}
SELDOM = "mlflow_http_request_exceptions_total"
"""Not there before the first."""
RATE = 10
"""Predictions a second."""
MINUTES = 2
"""For which the load goes on: as far back as the shortest of the queries looks."""


@pytest.fixture(scope="module")
def prometheus(release: Release) -> Iterator[httpx.Client]:
    """Prometheus' API while predictions are asked for, of a row that the model knows and of one that it does not."""
    in_cluster_load.start(release.namespace, f"http://{MODEL}:8000/predict", rate=RATE, name="watched", at_most=900)
    began = time.monotonic()
    with (
        release.namespace.port_forward(f"svc/{MODEL}", 8000) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{release.ports['prometheus']}/api/v1/", timeout=30) as client,
    ):
        while time.monotonic() - began < 60 * MINUTES:
            httpx.post(f"http://127.0.0.1:{api}/predict", json=UNSEEN, timeout=10).raise_for_status()
            time.sleep(2)
        yield client
    in_cluster_load.stop(release.namespace, name="watched")


def ask(prometheus: httpx.Client, path: str, **parameters: str) -> Any:
    answer = prometheus.post(path, data=parameters) if parameters else prometheus.get(path)
    body = answer.json()
    assert body["status"] == "success", body
    return body["data"]


def values(prometheus: httpx.Client, query: str) -> list[float]:
    return [float(one["value"][1]) for one in ask(prometheus, "query", query=query)["result"]]


def test_every_part_is_asked_and_answers(release: Release, prometheus: httpx.Client) -> None:
    found = ask(prometheus, "targets")["activeTargets"]
    assert {one["labels"]["job"] for one in found} == JOBS
    assert [(one["labels"], one["lastError"]) for one in found if one["health"] != "up"] == []
    serving = [one["labels"]["instance"] for one in found if one["labels"]["job"] == "relevo-serving"]
    pods = release.namespace.find("pods", f"relevo.dev/modeldeployment={MODEL}")
    there = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    assert sorted(serving) == sorted(f"{one['status']['podIP']}:8000" for one in there)


@pytest.mark.parametrize("query", [*recorded(), *of_panels(), *of_alerts()], ids=lambda query: query.where)
def test_every_query_of_dashboards_and_alerts_returns_data(prometheus: httpx.Client, query: Query) -> None:
    assert values(prometheus, query.text), query.text


def test_what_others_expose_is_what_the_document_lists(prometheus: httpx.Client) -> None:
    found = set(ask(prometheus, "label/__name__/values"))
    for name in (names_in("MLflow") | names_in("The UI") | names_in("The databases") | names_in("Airflow")) - {SELDOM}:
        assert series({name}) & found, name


def test_what_is_told_is_true(release: Release, prometheus: httpx.Client) -> None:
    serving = release.status()["servedVersion"]
    assert values(prometheus, 'relevo_modeldeployment_version{role="served"}') == [serving]
    assert set(values(prometheus, 'relevo_serving_version{role="served"}')) == {serving}
    runs = release.airflow.runs()
    assert values(prometheus, 'relevo_airflow_dag_runs{dag="house-prices",state="success"}') == [len(runs)]
    assert max(values(prometheus, "relevo_airflow_task_failures_in_a_row")) == 0, "the killed steps did their work"
    with release.database("raw") as raw:
        newest = raw.execute("select max(batch_number) from raw.batches").fetchone()
    assert newest is not None
    assert values(prometheus, "relevo_batch_number") == [newest[0]]
    asked = 300 * values(prometheus, "sum(relevo:predictions:rate5m)")[0]
    assert asked > 0.8 * RATE * 60 * MINUTES


def test_the_rules_are_those_of_the_chart_and_only_what_is_wrong_is_told(prometheus: httpx.Client) -> None:
    groups = ask(prometheus, "rules")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in found} == {rule.get("alert") or rule["record"] for rule in rules()}
    assert [(rule["name"], rule["lastError"]) for rule in found if rule["health"] != "ok"] == []
    told = {one["labels"]["alertname"] for one in ask(prometheus, "alerts")["alerts"]}
    assert told == {"RelevoLiveInputsDrift"}, "the load asks for one row, again and again"


def test_a_grafana_finds_the_dashboards(release: Release) -> None:
    (found,) = release.namespace.find("configmaps", "grafana_dashboard=1")
    titles = {json.loads(text)["title"] for text in found["data"].values()}
    assert titles == {"Relevo / Serving", "Relevo / Model and data", "Relevo / Pipeline and operator"}


def test_a_prometheus_that_is_killed_knows_what_it_knew(release: Release, prometheus: httpx.Client) -> None:
    before = time.time()
    pod = f"{NAME}-prometheus-0"
    uid = release.namespace.get(f"pod/{pod}")["metadata"]["uid"]
    release.namespace.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    release.namespace.until(lambda: release.namespace.get(f"pod/{pod}")["metadata"]["uid"] != uid)
    release.namespace.wait("condition=Ready", f"pod/{pod}")

    def known() -> list[Any]:
        try:
            found: list[Any] = ask(prometheus, "query", query="relevo_batch_number", time=str(before - 60))["result"]
        except (httpx.TransportError, ValueError):  # it, or the way there, is being made anew
            return []
        return found

    assert release.namespace.until(known, timeout=60)
