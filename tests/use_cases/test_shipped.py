"""The use cases that ship without a line of Python, and one with a target of any sign, through the whole loop."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
import onnxruntime
import pytest
from mlflow import MlflowClient

from relevo_contract import names
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.probabilities import auc
from relevo_jobs.stores.clean import open_clean
from relevo_jobs.use_case import load
from tests.jobs.holdings import query
from tests.trips.conftest import Loop
from tests.use_cases.conftest import Through
from use_cases import packaged_data

pytestmark = pytest.mark.timeout(1200)


def promoted(loop: Loop) -> list[dict[str, Any]]:
    """What promote said of each version that went to production."""
    said = [run["promote"][1] for run in loop.runs if "promote" in run]
    found = [one for one in said if one.get("promoted")]
    assert found, [one["sentence"] for one in said]
    return found


def test_hourly_bikers_are_predicted_far_better_than_by_their_median_and_better_as_the_year_goes_on(
    through: Through,
) -> None:
    packaged_data.write("bikeshare")
    loop = through(packaged_data.HERE / "bikeshare" / "use_case.yaml")
    assert [run["collect"][1].get("rows") for run in loop.runs] == [2000, 2000, 2000, 2000, 645, None]
    first, *_, last = promoted(loop)
    assert "always saying the median bikers" in first["sentence"]
    assert first["challenger_error"]["high"] < 0.3
    assert last["challenger_error"]["value"] < first["challenger_error"]["value"] + 0.02
    assert last["version"] > first["version"], "a later version took over"


def test_bad_loans_are_told_better_than_by_their_share(through: Through) -> None:
    packaged_data.write("lending-club")
    use_case = packaged_data.HERE / "lending-club" / "use_case.yaml"
    loop = through(use_case)
    assert sum(run["collect"][1].get("rows", 0) for run in loop.runs) == 9_857
    first, *_ = promoted(loop)
    assert "better than" in first["sentence"]
    later = range(first["batch"] + 1, 6)
    assert len(later) >= 1, "rows are left that the version never saw"
    found = auc_on(loop, use_case, first["version"], later)
    assert found > 0.65


def auc_on(loop: Loop, use_case: Path, version: int, batches: Iterable[int]) -> float:
    """How well a version ranks all rows of batches that it was not trained on, by the graph that anybody can load."""
    data = load(use_case).data
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory() as folder:
        patched.setenv("PGPASSFILE", loop.env["PGPASSFILE"])
        client = MlflowClient(loop.mlflow_url, registry_uri=loop.mlflow_url)
        where = client.get_model_version_download_uri(loop.env["RELEVO_MODEL"], str(version))
        got = mlflow.artifacts.download_artifacts(where, dst_path=folder, tracking_uri=loop.mlflow_url)
        with open_clean(loop.env["RELEVO_CLEAN_URL"], 1, data) as clean:
            rows = clean.columns(list(batches))
        session = onnxruntime.InferenceSession((Path(got) / names.ONNX_FILE).read_bytes())
        answers, *_ = session.run(None, graph_inputs(data, rows))
    return auc(rows[data.target], np.ravel(answers).astype(np.float64))


def test_a_target_below_zero_is_no_special_case(through: Through, tmp_path: Path) -> None:
    """A week's change of a balance: as often below zero as above it, and 0 among them."""
    draw = random.Random(6)
    (tmp_path / "data").mkdir()
    for number in range(2):
        with (tmp_path / "data" / f"{number}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["income", "rent", "kind", "change"])
            for _ in range(700):
                income, rent, kind = draw.gauss(500, 200), draw.gauss(500, 150), draw.choice("abc")
                change = income - rent - 100 * (kind == "a") + draw.gauss(0, 20)
                rows.writerow([f"{income:.2f}", f"{rent:.2f}", kind, f"{change:.2f}"])
    use_case = tmp_path / "use_case.yaml"
    use_case.write_text(
        "name: balances\nsource: {files: {path: data}}\ntarget: {column: change, task: number, unit: euros}\n"
        "columns: {income: number, rent: number, kind: category}\n"
    )
    loop = through(use_case)
    (first, *_) = promoted(loop)
    assert first["challenger_error"]["high"] < 60, "euros"
    (below,) = query_clean(loop, "select count(*) from clean.balances where change < 0")
    assert below[0] > 500


def query_clean(loop: Loop, statement: str) -> list[tuple[Any, ...]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PGPASSFILE", loop.env["PGPASSFILE"])
        return query(loop.env["RELEVO_CLEAN_URL"], statement)
