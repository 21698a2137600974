"""A real MLflow, CLEAN with known batches, and versions made without a training of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.record import (
    BatchRef,
    Criterion,
    DecisionRecord,
    Estimate,
    Promotion,
    Training,
    TrainReason,
    TrainVerdict,
)
from relevo_demo.servers import MlflowServer
from relevo_jobs.cli import main
from relevo_jobs.registry import Registry
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train.fitting import fit
from relevo_jobs.train.writing import write
from relevo_jobs.use_case import Context
from tests.conftest import Databases
from tests.houses import LISTINGS, OPTIONS
from tests.jobs.market import Table, listings, store
from tests.jobs.registry.told import Told
from tests.killing import base_env

# MLflow's own client, which the tests read with, draws a bar for every file.
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

GROUP = 6
EVEN = Estimate(value=0.2, low=0.18, high=0.22)


def ref(number: int, sha256: str | None = None) -> BatchRef:
    return BatchRef(group=GROUP, number=number, sha256=sha256 or f"{number:064x}", rows=500, kept=490)


def decision(number: int, *, train: bool, champion: int | None = None) -> DecisionRecord:
    reason = TrainReason.ERROR if train else TrainReason.QUIET
    verdict = TrainVerdict(train=train, reason=reason, sentence=f"what batch {number} is like", moved=("price",))
    return DecisionRecord(
        batch=ref(number),
        champion_version=champion,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number),
        decision=verdict,
    )


def trained(record: DecisionRecord, batches: tuple[int, ...] = (1,)) -> DecisionRecord:
    training = Training(
        version=None, batches=batches, rows=400, seed=0, parameters={"eta": 0.1}, seconds=1.5, onnx_difference=1e-6
    )
    return record.model_copy(update={"training": training})


def promotion(challenger: int, champion: int | None, *, promoted: bool = True) -> Promotion:
    return Promotion(
        promoted=promoted,
        criterion=Criterion.BETTER if promoted else Criterion.NOT_BETTER,
        sentence="because",
        rows=100,
        champion_version=champion,
        challenger_version=challenger,
        champion=EVEN,
        challenger=EVEN,
        difference=EVEN,
    )


@pytest.fixture
def registry(mlflow: MlflowServer, model_name: str) -> Registry:
    return Registry(mlflow.url, model_name)


@pytest.fixture
def clean(databases: Databases) -> CleanStore:
    return CleanStore(databases.clean_url, GROUP, LISTINGS)


def _bundle(folder: Path, rows: Table, batches: tuple[int, ...]) -> Path:
    x = pd.DataFrame(graph_inputs(LISTINGS, rows))
    fitted = fit(x, np.log(rows["price"]), Context(LISTINGS, 0, 1), OPTIONS)
    write(folder, fitted, LISTINGS, rows, held_out=listings(300, 999), batches=batches, seed=0)
    return folder


@pytest.fixture(scope="session")
def poor_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a version that saw 60 rows of batch 1."""
    return _bundle(tmp_path_factory.mktemp("poor"), listings(60, 1), (1,))


@pytest.fixture(scope="session")
def good_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a version that saw 1,500 rows of batches 1 and 2."""
    return _bundle(tmp_path_factory.mktemp("good"), listings(1500, 2), (1, 2))


Env = dict[str, str]
Version = Callable[[int, Path, tuple[int, ...]], str]


@pytest.fixture
def version(registry: Registry) -> Version:
    """Register a version for a batch, from files that are there; returns the run's id."""

    def register(number: int, folder: Path, batches: tuple[int, ...]) -> str:
        record = decision(number, train=True)
        run_id = registry.save_decision(record)
        registry.register(run_id, folder, trained(record, batches))
        return run_id

    return register


@pytest.fixture
def env(databases: Databases, mlflow: MlflowServer, model_name: str) -> Env:
    return {
        **base_env(),
        **databases.env,
        "RELEVO_GROUP": str(GROUP),
        "RELEVO_CLEAN_URL": databases.clean_url,
        "RELEVO_MODEL": model_name,
        "RELEVO_THREADS": "1",
        "MLFLOW_TRACKING_URI": mlflow.url,
    }


@pytest.fixture
def told(mlflow: MlflowServer, model_name: str) -> Told:
    return Told(mlflow.url, model_name)


@pytest.fixture
def here(env: Env, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Run a step in this process, which takes no second to start."""
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    return lambda step: main([step])


@pytest.fixture
def champion(
    registry: Registry, version: Version, poor_bundle: Path, clean: CleanStore, here: Callable[[str], int]
) -> int:
    """Version 1, trained on batch 1, in production."""
    store(clean, GROUP, 1, listings(300, 1))
    version(1, poor_bundle, (1,))
    assert here("promote") == 0
    promoted = registry.champion()
    assert promoted is not None
    return promoted.number


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return line
