from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.whole.release import Release, installed

BATCHES, SEED = 4, 5
"""Three that call for a training, and one of 17 rows that does not."""


@pytest.fixture(scope="session")
def data() -> Path:
    """The public listings that the source serves."""
    given = os.environ.get("RELEVO_E2E_DATA", "")
    if not Path(given).is_file():
        pytest.fail(
            "expected RELEVO_E2E_DATA to name your copy of the public listings (realtor-data.csv), got "
            f"{given or 'nothing'}: docs/kubernetes.md says where they are from",
            pytrace=False,
        )
    return Path(given).resolve()


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Release]:
    """The whole system, synced by Argo CD."""
    with installed(tmp_path_factory.mktemp("repository"), data, BATCHES, SEED) as made:
        yield made
