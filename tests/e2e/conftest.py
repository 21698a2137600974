from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import namespace
from tests.e2e.system import System, installed

__all__ = ["namespace"]


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """The operator and MLflow on the cluster of KUBECONFIG; gone before the whole system needs the room."""
    with installed() as running:
        yield running
