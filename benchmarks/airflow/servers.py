"""Airflow's processes on this machine, each with a free port of 127.0.0.1, as children of the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg

from benchmarks.airflow import chart
from relevo_demo.servers import PostgresServer, free_port
from relevo_demo.servers.process import HOST, Server, wait_for_all

AIRFLOW = chart.ROOT / ".airflow/bin/airflow"


class Airflow:
    """An Airflow with its own home, its own database, and one DAG."""

    def __init__(self, dag: str, home: Path, postgres: PostgresServer, settings: Mapping[str, str]) -> None:
        self.dag, self._home, self._postgres, self._port = dag, home, postgres, free_port()
        self._database = f"airflow_{home.name}"
        self._servers: list[Server] = []
        address = f"{HOST}:{postgres.port}/{self._database}"
        self._env = {
            **settings,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://relevo:{postgres.password}@{address}",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{self._port}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make the database, and run the processes until the block ends."""
        self._home.mkdir()
        self._postgres.create_database(self._database)
        command = [str(AIRFLOW), "db", "migrate"]
        done = subprocess.run(command, env=os.environ | self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"expected Airflow to make its database, it says:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        api = self._process("api-server", "--host", HOST, "--port", str(self._port))
        self._servers = [api, self._process("scheduler"), self._process("dag-processor")]
        with ExitStack() as stack:
            for one in self._servers:
                stack.callback(one.stop)
                one.start()
            wait_for_all([api])
            yield

    def _process(self, name: str, *arguments: str) -> Server:
        return Server(
            name,
            [str(AIRFLOW), name, *arguments],
            log=self._home / f"{name}.log",
            ready=self._answers,
            env=self._env,
            cwd=self._home,
            stop_timeout=5,
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{HOST}:{self._port}/api/v2/version", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def tails(self) -> str:
        """The ends of the processes' logs."""
        return "\n".join(f"{one.name} says:\n{one.tail()}" for one in self._servers)

    def tasks(self) -> list[tuple[str, str, str, float, float]]:
        """Every task that has come to an end, in order: its run, name, state, begin and end."""
        with psycopg.connect(self._postgres.url(self._database), passfile=str(self._postgres.passfile)) as connection:
            return connection.execute(
                "select run_id, task_id, state,"
                " extract(epoch from start_date)::float8, extract(epoch from end_date)::float8"
                " from task_instance where dag_id = %s and start_date is not null and end_date is not null"
                " order by start_date",
                (self.dag,),
            ).fetchall()


def defaults() -> dict[str, str]:
    """Nothing of the chart's: Airflow follows the folder of the DAG that sets nothing either."""
    bundles = [{
        "name": "bench",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(Path(__file__).parent / "defaults")},
    }]  # fmt: skip
    return {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}


def relevo() -> dict[str, str]:
    """The chart's settings, and the checkout's DAG."""
    bundles = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
    found = chart.environment()
    return found | {bundles: chart.following(found[bundles], chart.ROOT / "dags")}
