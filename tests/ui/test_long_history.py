from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st

from relevo_demo.servers import MlflowServer
from relevo_ui.mlflow_records import MlflowRecords
from tests.ui import long_history
from tests.ui.test_pages import page, shown

BATCHES = 200
OVERVIEW = 4
"""The experiment, its runs, the versions, the alias."""


@pytest.fixture(scope="module")
def long(mlflow: MlflowServer, bundles: tuple[Path, Path]) -> str:
    """The name of a model with 200 batches and 50 versions behind it."""
    long_history.write(mlflow.url, "house-prices-long", bundles[0], batches=BATCHES, versions=50)
    return "house-prices-long"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that httpx asked for in this process."""
    found: list[str] = []
    send = httpx.Client.send

    def counted(client: httpx.Client, request: httpx.Request, **how: Any) -> httpx.Response:
        if "/mlflow" in request.url.path or "get-artifact" in request.url.path:
            found.append(request.url.path)
        return send(client, request, **how)

    monkeypatch.setattr(httpx.Client, "send", counted)
    return found


def test_two_hundred_batches_are_told_by_four_requests_however_many_there_are(
    mlflow: MlflowServer, long: str, asked: list[str]
) -> None:
    records = MlflowRecords(mlflow.url, long, timeout=30)
    asked.clear()
    runs = records.batches()
    outlines = records.outlines(runs)
    assert len(records.versions()) == 50
    assert records.production() == 50
    assert len(asked) == OVERVIEW
    assert [o.batch.number for o in outlines if o is not None] == list(range(BATCHES, 0, -1))


def test_pages_ask_mlflow_once_for_what_several_of_them_show(
    env: pytest.MonkeyPatch, long: str, asked: list[str]
) -> None:
    env.setenv("RELEVO_MODEL", long)
    env.setenv("RELEVO_TIMEOUT", "30")
    st.cache_data.clear()
    asked.clear()
    app = page("overview").run()
    assert f"{BATCHES} batches, 50 trainings" in shown(app)
    assert len(app.get("page_link")) == 10
    first = len(asked)
    assert first <= OVERVIEW + 4, "the history, and of the newest version where it is, its data set and its profile"
    app.run()
    assert f"rows came in {BATCHES} batches" in shown(page("data").run())
    # Nothing new was asked; had five seconds passed meanwhile, the runs, the versions and the alias.
    assert len(asked) <= first + 2 * (OVERVIEW - 1)
