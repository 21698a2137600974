from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import namespace
from tests.e2e.system import System, installed

__all__ = ["namespace"]

# The steps' code turns retries off where nobody has set them; the way from here into the cluster drops a connection now
# and then, before its request is read.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "5"


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """The operator and MLflow on the cluster of KUBECONFIG; gone before the whole system needs the room."""
    with installed() as running:
        yield running
