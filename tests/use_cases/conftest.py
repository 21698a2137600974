"""A use case through the whole loop: prepare, and runs of every step, each a process, until its source is exhausted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from tests.conftest import BUCKET
from tests.killing import base_env
from tests.trips.conftest import Loop

MOST_RUNS = 20
Through = Callable[[Path], Loop]


@pytest.fixture(scope="session")
def through(postgres: PostgresServer, s3: S3Server, mlflow: MlflowServer) -> Iterator[Through]:
    """Take a use case through the loop, on databases of its own."""

    def loop(use_case: Path) -> Loop:
        mark = secrets.token_hex(4)
        for kind in ("raw", "clean"):
            postgres.create_database(f"{kind}_{mark}")
        env = {
            **base_env(), **postgres.env, **s3.env,
            "RELEVO_GROUP": "1", "RELEVO_RAW_URL": postgres.url(f"raw_{mark}"),
            "RELEVO_CLEAN_URL": postgres.url(f"clean_{mark}"), "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_USE_CASE": str(use_case), "RELEVO_TERMINATION_LOG": "/nowhere", "RELEVO_MODEL": f"model-{mark}",
            "MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_THREADS": "2",
        }  # fmt: skip
        done = Loop(env, mlflow.url)
        code, said = done.step("prepare")
        assert code == 0, said
        while not done.runs or done.runs[-1]["collect"][0] == 0:
            assert len(done.runs) < MOST_RUNS
            done.runs.append(done.run())
            assert {code for code, _ in done.runs[-1].values()} <= {0, 99}, done.runs[-1]
        return done

    yield loop
