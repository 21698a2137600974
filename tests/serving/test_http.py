from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from relevo_serving import schema
from relevo_serving.app import Host
from relevo_serving.model import Model
from relevo_serving.problems import Problem
from relevo_serving.state import Served, State, Wanted
from tests.houses import LISTINGS
from tests.serving.conftest import SINCE, hosted, settings

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", params=[True, False], ids=["by the fast path", "by FastAPI's routes"])
def client(models: tuple[Model, Model], request: pytest.FixtureRequest) -> Iterator[TestClient]:
    with TestClient(hosted(models[0], max_rows=50, max_body_bytes=20_000, fast_path=request.param)) as client:
        yield client


def test_a_prediction_names_the_version_and_what_it_did_not_know(client: TestClient) -> None:
    house = {"bed": 3, "bath": 2, "house_size": 1200, "city": "Nowhere", "state": "Puerto Rico"}
    answer = client.post("/predict", json={"instances": [house, {}]})
    assert answer.status_code == 200
    first, second = answer.json()["predictions"]
    assert 0 < first["low"] < first["prediction"] < first["high"]
    assert first["unseen"] == ["city"]
    assert set(first["missing"]) == {"acre_lot", "zip_code", "status", "brokered_by", "street", "prev_sold_date"}
    assert second["prediction"] > 0
    assert len(second["missing"]) == 11
    assert answer.json()["model"] == {
        "name": "house-prices",
        "version": 3,
        "run_id": "run-3",
        "promoted_at": None,
        "since": "2026-11-04T15:02:11Z",
    }


def test_a_zip_code_may_be_a_number(client: TestClient) -> None:
    houses = [{"zip_code": z} for z in ("00601", 601, "601", "00601 ")]
    prices = [p["prediction"] for p in client.post("/predict", json={"instances": houses}).json()["predictions"]]
    assert len(set(prices)) == 1


@pytest.mark.parametrize(
    ("house", "field"),
    [
        ({"bed": "three"}, "instances.0.bed"),
        ({"house_size": "1200,50"}, "instances.0.house_size"),
        ({"house_size": "1_200"}, "instances.0.house_size"),
        ({"house_size": "٣٠٠"}, "instances.0.house_size"),
        ({"bath": True, "bed": []}, "instances.0.bed"),
        ({"state": "x" * 201}, "instances.0.state"),
        ({"state": ["Oregon"]}, "instances.0.state"),
        ({"zip_code": "9" * 21}, "instances.0.zip_code"),
        ({"prev_sold_date": "yesterday"}, "instances.0.prev_sold_date"),
        ({"prev_sold_date": "2022-13-41"}, "instances.0.prev_sold_date"),
        ({"prev_sold_date": 10**30}, "instances.0.prev_sold_date"),
        ({"prev_sold_date": 0}, "instances.0.prev_sold_date"),
        ({"prev_sold_date": "2022-W10-3"}, "instances.0.prev_sold_date"),
        ({"price": 100_000}, "instances.0.price"),
        ({"bedrooms": 3}, "instances.0.bedrooms"),
        (None, "instances.0"),
        ("house", "instances.0"),
        (3, "instances.0"),
        ([1, 2], "instances.0"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, house: Any, field: str) -> None:
    answer = client.post("/predict", content=json.dumps({"instances": [house]}), headers=JSON)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["fields"]]
    assert field in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"3",
        b'"instances"',
        b'{"instances": null}',
        b'{"instances": []}',
        b'{"instances": {}}',
        b'{"instances": [{}',
        b'{"instances": [{}]} trailing',
        b'{"instances": [{}], "more": 1}',
        b'{"bed": 3}',
        b"<html></html>",
        b"\x00\xff\xfe",
        b'{"instances": [{"city": "\xff"}]}',
        b'{"instances": [{"city": "\\ud800"}]}',
        b"[" * 10_000,
        b'{"a":' * 2_000,
        b'{"instances": [' + b"9" * 10_000 + b"]}",
        b'{"instances": [{"acre_lot": NaN}]}',
        b'{"instances": [{"zip_code": NaN}]}',
        b'{"instances": [{"house_size": Infinity}]}',
        b'{"instances": [{"house_size": -Infinity}]}',
    ],
)
def test_a_body_that_is_no_request_is_refused_with_a_reason(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["fields"]


@pytest.mark.parametrize(
    "house",
    [
        {},
        {"bed": None, "city": None, "prev_sold_date": None},
        {"bed": 0, "bath": 0, "acre_lot": 0, "house_size": 0},
        {"bed": 500, "bath": 500, "acre_lot": 1_000_000, "house_size": 10_000_000},
        {"bed": 0.5, "bath": 1e-300, "acre_lot": -0.0},
        {"bed": "3", "bath": " 2 "},
        {"city": "", "state": "   ", "zip_code": ""},
        {"city": "Peñuelas", "state": "プエルトリコ", "street": "\u202e\u0000\U0001f3e0"},
        {"city": "x" * 200, "zip_code": "0" * 20},
        {"zip_code": "٠٠٦٠١"},
        {"zip_code": "²"},
        {"zip_code": 601, "brokered_by": 1.5, "street": -7},
        {"city": "a\x1fb", "state": "\x1f"},
        {"prev_sold_date": "0001-01-01"},
        {"prev_sold_date": "9999-12-31"},
        {"house_size": 10**400, "city": 10**400 % 10**60},
        {"status": "sold'; DROP TABLE listings; --"},
    ],
)
def test_an_odd_house_is_priced(client: TestClient, house: dict[str, Any]) -> None:
    answer = client.post("/predict", json={"instances": [house]})
    assert answer.status_code == 200, answer.text
    (prediction,) = answer.json()["predictions"]
    assert 0 < prediction["low"] < prediction["prediction"] < prediction["high"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"house_size": 0}, "50 to 500,000"),
        ({"house_size": "0.0"}, "50 to 500,000"),
        ({"house_size": 10**400}, "finite"),
        ({"acre_lot": 0}, "0.0001 to 50,000"),
        ({"acre_lot": 99_999}, "unknown"),
        ({"acre_lot": "99,999"}, "unknown"),
        ({"bed": -1}, "1 to 100"),
        ({"bath": 1e99}, "1 to 100"),
        ({"zip_code": "99999"}, "unknown"),
        ({"zip_code": "123456"}, "three to five digits"),
        ({"prev_sold_date": "0001-01-01"}, "1800-01-01"),
        ({"prev_sold_date": "2999-01-01"}, "2099-12-31"),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/invocations"])
def test_what_clean_would_not_believe_is_priced_as_missing_and_told(
    client: TestClient, path: str, given: dict[str, Any], why: str
) -> None:
    (name,) = given
    house = {"state": "Puerto Rico", "city": "San Juan", "bed": 3, "bath": 2, "house_size": 1200, "acre_lot": 0.2}
    without = {key: value for key, value in house.items() if key != name}
    body: Any = {"instances": [house | given, without]}
    if path == "/invocations":
        body = {"dataframe_records": body["instances"]}
    answer = client.post(path, content=json.dumps(body), headers=JSON).json()
    if path == "/predict":
        doubtful, missing = answer["predictions"]
        assert doubtful["prediction"] == missing["prediction"]
        assert name in doubtful["missing"]
        assert missing["blanked"] == {}
        assert why in doubtful["blanked"][name]
    else:
        assert answer["predictions"][0] == answer["predictions"][1]
        assert list(answer["blanked"]) == ["0"]
        assert why in answer["blanked"]["0"][name]


@pytest.mark.parametrize("nothing", [None, "", "  ", "N/A", "NaN", "null", "-", "\u200b"])
def test_what_says_that_there_is_nothing_is_missing_without_a_word(client: TestClient, nothing: str | None) -> None:
    names = ("bed", "house_size", "city", "zip_code", "prev_sold_date")
    (one,) = client.post("/predict", json={"instances": [dict.fromkeys(names, nothing)]}).json()["predictions"]
    assert set(names) <= set(one["missing"])
    assert one["blanked"] == {}


def test_a_text_has_one_form_whatever_is_hidden_in_it(client: TestClient) -> None:
    spelt = ["San Juan", "san\u00a0juan", "San\u200b Juan\u202e", "\ufeffSan\tJuan\x07"]
    houses = [{"city": city, "state": "Puerto Rico"} for city in spelt]
    prices = [one["prediction"] for one in client.post("/predict", json={"instances": houses}).json()["predictions"]]
    assert len(set(prices)) == 1


def test_every_wrong_field_of_every_house_is_named_at_once(client: TestClient) -> None:
    wrong = {"bed": "three", "bath": [], "prev_sold_date": "soon", "rooms": 3}
    answer = client.post("/predict", json={"instances": [wrong, {"bed": 2}] * 25})
    assert answer.status_code == 422
    named = {problem["field"] for problem in answer.json()["fields"]}
    assert named == {f"instances.{row}.{name}" for row in range(0, 50, 2) for name in wrong}
    assert "and 80 more" in answer.json()["error"]


def test_a_field_that_a_client_made_up_is_named_legibly_and_no_longer_than_a_line(client: TestClient) -> None:
    answer = client.post("/predict", json={"instances": [{"\u202e\x1b[31m" + "x" * 5_000: 1}]})
    assert answer.status_code == 422
    (problem,) = answer.json()["fields"]
    assert "\\u202e" in problem["field"]
    assert problem["field"].isprintable()
    assert len(problem["field"]) < 120


def test_as_many_houses_as_allowed_come_back_in_order_and_one_more_is_refused(client: TestClient) -> None:
    houses = [{"house_size": 500 + 100 * i, "state": "Puerto Rico"} for i in range(50)]
    together = client.post("/predict", json={"instances": houses}).json()["predictions"]
    alone = [client.post("/predict", json={"instances": [h]}).json()["predictions"][0] for h in houses]
    for one, other in zip(together, alone, strict=True):
        assert one == other | {name: pytest.approx(other[name], rel=1e-6) for name in ("prediction", "low", "high")}
    answer = client.post("/predict", json={"instances": [{}] * 51})
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == "instances"
    assert "at most 50 rows" in answer.json()["fields"][0]["problem"]


def test_a_body_that_is_too_long_is_refused_whatever_its_headers_say(client: TestClient) -> None:
    chunked = (b" " * 5_000 for _ in range(5))
    assert client.post("/predict", content=b" " * 20_001, headers=JSON).status_code == 413
    assert client.post("/predict", content=chunked, headers=JSON).status_code == 413
    assert client.post("/predict", content=b'{"instances": [{}]}' + b" " * 19_000, headers=JSON).status_code == 200
    assert client.post("/predict", content=b" " * 20_001).status_code == 413


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_said_to_be_json_is_refused_with_the_header_to_send(client: TestClient, kind: str) -> None:
    answer = client.post("/predict", content=b'{"instances": [{}]}', headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["fields"][0]["problem"]
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert client.post("/predict", content=b'{"instances": [{}]}', headers=charset).status_code == 200


def test_other_addresses_and_methods_are_answered_in_the_same_form(client: TestClient) -> None:
    assert client.get("/").status_code == 404
    assert client.get("/predict").status_code == 405
    assert "/docs" in client.get("/nothing").json()["error"]


def test_without_a_model_it_says_why_and_stays_alive() -> None:
    state = State()
    with TestClient(Host(settings(), state)) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert "starting" in client.get("/readyz").json()["error"]
        state.registry = schema.RegistryStatus(reachable=False, problem="MLflow: connection refused")
        for answer in (client.get("/readyz"), client.post("/predict", json={"instances": [{}]})):
            assert answer.status_code == 503
            assert "connection refused" in answer.json()["error"]
        reason = "self-test: expected 1, the model says 2"
        state.refused = schema.RefusedVersion(version=1, run_id="run-1", reason=reason, at=SINCE)
        assert "version 1 was refused: self-test" in client.get("/readyz").json()["error"]
        assert client.get("/model").json()["serving"] is None
        paths = ("/predict", "/explain", "/invocations", "/v2/models/house-prices/infer")
        assert {client.post(path, json={}).status_code for path in paths} == {503}
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/health/ready").status_code == 503


def test_a_version_is_swapped_in_whole(models: tuple[Model, Model]) -> None:
    host = Host(settings(), State())
    with TestClient(host) as client:
        found = []
        for version, model in enumerate(models):
            host.serve(Served(Wanted(version, f"run-{version}"), model, SINCE))
            said = client.post("/predict", json={"instances": [{"bed": 3}]}).json()
            assert said["model"]["version"] == version
            assert f"by version {version} of" in client.get("/openapi.json").json()["info"]["description"]
            found.append(said["predictions"][0]["prediction"])
        assert found[0] != found[1]


def test_the_documented_examples_are_real(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    row = spec["components"]["schemas"]["PredictRequest"]["properties"]["instances"]["items"]
    assert set(row["properties"]) == set(LISTINGS.inputs)
    predictions, invocations = schema.answers_of("f", single=True)
    answered: dict[str, type[BaseModel]] = {
        "/predict": predictions,
        "/explain": schema.ExplainResponse,
        "/invocations": invocations,
    }
    for path, answer in answered.items():
        body = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"]["$ref"].rpartition("/")[2] in spec["components"]["schemas"]
        assert body["examples"]
        for example in body["examples"].values():
            told = client.post(path, json=example["value"])
            assert told.status_code == 200
            answer.model_validate_json(told.content)
    for path, operation in ((p, o) for p, methods in spec["paths"].items() for o in methods.values()):
        for status, response in operation["responses"].items():
            if path == "/metrics":
                assert "text/plain" in response["content"]
                continue
            content = response["content"]["application/json"]
            assert "schema" in content, (path, status)
            if status >= "400":
                Problem.model_validate(content["example"])
    assert client.get("/docs").status_code == 200


def test_an_explanation_adds_up_by_the_columns_that_were_asked(client: TestClient, models: tuple[Model, Model]) -> None:
    house = {"bed": 3, "house_size": 1200, "city": "Adjuntas", "state": "Puerto Rico", "prev_sold_date": "2020-05-31"}
    said = client.post("/explain", json={"instances": [house, {}]}).json()
    assert said["model"]["version"] == 3
    predicted = client.post("/predict", json={"instances": [house, {}]}).json()["predictions"]
    for explained, prediction in zip(said["explanations"], predicted, strict=True):
        assert explained["prediction"] == pytest.approx(prediction["prediction"], rel=1e-6)
        parts = [one["contribution"] for one in explained["contributions"]]
        assert explained["base"]["prediction"] + sum(parts) == pytest.approx(explained["prediction"], rel=1e-12)
        assert [abs(part) for part in parts] == sorted(map(abs, parts), reverse=True)
        assert {one["column"] for one in explained["contributions"]} == set(LISTINGS.inputs)
        base = client.post("/predict", json={"instances": [explained["base"]["inputs"]]}).json()["predictions"][0]
        assert explained["base"]["prediction"] == pytest.approx(base["prediction"], rel=1e-6)
    told = {one["column"]: one["value"] for one in said["explanations"][0]["contributions"]}
    assert {name: told[name] for name in house} == house
    assert client.post("/explain", json={"instances": [{}] * 51}).status_code == 422


@pytest.mark.parametrize(
    "table",
    [
        {"dataframe_records": [{"bed": 3, "zip_code": "00601"}, {"city": "Boston", "bed": None}]},
        {"dataframe_split": {"columns": ["bed", "zip_code", "city"],
                             "data": [[3, "00601", None], [None, None, "Boston"]]}},
        {"dataframe_split": {"index": [7, 8], "columns": ["bed", "zip_code", "city"],
                             "data": [[3, 601, float("nan")], [float("nan"), None, "Boston"]]}},
        {"instances": [{"bed": 3, "zip_code": "00601"}, {"city": "Boston"}]},
        {"inputs": {"bed": [3, None], "zip_code": [["00601"], [None]], "city": ["", "Boston"]}},
        {"inputs": [[3, *[None] * 8, "00601", None], [*[None] * 7, "Boston", None, None, None]]},
    ],
)  # fmt: skip
def test_it_answers_as_mlflow_does(client: TestClient, table: dict[str, Any]) -> None:
    answer = client.post("/invocations", content=json.dumps(table), headers=JSON)
    assert answer.status_code == 200, answer.text
    houses = [{"bed": 3, "zip_code": "00601"}, {"city": "Boston"}]
    expected = client.post("/predict", json={"instances": houses}).json()["predictions"]
    assert answer.json() == {"predictions": [p["prediction"] for p in expected]}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({}, ""),
        ([], ""),
        ({"inputs": [[1]]}, "inputs.0"),
        ({"inputs": {"bed": [1, 2], "city": ["Boston"]}}, "inputs"),
        ({"inputs": {"bed": []}}, "inputs"),
        ({"instances": [{"bed": 3}, 3]}, "instances.0"),
        ({"instances": [{"bed": [3]}]}, "instances.0.bed"),
        ({"instances": []}, "instances"),
        ({"instances": [], "inputs": []}, ""),
        ({"dataframe_records": [], "dataframe_split": {"columns": [], "data": []}}, ""),
        ({"dataframe_records": []}, "dataframe_records"),
        ({"dataframe_records": [{"bed": "many"}]}, "dataframe_records.0.bed"),
        ({"dataframe_records": [{}, {"price": 3}]}, "dataframe_records.1.price"),
        ({"dataframe_split": {"columns": ["bed"], "data": [[1], [1, 2]]}}, "dataframe_split.data.1"),
        ({"dataframe_split": {"columns": ["bed", "bed"], "data": [[1, 2]]}}, "dataframe_split.columns"),
        ({"dataframe_split": {"columns": ["bed"], "data": [["three"]]}}, "dataframe_split.data.0.bed"),
        ({"dataframe_records": [{}] * 51}, "dataframe_records"),
    ],
)
def test_a_wrong_table_is_refused_naming_the_field(client: TestClient, table: Any, field: str) -> None:
    answer = client.post("/invocations", json=table)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["fields"]]


@pytest.mark.parametrize("body", [b"", b"{", b'{"dataframe_records": [{"\\ud800": 1}]}', b"[" * 9_000, b"\xff"])
def test_a_table_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/invocations", content=body, headers=JSON).status_code == 422


def test_what_it_did_is_told_to_prometheus(client: TestClient) -> None:
    for house in ({"bed": 3, "state": "Oregon"}, {"bed": "many"}):
        client.post("/predict", json={"instances": [house]})
    client.get("/nothing/at/all")
    told = client.get("/metrics").text
    assert 'relevo_serving_requests_total{route="/predict",status="200"}' in told
    assert 'relevo_serving_requests_total{route="/predict",status="422"}' in told
    assert 'relevo_serving_requests_total{route="other",status="404"}' in told
    assert 'relevo_serving_request_seconds_bucket{le="+Inf",route="/predict"}' in told
    assert 'relevo_serving_inputs_unseen_total{input="state"}' in told
    assert 'relevo_serving_inputs_missing_total{input="bath"}' in told
    assert 'relevo_serving_version{model="house-prices",role="served"} 3.0' in told
    assert "relevo_serving_inferences_kept" not in told  # nothing is stored: RELEVO_RAW_URL is not set


def test_live_drift_is_told_once_there_are_rows_enough(models: tuple[Model, Model]) -> None:
    with TestClient(hosted(models[0])) as fresh:
        assert "live_drift_distance{" not in fresh.get("/metrics").text
    with TestClient(hosted(models[0])) as fresh:
        fresh.post("/predict", json={"instances": [{"state": "Oregon", "bed": 9, "house_size": 9000}] * 200})
        told = fresh.get("/metrics").text

    def figure(name: str, column: str) -> float:
        return float(told.split(f'{name}{{column="{column}"}} ')[1].split()[0])

    for column in ("state", "house_size"):
        distance = figure("relevo_serving_live_drift_distance", column)
        assert distance > 2 * figure("relevo_serving_live_drift_noise", column)
