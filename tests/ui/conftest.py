from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from relevo_demo.servers import MlflowServer
from relevo_jobs.registry import Registry
from tests.serving_process import Running, serving
from tests.ui import judgement, story
from tests.ui.browser import chromium
from tests.ui.loop import Loop, ran
from tests.versions import Versions, trained

TOLD = "house-prices-told"
JUDGED = "house-prices-judged"


@pytest.fixture(scope="session")
def bundles() -> tuple[Path, Path]:
    """Two versions' folders, of different data."""
    return trained()


@pytest.fixture(scope="session")
def told(mlflow: MlflowServer, bundles: tuple[Path, Path]) -> str:
    """The name of a model with six batches behind it, version 2 in production."""
    story.tell(Registry(mlflow.url, TOLD), bundles)
    return TOLD


@pytest.fixture(scope="session")
def judged(mlflow: MlflowServer, bundles: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a model with eight batches whose records have all that decisions are judged by."""
    judgement.tell(Registry(mlflow.url, JUDGED), bundles[0], tmp_path_factory.mktemp("judged"))
    return JUDGED


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed at the module's end: while it is open, no other test could run an event loop of its own."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def serving_told(mlflow: MlflowServer, told: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The inference API on that model."""
    with serving(tmp_path_factory.mktemp("serving"), mlflow.url, told) as api:
        api.wait_for_version(2)
        yield api


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Ten batches through the whole loop, on servers of its own."""
    with ran(tmp_path_factory.mktemp("loop")) as done:
        yield done


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, mlflow: MlflowServer) -> pytest.MonkeyPatch:
    """The environment of a page: nothing answers at its addresses but MLflow, until the test says otherwise."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.url)
    monkeypatch.setenv("RELEVO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RELEVO_TIMEOUT", "5")
    monkeypatch.delenv("RELEVO_USE_CASE", raising=False)
    return monkeypatch


@pytest.fixture
def versions(mlflow: MlflowServer, model_name: str) -> Versions:
    return Versions(mlflow.url, model_name)
