"""The steps' environment, in this process."""

from __future__ import annotations

import pytest


@pytest.fixture
def environment(step_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """All that the steps need but a group, a model and a source."""
    for name, value in (step_env | {"RELEVO_REPEAT_WAIT": "0", "RELEVO_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch
