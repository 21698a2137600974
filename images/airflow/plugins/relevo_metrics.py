"""Airflow's state for Prometheus, at /relevo/metrics of its API server: one query of its database for each figure.

Airflow itself only pushes: StatsD needs an exporter beside it, OpenTelemetry a collector, or a Prometheus that takes
pushes. Both count what happens while they listen, and a counter that never moved is not there. What a person on call
asks ("does the scheduler live, is a step failing again and again") stands in Airflow's database, so it is read there
when Prometheus asks: no other part, nothing lost by a restart, and every API server says the same.

The API server alone loads this (AIRFLOW__CORE__PLUGINS_FOLDER is set for it and for no other process): a task's process
would import all of it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.plugins_manager import AirflowPlugin
from airflow.utils.session import create_session
from fastapi import FastAPI, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

RECENT = 50
"""Runs of a DAG that are looked at, the newest: enough to see what fails again and again."""
DONE = ("success", "skipped")
FAILED = ("failed", "up_for_retry")
BEATS = {"SchedulerJob": "scheduler", "DagProcessorJob": "dag_processor", "TriggererJob": "triggerer"}
RUN_STATES = ("queued", "running", "success", "failed")

Labels = Mapping[str, str]
Samples = Sequence[tuple[Labels, float]]


@dataclass(frozen=True)
class Try:
    """One try of a task: how it ended, or stands, and how long it took."""

    state: str | None
    seconds: float | None = None


@dataclass(frozen=True)
class Figure:
    """A gauge with all its samples."""

    name: str
    text: str
    samples: Samples


def failures_in_a_row(newest_first: Iterable[Try]) -> int:
    """Tries of one task that failed since it last did what it should, over all runs since then."""
    failed = 0
    for one in newest_first:
        if one.state in DONE:
            break
        failed += one.state in FAILED  # others are under way, or never began
    return failed


def exposition(figures: Iterable[Figure]) -> str:
    """Prometheus' text."""
    lines = []
    for one in figures:
        lines += [f"# HELP {one.name} {one.text}", f"# TYPE {one.name} gauge"]
        lines += [f"{one.name}{_braced(labels)} {value:.17g}" for labels, value in one.samples]
    return "\n".join(lines) + "\n"


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def figures(session: Session) -> Iterator[Figure]:
    """Everything that is told."""
    yield _beats(session)
    errors = session.scalar(select(func.count()).select_from(ParseImportError))
    yield Figure("relevo_airflow_import_errors", "DAG files that Airflow cannot read", [({}, errors or 0)])
    dags = {one.dag_id: one.is_paused for one in session.execute(_dags())}
    yield Figure(
        "relevo_airflow_dag_paused", "1 if the DAG is paused: no run of it starts",
        [({"dag": dag}, float(paused)) for dag, paused in dags.items()],
    )  # fmt: skip
    yield from _runs(session, dags)
    yield from _tasks(session, dags)


def _dags():
    return select(DagModel.dag_id, DagModel.is_paused).where(~DagModel.is_stale).order_by(DagModel.dag_id)


def _beats(session: Session) -> Figure:
    newest = session.execute(
        select(Job.job_type, func.max(Job.latest_heartbeat)).where(Job.job_type.in_(BEATS)).group_by(Job.job_type)
    ).all()
    return Figure(
        "relevo_airflow_heartbeat_timestamp_seconds", "When this part of Airflow last said that it lives",
        [({"part": BEATS[kind]}, _seconds(at)) for kind, at in newest if at is not None],
    )  # fmt: skip


def _runs(session: Session, dags: Iterable[str]) -> Iterator[Figure]:
    counted: dict[tuple[str, str], tuple[int, datetime | None]] = {
        (dag, state): (count, ended)
        for dag, state, count, ended in session.execute(
            select(DagRun.dag_id, DagRun.state, func.count(), func.max(DagRun.end_date)).group_by(
                DagRun.dag_id, DagRun.state
            )
        ).all()
    }
    wanted = [(dag, state) for dag in dags for state in RUN_STATES]
    known = [({"dag": dag, "state": state}, counted.get((dag, state), (0, None))) for dag, state in wanted]
    yield Figure(
        "relevo_airflow_dag_runs", "Runs of the DAG by state, all that Airflow keeps",
        [(labels, count) for labels, (count, _) in known],
    )  # fmt: skip
    yield Figure(
        "relevo_airflow_dag_run_ended_timestamp_seconds", "When a run of the DAG last ended so",
        [(labels, _seconds(ended)) for labels, (_, ended) in known if ended is not None],
    )  # fmt: skip


def _tasks(session: Session, dags: Iterable[str]) -> Iterator[Figure]:
    failing: list[tuple[Labels, float]] = []
    took: list[tuple[Labels, float]] = []
    for dag in dags:
        for task, tries in _recent(session, dag).items():
            labels = {"dag": dag, "task": task}
            failing.append((labels, failures_in_a_row(tries)))
            last = next((one.seconds for one in tries if one.state == "success" and one.seconds is not None), None)
            if last is not None:
                took.append((labels, last))
    yield Figure(
        "relevo_airflow_task_failures_in_a_row",
        "Tries of the task that failed since it last succeeded or had nothing to do", failing,
    )  # fmt: skip
    yield Figure("relevo_airflow_task_seconds", "How long the task took when it last succeeded", took)


def _recent(session: Session, dag: str) -> dict[str, list[Try]]:
    """By task its tries in the DAG's newest runs, newest first."""
    runs = select(DagRun.run_id, DagRun.run_after, DagRun.id).where(DagRun.dag_id == dag)
    recent = runs.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(RECENT).subquery()
    found = []
    for table in (TaskInstanceHistory, TaskInstance):
        of = (table.task_id, table.map_index, table.try_number, table.state, table.duration)
        joined = select(recent.c.run_after, recent.c.id, *of).join(recent, table.run_id == recent.c.run_id)
        found += session.execute(joined.where(table.dag_id == dag)).all()
    # A try that waits for the next one stands in both tables; the task instance's own row comes last, and holds.
    once = {
        (task, at, run, index, number): Try(state, seconds) for at, run, task, index, number, state, seconds in found
    }
    tries: dict[str, list[Try]] = defaultdict(list)
    for (task, *_), one in sorted(once.items(), key=lambda item: item[0], reverse=True):
        tries[task].append(one)
    return dict(tries)


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


app = FastAPI(title="Airflow's state for Prometheus", docs_url=None, openapi_url=None)


@app.get("/metrics")
def metrics() -> Response:
    """Not a coroutine: it waits for the database in a thread."""
    with create_session() as session:
        text = exposition(figures(session))
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


class RelevoMetrics(AirflowPlugin):
    """Mounts it in the API server."""

    name = "relevo_metrics"
    fastapi_apps: ClassVar = [{"app": app, "url_prefix": "/relevo", "name": "relevo metrics"}]
