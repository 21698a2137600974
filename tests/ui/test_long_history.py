from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st

from relevo_demo.servers import MlflowServer
from relevo_ui import session
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


def test_two_hundred_batches_are_told_by_four_requests_however_many_there_are(mlflow: MlflowServer, long: str) -> None:
    records = MlflowRecords(mlflow.url, long, timeout=30)
    runs = records.batches()
    outlines = records.outlines(runs)
    assert len(records.versions()) == 50
    assert records.production() == 50
    assert records.calls == OVERVIEW
    assert [o.batch.number for o in outlines if o is not None] == list(range(BATCHES, 0, -1))


def test_pages_ask_mlflow_once_for_what_several_of_them_show(
    env: pytest.MonkeyPatch, mlflow: MlflowServer, long: str
) -> None:
    env.setenv("RELEVO_MODEL", long)
    env.setenv("RELEVO_TIMEOUT", "30")
    st.cache_data.clear()
    records = session._mlflow(mlflow.url, long, 30.0)
    before = records.calls
    app = page("history").run()
    assert f"{BATCHES} batches, 50 trainings" in shown(app)
    assert len(app.dataframe[0].value) == BATCHES
    first = records.calls - before
    assert first <= OVERVIEW + 5, "the overview, the newest batch's record and its two pictures"
    app.run()
    page("data").run()
    # Nothing new was asked; had five seconds passed meanwhile, the runs, the versions and the alias.
    assert records.calls - before <= first + 2 * (OVERVIEW - 1)
