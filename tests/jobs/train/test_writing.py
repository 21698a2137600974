"""A version's files: an MLflow model whose graph says what the pipeline says, its promises, and no pickle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeRegressor

from relevo_contract import data_set, graph_check, names
from relevo_contract.graph_inputs import columns_of, graph_inputs, values_of
from relevo_contract.profile import Profile
from relevo_contract.record import Estimate
from relevo_contract.version import Example, Manifest, Residuals, SelfTest, ShapleySummary
from relevo_jobs.errors import StepError
from relevo_jobs.scoring import Scorer
from relevo_jobs.train import converting, writing
from relevo_jobs.train.features import TabularFeatures
from relevo_jobs.train.fitting import fit
from relevo_jobs.train.holdout import residuals_of
from relevo_jobs.train.measuring import Measured
from relevo_jobs.use_case import Context
from tests.houses import LISTINGS, OPTIONS
from tests.versions import draw_listings

Table = dict[str, NDArray[Any]]
Written = tuple[Path, Measured, Estimate]
RELEVO = {
    names.DATA_SET_FILE,
    names.MANIFEST_FILE,
    names.PROFILE_FILE,
    names.SELF_TEST_FILE,
    names.TYPICAL_FILE,
    names.RESIDUALS_FILE,
    names.SHAPLEY_FILE,
    *names.SHAPLEY_PICTURES,
}


def frame(table: Any) -> pd.DataFrame:
    return pd.DataFrame(graph_inputs(LISTINGS, table))


@pytest.fixture(scope="module")
def fitted() -> Pipeline:
    listings = draw_listings(500, 1)
    return fit(frame(listings), np.log(listings["price"]), Context(LISTINGS, 1, 2), OPTIONS)


@pytest.fixture(scope="module")
def held_out() -> Table:
    return draw_listings(150, 2)


@pytest.fixture(scope="module")
def written(fitted: Pipeline, held_out: Table, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("version")
    facts = writing.write(folder, fitted, LISTINGS, draw_listings(500, 1), held_out=held_out, batches=(1, 2), seed=1)
    return folder, *facts


def test_every_file_is_there_and_none_is_a_pickle(written: Written) -> None:
    folder, *_ = written
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert found >= RELEVO | {names.MLMODEL_FILE, names.ONNX_FILE, "requirements.txt", "input_example.json"}
    # A pickle of protocol 2 or later begins with 0x80 and the protocol's number.
    assert not [file for file in found if (folder / file).read_bytes()[:1] == b"\x80"]


def test_the_manifest_has_each_served_file_s_digest(written: Written) -> None:
    folder, *_ = written
    manifest = Manifest.model_validate_json((folder / names.MANIFEST_FILE).read_bytes())
    assert set(manifest.files) >= {names.MLMODEL_FILE, names.ONNX_FILE, names.DATA_SET_FILE, names.SELF_TEST_FILE}
    for file, entry in manifest.files.items():
        body = (folder / file).read_bytes()
        assert (entry.size, entry.sha256) == (len(body), hashlib.sha256(body).hexdigest())


def test_the_graph_takes_the_data_set_s_columns_and_gives_the_target(written: Written) -> None:
    folder, *_ = written
    graph = onnx.load(folder / names.ONNX_FILE).graph
    kinds = {one.name: one.type.tensor_type.elem_type for one in graph.input}
    assert list(kinds) == list(LISTINGS.inputs)
    assert {n for n, kind in kinds.items() if kind == TensorProto.STRING} == set(LISTINGS.categorical)
    assert [one.name for one in graph.output] == ["price"]
    assert all(len(one.type.tensor_type.shape.dim) == 1 for one in (*graph.input, *graph.output))
    signature = yaml.safe_load((folder / names.MLMODEL_FILE).read_text())["signature"]
    assert [column["name"] for column in yaml.safe_load(signature["inputs"])] == list(LISTINGS.inputs)
    assert data_set.from_json((folder / names.DATA_SET_FILE).read_bytes()) == LISTINGS


def test_graph_and_pipeline_agree_also_on_odd_rows(written: Written, fitted: Pipeline, held_out: Table) -> None:
    folder, measured, _ = written
    odd = columns_of(
        LISTINGS,
        [
            {},
            {"bed": 0.0, "bath": 0.0, "acre_lot": 0.0, "house_size": 0.0},
            {"bed": 500.0, "bath": 1e-300, "acre_lot": 1e300, "house_size": 10_000_000.0},
            {"state": "Atlantis", "city": "Ys", "zip_code": "99998", "brokered_by": "none", "street": "?"},
            {"zip_code": "٠٦٠١", "street": "12345678901234567890", "brokered_by": "-1", "city": "nan", "state": "\x00"},
        ],
    )
    for table in (odd, held_out):
        np.testing.assert_allclose(Scorer(folder).predict(table), fitted.predict(frame(table)), atol=1e-4)
    assert measured.difference < 1e-4
    np.testing.assert_array_equal(measured.predicted, Scorer(folder).predict(held_out))


def test_the_self_test_s_rows_have_their_predictions(written: Written) -> None:
    folder, *_ = written
    test = SelfTest.model_validate_json((folder / names.SELF_TEST_FILE).read_bytes())
    rows = columns_of(LISTINGS, [values_of(LISTINGS, example.inputs) for example in test.examples])
    expected = [example.prediction for example in test.examples]
    np.testing.assert_allclose(Scorer(folder).answer(rows), expected, rtol=test.relative_tolerance)
    assert len(expected) == writing.SELF_TEST_ROWS
    assert expected == sorted(expected)


def test_the_files_say_what_the_version_promises(written: Written, held_out: Table) -> None:
    folder, _, promised = written
    profile = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes())
    residuals = Residuals.model_validate_json((folder / names.RESIDUALS_FILE).read_bytes())
    errors = np.abs(Scorer(folder).answer(held_out) / held_out["price"] - 1)
    assert profile.promised == promised
    assert profile.promised.value == pytest.approx(np.median(errors))
    assert (profile.rows, profile.batches, residuals.rows) == (500, (1, 2), 150)


def test_shapley_values_lead_from_the_typical_row_to_each_prediction(written: Written) -> None:
    folder, *_ = written
    shapley = ShapleySummary.model_validate_json((folder / names.SHAPLEY_FILE).read_bytes())
    typical = Example.model_validate_json((folder / names.TYPICAL_FILE).read_bytes())
    assert shapley.typical == typical
    assert shapley.columns == LISTINGS.inputs
    rows = [dict(zip(shapley.columns, row, strict=True)) for row in (*shapley.inputs, typical.inputs.values())]
    answers = Scorer(folder).answer(columns_of(LISTINGS, [values_of(LISTINGS, row) for row in rows]))
    assert answers[-1] == pytest.approx(typical.prediction, rel=1e-6)
    np.testing.assert_allclose(np.sum(shapley.values, axis=1) + typical.prediction, answers[:-1], rtol=1e-4)
    for name in names.SHAPLEY_PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


class Stubborn(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that nobody wrote a converter for."""

    def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
        return np.zeros(len(x))


def test_a_model_that_cannot_be_converted_is_refused_by_name() -> None:
    with pytest.raises(StepError, match=r"ONNX graph, got .*Stubborn"):
        converting.to_graph(Stubborn(), LISTINGS)


def test_a_graph_that_says_something_else_is_refused(fitted: Pipeline, held_out: Table, tmp_path: Path) -> None:
    class Moved:
        """Says one thing in Python, another in its graph."""

        def predict(self, x: pd.DataFrame) -> NDArray[np.float64]:
            return np.asarray(fitted.predict(x) + 0.01)

    original = converting.to_graph(fitted, LISTINGS)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StepError, match=r"agree within 0\.001"):
        patch.setattr(writing, "to_graph", lambda *_: original)
        writing.write(tmp_path, Moved(), LISTINGS, held_out, held_out=held_out, batches=(1,), seed=1)


def test_a_model_of_a_team_s_own_becomes_a_graph(held_out: Table, tmp_path: Path) -> None:
    for at, model in enumerate((Ridge(), DecisionTreeRegressor(max_depth=4, random_state=0))):
        pipeline = Pipeline([("features", TabularFeatures(categories=("state", "zip_code"))), ("model", model)])
        pipeline.fit(frame(held_out), np.log(held_out["price"]))
        (tmp_path / str(at)).mkdir()
        folder = tmp_path / str(at)
        measured, _ = writing.write(folder, pipeline, LISTINGS, held_out, held_out=held_out, batches=(1,), seed=1)
        assert measured.difference < 1e-3


def _graph(*nodes: Any) -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])
    return helper.make_model(helper.make_graph(list(nodes), "graph", [x], [y]))


def test_operators_that_do_more_than_compute_are_refused() -> None:
    assert graph_check.problem(_graph(helper.make_node("Exp", ["x"], ["y"]))) is None
    body = helper.make_graph([], "body", [], [])
    for node, said in (
        (helper.make_node("Loop", ["", "", "x"], ["y"], body=body), "Loop"),
        (helper.make_node("RandomUniform", [], ["y"], shape=[10**9]), "RandomUniform"),
        (helper.make_node("Expand", ["x", "x"], ["y"]), "Expand"),
        (helper.make_node("Anything", ["x"], ["y"], domain="com.example"), "com.example.Anything"),
        (helper.make_node("Exp", ["x"], ["y"], body=body), "graph within the graph"),
    ):
        assert said in (graph_check.problem(_graph(node)) or "")
    outside = _graph(helper.make_node("Exp", ["x"], ["y"]))
    tensor = outside.graph.initializer.add()
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    assert "names other files" in (graph_check.problem(outside) or "")


def test_an_interval_of_the_residuals_covers_new_rows() -> None:
    draw = np.random.default_rng(0)
    residuals = residuals_of(draw.standard_t(3, 400), np.zeros(400))
    new = draw.standard_t(3, 20_000)
    assert np.mean(np.abs(new) <= residuals.absolute[residuals.levels.index(0.9)]) == pytest.approx(0.9, abs=0.04)
    assert list(residuals.absolute) == sorted(residuals.absolute)


def test_a_single_residual_stands_for_every_level() -> None:
    residuals = residuals_of(np.array([1.0]), np.array([0.5]))
    assert set(residuals.absolute) == {0.5}
