from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from relevo_demo.servers import MlflowServer
from tests.serving_process import Serve, serving
from tests.versions import Versions, draw_listings, trained


@pytest.fixture(scope="session")
def bundles() -> tuple[Path, Path]:
    """Two versions' folders, of different data."""
    return trained()


@pytest.fixture(scope="session")
def listings() -> Mapping[str, NDArray[Any]]:
    """Listings that no version was trained on."""
    return draw_listings(300, 7)


@pytest.fixture
def versions(mlflow: MlflowServer, model_name: str) -> Versions:
    return Versions(mlflow.url, model_name)


@pytest.fixture
def serve(tmp_path: Path, versions: Versions) -> Serve:
    """Start the API with settings of the test's own, as a context manager."""
    return partial(serving, tmp_path, versions.tracking_uri, versions.model)
