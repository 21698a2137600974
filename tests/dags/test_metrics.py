"""What Airflow's API server tells Prometheus: its own database, read as a person on call would ask."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def plugin() -> ModuleType:
    """As Airflow loads it: a file of its plugins folder."""
    path = ROOT / "images" / "airflow" / "plugins" / "relevo_metrics.py"
    spec = importlib.util.spec_from_file_location("relevo_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["relevo_metrics"] = module
    spec.loader.exec_module(module)
    initdb()
    return module


@pytest.fixture
def told(plugin: ModuleType) -> Iterator[dict[str, float]]:
    """What is told of two DAGs: `relevo`, whose train fails again and again, and one that is paused."""
    _empty()
    with create_session() as session:
        if session.get(DagBundleModel, "relevo") is None:
            session.add(DagBundleModel(name="relevo"))
            session.flush()
        for dag, paused in (("relevo", False), ("paused", True), ("stale", False)):
            session.execute(
                insert(DagModel).values(
                    dag_id=dag, is_paused=paused, is_stale=dag == "stale", bundle_name="relevo", max_active_tasks=1,
                    max_consecutive_failed_dag_runs=0, has_task_concurrency_limits=False, fail_fast=False,
                    exceeds_max_non_backfill=False, timetable_type="", timetable_partitioned=False,
                    timetable_periodic=False,
                )
            )  # fmt: skip
        first = _run(session, 1, "success")
        _task(session, first, "collect", "success", seconds=3.5)
        _task(session, first, "train", "success", seconds=20.0, tries=2)
        second = _run(session, 2, "failed")
        _task(session, second, "collect", "success", seconds=2.5)
        _task(session, second, "train", "failed", tries=3)
        third = _run(session, 3, "running")
        _task(session, third, "collect", "skipped")
        _task(session, third, "train", "running", tries=2)
        session.add(Job(job_type="SchedulerJob", state="running", latest_heartbeat=NOW))
        session.add(Job(job_type="SchedulerJob", state="failed", latest_heartbeat=NOW - timedelta(hours=1)))
        session.add(ParseImportError(filename="broken.py", bundle_name="relevo", stacktrace="no", timestamp=NOW))
    answer = TestClient(plugin.app).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    yield {name: float(value) for name, value in lines}
    _empty()  # the tests of the DAG use the same database


def _empty() -> None:
    with create_session() as session:
        for table in (TaskInstanceHistory, TaskInstance, DagRun, DagModel, Job, ParseImportError):
            session.execute(delete(table))


def _run(session, number: int, state: str) -> DagRun:
    run = DagRun(
        dag_id="relevo", run_id=f"run-{number}", run_type=DagRunType.MANUAL, state=state,
        run_after=NOW + timedelta(minutes=number), start_date=NOW,
    )  # fmt: skip
    if state in ("success", "failed"):
        run.end_date = NOW + timedelta(minutes=number)
    session.add(run)
    session.flush()
    return run


def _task(session, run: DagRun, task: str, state: str, *, seconds: float | None = None, tries: int = 1) -> None:
    """A task instance at this try; those before it failed."""
    row = {
        "dag_id": "relevo", "run_id": run.run_id, "task_id": task, "map_index": -1, "pool": "default_pool",
        "pool_slots": 1, "duration": seconds, "max_tries": 5,
    }  # fmt: skip
    session.execute(insert(TaskInstance).values(id=uuid4(), state=state, try_number=tries, **row))
    session.flush()
    # A try that waits for the next one stands in both tables.
    last = tries + (state == "up_for_retry")
    for number in range(1, last):
        session.execute(
            insert(TaskInstanceHistory).values(task_instance_id=uuid4(), state="failed", try_number=number, **row)
        )


def test_failures_are_counted_since_a_step_last_did_its_work(told: dict[str, float]) -> None:
    name = 'relevo_airflow_task_failures_in_a_row{dag="relevo",task="%s"}'
    assert told[name % "collect"] == 0
    assert told[name % "train"] == 3 + 1, "three tries of the second run, the first of the third"


@pytest.mark.parametrize(
    ("newest_first", "failures"),
    [
        ((), 0),
        (("success", "failed"), 0),
        (("skipped", "failed"), 0),
        (("running", "failed", "failed", "success", "failed"), 2),
        (("up_for_retry", "failed", None), 2),
        (("upstream_failed", "failed", "removed", "success"), 1),
    ],
)
def test_what_counts_as_a_failure(plugin: ModuleType, newest_first: tuple[str | None, ...], failures: int) -> None:
    assert plugin.failures_in_a_row(plugin.Try(state) for state in newest_first) == failures


def test_a_try_that_waits_for_the_next_one_counts_once(plugin: ModuleType, told: dict[str, float]) -> None:
    with create_session() as session:
        _task(session, _run(session, 4, "running"), "train", "up_for_retry", tries=2)
        found = plugin._recent(session, "relevo")
    assert plugin.failures_in_a_row(found["train"]) == 3 + 1 + 2


def test_runs_and_parts_are_told(told: dict[str, float]) -> None:
    assert told['relevo_airflow_dag_runs{dag="relevo",state="success"}'] == 1
    assert told['relevo_airflow_dag_runs{dag="relevo",state="queued"}'] == 0
    assert told['relevo_airflow_dag_runs{dag="paused",state="success"}'] == 0
    ended = 'relevo_airflow_dag_run_ended_timestamp_seconds{dag="relevo",state="%s"}'
    assert told[ended % "failed"] == (NOW + timedelta(minutes=2)).timestamp()
    assert ended % "running" not in told
    assert told['relevo_airflow_dag_paused{dag="paused"}'] == 1
    assert not any("stale" in name for name in told), "a DAG whose file is gone"
    assert told['relevo_airflow_heartbeat_timestamp_seconds{part="scheduler"}'] == NOW.timestamp()
    assert told["relevo_airflow_import_errors"] == 1
    assert told['relevo_airflow_task_seconds{dag="relevo",task="collect"}'] == 2.5
    assert told['relevo_airflow_task_seconds{dag="relevo",task="train"}'] == 20


def test_a_label_is_escaped(plugin: ModuleType) -> None:
    figure = plugin.Figure("a", "b", [({"dag": 'x"\\\n'}, 1)])
    assert plugin.exposition([figure]) == '# HELP a b\n# TYPE a gauge\na{dag="x\\"\\\\\\n"} 1\n'


def test_the_api_server_mounts_it_where_prometheus_asks(plugin: ModuleType) -> None:
    (app,) = plugin.RelevoMetrics.fastapi_apps
    assert app["url_prefix"] == "/relevo"
    chart = (ROOT / "charts" / "relevo" / "templates" / "prometheus.yaml").read_text()
    assert "metrics_path: /relevo/metrics" in chart
