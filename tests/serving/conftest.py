from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from relevo_demo.servers import MlflowServer
from relevo_serving.app import Host
from relevo_serving.model import Model
from relevo_serving.self_test import load_tested
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State, Wanted
from tests.serving_process import Serve, serving
from tests.versions import Versions, draw_listings, trained

SINCE = datetime(2026, 11, 4, 15, 2, 11, tzinfo=UTC)


def settings(**given: Any) -> Settings:
    return Settings(**{"tracking_uri": "http://127.0.0.1:9", "allowed_hosts": "testserver", **given})


def hosted(model: Model, state: State | None = None, **given: Any) -> Host:
    """The application with a version served, without a registry."""
    host = Host(settings(**given), State() if state is None else state)
    host.serve(Served(Wanted(3, "run-3"), model, SINCE))
    return host


@pytest.fixture(scope="session")
def bundles() -> tuple[Path, Path]:
    """Two versions' folders, of different data."""
    return trained()


@pytest.fixture(scope="session")
def models(bundles: tuple[Path, Path]) -> tuple[Model, Model]:
    """The same, loaded."""
    return load_tested(bundles[0]), load_tested(bundles[1])


@pytest.fixture(scope="session")
def listings() -> Mapping[str, NDArray[Any]]:
    """Listings that no version was trained on."""
    return draw_listings(300, 7)


Asking = Callable[..., TestClient]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Clients of applications with a version served, with settings of a test's own."""
    with ExitStack() as stack:
        yield lambda model, **given: stack.enter_context(TestClient(hosted(model, **given)))


@pytest.fixture
def versions(mlflow: MlflowServer, model_name: str) -> Versions:
    return Versions(mlflow.url, model_name)


@pytest.fixture
def serve(tmp_path: Path, versions: Versions) -> Serve:
    """Start the API with settings of the test's own, as a context manager."""
    return partial(serving, tmp_path, versions.tracking_uri, versions.model)
