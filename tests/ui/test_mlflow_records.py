from __future__ import annotations

import pytest

from relevo_demo.servers import MlflowServer
from relevo_ui.errors import MlflowAway
from relevo_ui.mlflow_records import MlflowRecords


def test_a_runs_tag_is_the_outline_of_its_record_at_every_stage(mlflow: MlflowServer, told: str) -> None:
    records = MlflowRecords(mlflow.url, told, timeout=10)
    runs = records.batches()
    assert len(runs) == 6
    for run in runs:
        whole = records.record(run)
        assert whole is not None
        assert run.outline == whole.outline()


def test_versions_come_newest_first_with_their_tags(mlflow: MlflowServer, told: str) -> None:
    versions = MlflowRecords(mlflow.url, told, timeout=10).versions()
    assert [v.number for v in versions] == [3, 2, 1]
    assert [v.tags["relevo.outcome"] for v in versions] == ["rejected", "promoted", "promoted"]


def test_a_model_nobody_knows_has_no_history(mlflow: MlflowServer) -> None:
    records = MlflowRecords(mlflow.url, "nobody's", timeout=10)
    assert (records.batches(), records.versions(), records.production()) == ([], [], None)


def test_an_mlflow_that_is_away_is_told_with_its_address() -> None:
    with pytest.raises(MlflowAway, match=r"http://127\.0\.0\.1:9 does not answer"):
        MlflowRecords("http://me:secret@127.0.0.1:9", "any", timeout=1).batches()
