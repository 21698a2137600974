"""Models that Relevo did not train: what MLflow logged is served as it is, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from onnx import TensorProto, helper

from relevo_serving.errors import BrokenVersion
from relevo_serving.self_test import load_tested
from tests.serving import foreign
from tests.serving.conftest import Asking
from tests.serving.foreign import ODD_NAMES


def test_columns_of_any_name_are_served(tmp_path: Path, asking: Asking) -> None:
    client = asking(load_tested(foreign.odd_names(tmp_path / "model")))
    row = {name: float(place) for place, name in enumerate(ODD_NAMES)}
    said = client.post("/predict", json={"instances": [row]}).json()["predictions"]
    assert said == [{"prediction": 28.0, "low": None, "high": None, "unseen": [], "missing": [], "blanked": {}}]
    request = client.get("/openapi.json").json()["components"]["schemas"]["PredictRequest"]
    assert list(request["properties"]["instances"]["items"]["properties"]) == list(ODD_NAMES)
    wrong = client.post("/predict", json={"instances": [row | {"class": "first", "column_1": 1}]}).json()["fields"]
    assert {field["field"] for field in wrong} == {"instances.0.class", "instances.0.column_1"}
    body = client.post("/predict", json={"instances": [row | {"body": "long"}]}).json()["fields"]
    assert [field["field"] for field in body] == ["instances.0.body"]
    (explained,) = client.post("/explain", json={"instances": [row]}).json()["explanations"]
    assert explained["base"] == {"prediction": 8.0, "inputs": dict.fromkeys(ODD_NAMES, 1.0)}
    assert {one["column"]: one["contribution"] for one in explained["contributions"]} == pytest.approx(
        {name: place - 1.0 for place, name in enumerate(ODD_NAMES)}
    )


@pytest.mark.parametrize("named", [True, False])
def test_a_tensor_of_columns_is_served(tmp_path: Path, asking: Asking, named: bool) -> None:
    folder = foreign.matrix(tmp_path / "model", named=named)
    client = asking(load_tested(folder))
    first, second = ("a", "b") if named else ("0", "1")
    said = client.post("/predict", json={"instances": [{first: 1, second: 2}, {first: 10, second: 0.5}]}).json()
    assert [one["prediction"] for one in said["predictions"]] == [5.0, 24.5]
    for body in ({"inputs": [[1, 2], [10, 0.5]]}, {"instances": [[1, 2], [10, 0.5]]}):
        assert client.post("/invocations", json=body).json() == {"predictions": [5.0, 24.5]}
    tensor = {"name": "X", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [10, 0.5]]}
    (output,) = client.post("/v2/models/house-prices/infer", json={"inputs": [tensor]}).json()["outputs"]
    assert output == {"name": "y", "shape": [2], "datatype": "FP32", "data": [5.0, 24.5]}
    frame = pd.DataFrame([[1.0, 2.0], [10.0, 0.5]], columns=[first, second])
    expected = mlflow.pyfunc.load_model(str(folder)).predict(frame if named else frame.to_numpy(np.float32))
    found = expected["y"] if named else expected["y"].ravel()
    np.testing.assert_allclose([5.0, 24.5], found)


def test_labels_are_served_and_neither_kept_nor_explained(tmp_path: Path, asking: Asking) -> None:
    kept = {"raw_url": "postgresql://x@127.0.0.1:9/raw", "spool": tmp_path / "spool", "drain_seconds": 0}
    client = asking(load_tested(foreign.labels(tmp_path / "model")), spool_full="refuse", **kept)
    rows = [{"color": "red", "count": 2}, {"color": "blue", "count": 9}]
    said = client.post("/predict", json={"instances": rows}).json()
    assert [one["prediction"] for one in said["predictions"]] == ["largered", "hugeblue"]
    assert said["stored"] is False
    assert client.post("/explain", json={"instances": rows}).status_code == 422
    for wrong in ({"count": 2}, {"color": "red"}, {"color": "red", "count": 2.5}, {"color": "red", "count": 2**63}):
        assert client.post("/predict", json={"instances": [wrong]}).status_code == 422
    metadata = client.get("/v2/models/house-prices").json()
    assert [one["datatype"] for one in (*metadata["inputs"], *metadata["outputs"])] == ["BYTES", "INT64", "BYTES"]


def test_what_the_graph_cannot_take_is_told_and_troubles_no_other(tmp_path: Path, asking: Asking) -> None:
    """A graph that takes two rows at a time and no others."""
    model = foreign.graph(
        [("x", TensorProto.FLOAT, [None])],
        [helper.make_node("Reshape", ["x", "two"], ["y"])],
        ("y", TensorProto.FLOAT, [None]),
        {"two": 2},
    )
    client = asking(load_tested(foreign.save(tmp_path / "model", model, pd.DataFrame({"x": [1.0, 2.0]}))))
    assert client.post("/predict", json={"instances": [{"x": 1}, {"x": 2}]}).status_code == 200
    answer = client.post("/predict", json={"instances": [{"x": 1}]})
    assert answer.status_code == 422
    assert "the version's graph cannot take these rows" in answer.json()["error"]


def test_numbers_that_are_none_are_answered_as_null(tmp_path: Path, asking: Asking) -> None:
    model = foreign.graph(
        [("x", TensorProto.FLOAT, [None])],
        [helper.make_node("Log", ["x"], ["y"])],
        ("y", TensorProto.FLOAT, [None]),
    )
    client = asking(load_tested(foreign.save(tmp_path / "model", model, pd.DataFrame({"x": [1.0, 2.0]}))))
    said = client.post("/predict", json={"instances": [{"x": -1}, {"x": 0}, {"x": 1}, {"x": None}]}).json()
    assert [one["prediction"] for one in said["predictions"]] == [None, None, 0.0, None]
    assert [one["missing"] for one in said["predictions"]] == [[], [], [], ["x"]]
    table = '{"dataframe_split": {"columns": ["x"], "data": [[NaN], [1.0]]}}'
    answer = client.post("/invocations", content=table, headers={"Content-Type": "application/json"})
    assert answer.json() == {"predictions": [None, 0.0]}


FLOAT = TensorProto.FLOAT
IDENTITY = [helper.make_node("Identity", ["x"], ["y"])]
DOUBLE = ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double", "y")]))


def _loop() -> Any:
    number, on, out = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("i", TensorProto.INT64), ("c", TensorProto.BOOL), ("o", TensorProto.BOOL))
    )
    body = helper.make_graph([helper.make_node("Identity", ["c"], ["o"])], "b", [number, on], [out])
    return helper.make_node("Loop", ["", ""], [], body=body)


@pytest.mark.parametrize(
    ("nodes", "inputs", "said"),
    [
        ([*IDENTITY, _loop()], [("x", FLOAT, [None])], "'Loop'"),
        ([helper.make_node("RandomUniformLike", ["x"], ["y"])], [("x", FLOAT, [None])], "'RandomUniformLike'"),
        (
            [helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")],
            [("x", FLOAT, [None])],
            "com.microsoft.Gelu",
        ),
        (IDENTITY, [("z", FLOAT, [None])], "ONNX"),
        (
            [helper.make_node("Add", ["x", "z"], ["y"])],
            [("x", FLOAT, [None]), ("z", FLOAT, [None])],
            "the signature has 'x'",
        ),
        ([helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], [("x", FLOAT, [None, 3])], "takes 'x'"),
        ([helper.make_node("Cast", ["x"], ["y"], to=FLOAT)], [("x", TensorProto.STRING, [None])], "signature's double"),
    ],
)
def test_a_graph_that_could_do_more_or_fits_no_signature_is_refused(
    tmp_path: Path, nodes: list[Any], inputs: list[foreign.Input], said: str
) -> None:
    model = foreign.graph(inputs, nodes, ("y", FLOAT, [None]))
    with pytest.raises(BrokenVersion, match=said):
        load_tested(foreign.save(tmp_path / "model", model, signature=DOUBLE, save_as_external_data=False))


def test_a_graph_that_names_other_files_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" * 4)
    model = foreign.graph(
        [("x", FLOAT, [None])], [helper.make_node("Add", ["x", "w"], ["y"])], ("y", FLOAT, [None]), {"w": 1.0}
    )
    folder = foreign.save(tmp_path / "model", model, signature=DOUBLE, save_as_external_data=False)
    weights = model.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../secret")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BrokenVersion, match="the graph names other files"):
        load_tested(folder)


def test_without_a_signature_it_is_refused_with_what_to_do(tmp_path: Path) -> None:
    model = foreign.graph([("x", FLOAT, [None])], IDENTITY, ("y", FLOAT, [None]))
    folder = foreign.save(tmp_path / "model", model, signature=False)
    with pytest.raises(
        BrokenVersion, match=r"signature: Field required; log it by mlflow\.onnx\.log_model with signature"
    ):
        load_tested(folder)


def test_an_example_that_its_own_model_cannot_take_is_refused(tmp_path: Path) -> None:
    model = foreign.graph([("x", FLOAT, [None])], IDENTITY, ("y", FLOAT, [None]))
    folder = foreign.save(tmp_path / "model", model, pd.DataFrame({"x": [1.0]}))
    example = folder / "serving_input_example.json"
    for body in (b"{", b'{"dataframe_split": {"columns": ["z"], "data": [[1]]}}', b'{"inputs": {"x": ["one"]}}'):
        example.write_bytes(body)
        with pytest.raises(BrokenVersion, match="self-test"):
            load_tested(folder)


def test_without_an_example_it_is_served_and_not_explained(tmp_path: Path, asking: Asking) -> None:
    model = foreign.graph([("x", FLOAT, [None])], IDENTITY, ("y", FLOAT, [None]))
    client = asking(load_tested(foreign.save(tmp_path / "model", model, signature=DOUBLE)))
    assert client.post("/predict", json={"instances": [{"x": 2}]}).status_code == 200
    answer = client.post("/explain", json={"instances": [{"x": 2}]})
    assert answer.status_code == 422
    assert "input example" in answer.json()["error"]


def test_mlflow_answers_the_same(tmp_path: Path, asking: Asking) -> None:
    """What MLflow's own scoring takes, in each of its forms."""
    folder = foreign.odd_names(tmp_path / "model")
    frame = pd.DataFrame({name: [1.5, float(place)] for place, name in enumerate(ODD_NAMES)})
    expected = mlflow.pyfunc.load_model(str(folder)).predict(frame)["sum"].tolist()
    client = asking(load_tested(folder))
    for form in ("split", "records"):
        body = {f"dataframe_{form}": json.loads(frame.to_json(orient=form))}
        assert client.post("/invocations", json=body).json() == {"predictions": expected}
    assert infer_signature(frame).inputs.input_names() == list(ODD_NAMES)
