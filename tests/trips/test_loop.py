"""The second use case goes through the same loop as house prices do, and leaves the same records."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import relevo_ui
from relevo_contract.record import Criterion, TrainReason
from relevo_ui import history
from relevo_ui.mlflow_records import MlflowRecords
from relevo_ui.wording import Wording
from tests.jobs.holdings import query
from tests.trips.conftest import MODEL, TRIPS, Loop


def test_each_batch_takes_the_way_that_its_data_call_for(loop: Loop) -> None:
    codes = [{step: code for step, (code, _) in run.items()} for run in loop.runs]
    trained = {"collect": 0, "clean": 0, "decide": 0, "train": 0, "promote": 0}
    kept = {"collect": 0, "clean": 0, "decide": 99}
    assert codes == [trained, kept, trained, kept, {"collect": 99, "clean": 99, "decide": 99}]
    reasons = [run["decide"][1].get("reason") for run in loop.runs]
    assert reasons[:4] == ["baseline", "quiet", "new_state", "broken_column"]


def test_a_new_district_is_told_and_the_challenger_that_learnt_it_takes_over(loop: Loop) -> None:
    run = loop.runs[2]
    assert "Hills, which version 1 hardly knows" in run["decide"][1]["sentence"]
    assert {"district", "station"} <= set(run["decide"][1]["moved"])
    promoted = run["promote"][1]
    assert (promoted["version"], promoted["champion_version"], promoted["criterion"]) == (2, 1, "better")
    assert promoted["challenger_error"]["high"] < promoted["champion_error"]["low"]
    assert "always saying the median minutes" in loop.runs[0]["promote"][1]["sentence"]


@pytest.fixture
def let_in(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process may read the databases, as the steps may."""
    monkeypatch.setenv("PGPASSFILE", loop.env["PGPASSFILE"])


@pytest.mark.usefixtures("let_in")
def test_rows_left_out_have_a_reason_and_raw_has_them_to_the_letter(loop: Loop) -> None:
    (came,) = query(loop.env["RELEVO_RAW_URL"], "select count(*) from raw.trips where minutes = '0'")
    rejected = "select count(*) from clean.rejections where reason = 'minutes_implausible'"
    (left_out,) = query(loop.env["RELEVO_CLEAN_URL"], rejected)
    assert came == left_out
    assert came[0] > 20


@pytest.mark.usefixtures("let_in")
def test_steps_run_again_find_nothing_to_do_and_change_nothing(loop: Loop) -> None:
    count = "select (select count(*) from clean.trips), (select count(*) from clean.batches)"
    before = query(loop.env["RELEVO_CLEAN_URL"], count)
    assert [loop.step(name)[0] for name in ("collect", "clean", "decide", "train", "promote")] == [99] * 5
    assert query(loop.env["RELEVO_CLEAN_URL"], count) == before


def test_the_history_reads_the_records(loop: Loop) -> None:
    records = MlflowRecords(loop.mlflow_url, MODEL, timeout=30)
    runs = records.batches()
    told = [record for run in runs if (record := records.record(run)) is not None]
    assert [record.decision.reason for record in told] == [
        TrainReason.BROKEN_COLUMN,
        TrainReason.NEW_STATE,
        TrainReason.QUIET,
        TrainReason.BASELINE,
    ]
    assert [record.outline() for record in told] == [run.outline for run in runs]
    rows = [history.row(run.run_id, run.tags, record, Wording(TRIPS)) for run, record in zip(runs, told, strict=True)]
    verdicts = [row.verdict for row in rows]
    far = history.Verdict
    assert verdicts == [far.BLOCKED, far.PROMOTED, far.KEPT, far.PROMOTED]
    assert rows[0].outcome.startswith("blocked: ")
    assert rows[1].facts[1].startswith("Hills ")
    judged = told[1].promotion
    assert judged is not None
    assert judged.criterion is Criterion.BETTER
    assert {state.state for state in judged.states} == {"Centre", "Harbour", "Hills"}
    profile = records.profile(2)
    assert profile is not None
    assert set(profile.columns) == {"minutes", "hour", "distance_km", "temperature", "district", "station", "bike"}
    assert records.production() == 2


def test_the_overview_shows_them(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", loop.mlflow_url)
    monkeypatch.setenv("RELEVO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RELEVO_MODEL", MODEL)
    page = AppTest.from_file(str(Path(relevo_ui.__file__).parent / "app.py"), default_timeout=60).run()
    assert not page.exception
    said = "\n".join(one.value for one in page.markdown)
    assert "4 batches, 2 trainings, 2 promoted; version 2 is in production." in said
    assert [link.proto.query_string for link in page.get("page_link")] == [f"batch={n}" for n in (4, 3, 2, 1)]


SHOWN = {
    "models": "Version 2 is better than the champion (version 1) beyond noise",
    "data": "4,200 rows came in 4 batches",
}


@pytest.mark.parametrize("view", SHOWN)
def test_the_pages_about_models_and_data_open(loop: Loop, monkeypatch: pytest.MonkeyPatch, view: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", loop.mlflow_url)
    monkeypatch.setenv("RELEVO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RELEVO_MODEL", MODEL)
    page = AppTest.from_file(str(Path(relevo_ui.__file__).parent / "views" / f"{view}.py"), default_timeout=60).run()
    assert not page.exception
    assert SHOWN[view] in "\n".join(one.value for one in page.markdown)
