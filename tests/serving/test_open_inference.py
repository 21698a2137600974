"""The Open Inference Protocol as its specification has it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from relevo_serving.model import Model
from tests.houses import LISTINGS
from tests.serving.conftest import hosted

MODEL = "/v2/models/house-prices"


@pytest.fixture(scope="module")
def client(models: tuple[Model, Model]) -> Any:
    with TestClient(hosted(models[0], max_rows=50)) as client:
        yield client


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


def test_server_and_model_tell_of_themselves(client: TestClient) -> None:
    assert client.get("/v2").json()["name"] == "relevo-serving"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    for path in (MODEL, f"{MODEL}/versions/3"):
        said = client.get(path).json()
        assert (said["name"], said["versions"]) == ("house-prices", ["3"])
        inputs = {one["name"]: one["datatype"] for one in said["inputs"]}
        assert set(inputs) == set(LISTINGS.inputs)
        assert (inputs["bed"], inputs["city"], inputs["prev_sold_date"]) == ("FP64", "BYTES", "BYTES")
        assert said["outputs"] == [{"name": "price", "datatype": "FP32", "shape": [-1]}]
        assert client.get(f"{path}/ready").json() == {"name": "house-prices", "ready": True}
    for path in ("/v2/models/other", f"{MODEL}/versions/2", f"{MODEL}/versions/x/ready"):
        assert client.get(path).status_code == 404
        assert "which serves" in client.get(path).json()["error"]
    assert client.post("/v2/models/other/infer", json={"inputs": [tensor("bed", "FP64", [3])]}).status_code == 404


@pytest.mark.parametrize("path", [f"{MODEL}/infer", f"{MODEL}/versions/3/infer"])
@pytest.mark.parametrize("nested", [False, True])
def test_tensors_are_answered_as_rows_are(client: TestClient, path: str, nested: bool) -> None:
    columns: dict[str, tuple[str, list[Any]]] = {
        "bed": ("INT64", [3, 2]),
        "house_size": ("FP32", [1200.5, None]),
        "city": ("BYTES", ["Adjuntas", ""]),
        "zip_code": ("INT32", [601, 2108]),
        "prev_sold_date": ("BYTES", ["2020-05-31", None]),
    }
    inputs = [
        tensor(name, kind, [[v] for v in data] if nested else data, [2, 1] if nested else [2])
        for name, (kind, data) in columns.items()
    ]
    body = {"id": "mine", "inputs": inputs, "outputs": [{"name": "price"}], "parameters": {"content_type": "pd"}}
    said = client.post(path, json=body).json()
    rows = [{name: data[row] for name, (_, data) in columns.items()} for row in range(2)]
    expected = [one["prediction"] for one in client.post("/predict", json={"instances": rows}).json()["predictions"]]
    assert said == {
        "model_name": "house-prices", "model_version": "3", "id": "mine",
        "outputs": [{"name": "price", "shape": [2], "datatype": "FP32", "data": expected}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ([], "inputs"),
        ([tensor("bed", "FP64", ["three"])], "inputs.0.data.0"),
        ([tensor("city", "BYTES", [3])], "inputs.0.data.0"),
        ([tensor("bed", "FP128", [3])], "inputs.0.datatype"),
        ([tensor("bed", "FP64", [3], [2])], "inputs.0.data"),
        ([tensor("bed", "FP64", [3], [-1])], "inputs.0.data"),
        ([tensor("bed", "FP64", [3], [1, 2**40])], "inputs.0.data"),
        ([tensor("bed", "FP64", [3], [1, 1, 1])], "inputs.0.shape"),
        ([tensor("bed", "FP64", [3]), tensor("bath", "FP64", [3, 4])], "inputs.1.shape"),
        ([tensor("bed", "FP64", [3]), tensor("bed", "FP64", [3])], "inputs"),
        ([tensor("bed", "FP64", [3, 4], [1, 2])], "inputs.0.shape"),
        ([tensor("X", "FP64", [3, 4], [1, 2])], "inputs.0.shape"),
        ([tensor("rooms", "FP64", [3])], "inputs.0.rooms"),
        ([tensor("prev_sold_date", "BYTES", ["soon"])], "inputs.0.prev_sold_date"),
        ([tensor("bed", "BOOL", [True])], "inputs.0.bed"),
        ([tensor("bed", "FP64", [{}])], "inputs.0.bed"),
        ([tensor("bed", "FP64", [3] * 51)], "inputs"),
        ([{"name": "bed", "shape": [1], "datatype": "FP64"}], "inputs.0.data"),
        (3, "inputs"),
    ],
)
def test_what_is_no_tensor_of_a_column_is_refused_naming_it(client: TestClient, inputs: Any, field: str) -> None:
    answer = client.post(f"{MODEL}/infer", json={"inputs": inputs})
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["fields"]]


def test_a_row_of_all_columns_may_come_as_one_tensor(client: TestClient) -> None:
    """As a client sends what it has as one array."""
    row = [3, 2, 0.1, 1200, None, None, None, None, None, None, None]
    said = client.post(f"{MODEL}/infer", json={"inputs": [tensor("input-0", "FP64", [row, row], [2, 11])]}).json()
    house = {"bed": 3, "bath": 2, "acre_lot": 0.1, "house_size": 1200}
    (expected,) = client.post("/predict", json={"instances": [house]}).json()["predictions"]
    assert said["outputs"][0]["data"] == [expected["prediction"]] * 2
