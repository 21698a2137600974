"""The trips through the loop, once a run: every step a process, in the order and under the conditions of the DAG."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server, SourceServer
from relevo_jobs.use_case import load
from tests.conftest import BUCKET
from tests.killing import base_env

USE_CASE = Path(__file__).with_name("use_case.yaml")
TRIPS = load(USE_CASE).data
MODEL = "trip-minutes"
ROOT = Path(__file__).parents[2]
Said = tuple[int, dict[str, Any]]


@dataclass
class Loop:
    """What each step of each run said, and the environment they had."""

    env: Mapping[str, str]
    mlflow_url: str
    runs: list[dict[str, Said]] = field(default_factory=list)

    def step(self, name: str) -> Said:
        """Run one step to its end: exit code and last line."""
        command = [sys.executable, "-m", "relevo_jobs.cli", name]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def run(self) -> dict[str, Said]:
        """One run of the DAG: `clean` and `decide` always, the others if the one before did something."""
        said = {"collect": self.step("collect"), "clean": self.step("clean"), "decide": self.step("decide")}
        for name, before in (("train", "decide"), ("promote", "train")):
            if before in said and said[before][0] == 0:
                said[name] = self.step(name)
        return said


@pytest.fixture(scope="session")
def loop(
    postgres: PostgresServer, s3: S3Server, mlflow: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loop]:
    """Four batches and the run that finds no more, on databases of their own."""
    for name in ("trips_raw", "trips_clean"):
        postgres.create_database(name)
    with SourceServer(tmp_path_factory.mktemp("trips"), module="tests.trips.source") as source:
        env = {
            **base_env(),
            **postgres.env,
            **s3.env,
            "RELEVO_GROUP": "6",
            "RELEVO_SOURCE_URL": source.url,
            "RELEVO_RAW_URL": postgres.url("trips_raw"),
            "RELEVO_CLEAN_URL": postgres.url("trips_clean"),
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_USE_CASE": str(USE_CASE),
            "RELEVO_TERMINATION_LOG": "/nowhere",
            "MLFLOW_TRACKING_URI": mlflow.url,
        }
        done = Loop(env, mlflow.url)
        code, said = done.step("prepare")
        assert code == 0, said
        done.runs = [done.run() for _ in range(5)]
        yield done
