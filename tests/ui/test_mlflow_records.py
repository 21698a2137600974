from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relevo_contract import names
from relevo_demo.servers import MlflowServer
from relevo_ui.errors import MlflowAway
from relevo_ui.mlflow_records import MlflowRecords
from tests.houses import LISTINGS
from tests.versions import Versions


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


def test_a_version_of_an_earlier_format_has_none_of_the_files_beside_the_graph(
    versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    earlier = shutil.copytree(bundles[0], tmp_path / "earlier", ignore=shutil.ignore_patterns("relevo"))
    run = versions.client.create_run(versions.experiment).info
    versions.client.log_artifacts(run.run_id, str(earlier), names.MODEL_FOLDER)
    source = f"{run.artifact_uri}/{names.MODEL_FOLDER}"
    before = int(versions.client.create_model_version(versions.model, source, run.run_id).version)
    now = versions.register(bundles[0])
    records = MlflowRecords(versions.tracking_uri, versions.model, timeout=10)
    summary, profile = records.shap(now), records.profile(now)
    assert summary is not None
    assert sorted(summary.columns) == sorted(LISTINGS.inputs)
    assert profile is not None
    assert (records.picture(now, names.SHAPLEY_PICTURES[0]) or b"").startswith(b"\x89PNG")
    found = (records.shap(before), records.profile(before), records.picture(before, names.SHAPLEY_PICTURES[0]))
    assert found == (None, None, None)


def test_a_model_nobody_knows_has_no_history(mlflow: MlflowServer) -> None:
    records = MlflowRecords(mlflow.url, "nobody's", timeout=10)
    assert (records.batches(), records.versions(), records.production()) == ([], [], None)


def test_an_mlflow_that_is_away_is_told_with_its_address() -> None:
    with pytest.raises(MlflowAway, match=r"http://127\.0\.0\.1:9 does not answer"):
        MlflowRecords("http://me:secret@127.0.0.1:9", "any", timeout=1).batches()
