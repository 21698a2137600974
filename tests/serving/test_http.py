from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from relevo_serving import model, schema
from relevo_serving.app import create_app
from relevo_serving.following import Wanted
from relevo_serving.settings import Settings
from relevo_serving.state import Refused, Served, State

SINCE = datetime(2026, 11, 4, 15, 2, 11, tzinfo=UTC)


def settings(**given: Any) -> Settings:
    return Settings(tracking_uri="http://127.0.0.1:9", **given)


@pytest.fixture(scope="module")
def client(bundles: tuple[Path, Path]) -> Iterator[TestClient]:
    state = State(served=Served(Wanted(3, "run-3"), model.load(bundles[0]), SINCE))
    with TestClient(create_app(settings(max_rows=50, max_body_bytes=20_000), state)) as client:
        yield client


def test_a_prediction_names_the_version_and_what_it_did_not_know(client: TestClient) -> None:
    house = {"bed": 3, "bath": 2, "house_size": 1200, "city": "Nowhere", "state": "Puerto Rico"}
    answer = client.post("/predict", json={"houses": [house, {}]})
    assert answer.status_code == 200
    first, second = answer.json()["predictions"]
    assert 0 < first["low"] < first["price"] < first["high"]
    assert first["unseen"] == ["city"]
    assert set(first["missing"]) == {"acre_lot", "zip_code", "status", "brokered_by", "street", "prev_sold_date"}
    assert second["price"] > 0
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
    prices = [p["price"] for p in client.post("/predict", json={"houses": houses}).json()["predictions"]]
    assert len(set(prices)) == 1


@pytest.mark.parametrize(
    ("house", "field"),
    [
        ({"bed": "three"}, "houses.0.bed"),
        ({"house_size": "1200,50"}, "houses.0.house_size"),
        ({"house_size": "1_200"}, "houses.0.house_size"),
        ({"house_size": "٣٠٠"}, "houses.0.house_size"),
        ({"bath": True, "bed": []}, "houses.0.bed"),
        ({"state": "x" * 201}, "houses.0.state"),
        ({"state": ["Oregon"]}, "houses.0.state"),
        ({"zip_code": "9" * 21}, "houses.0.zip_code"),
        ({"prev_sold_date": "yesterday"}, "houses.0.prev_sold_date"),
        ({"prev_sold_date": "2022-13-41"}, "houses.0.prev_sold_date"),
        ({"prev_sold_date": 10**30}, "houses.0.prev_sold_date"),
        ({"prev_sold_date": 0}, "houses.0.prev_sold_date"),
        ({"prev_sold_date": "2022-W10-3"}, "houses.0.prev_sold_date"),
        ({"price": 100_000}, "houses.0.price"),
        ({"bedrooms": 3}, "houses.0.bedrooms"),
        (None, "houses.0"),
        ("house", "houses.0"),
        (3, "houses.0"),
        ([1, 2], "houses.0"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, house: Any, field: str) -> None:
    answer = client.post("/predict", content=json.dumps({"houses": [house]}))
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
        b'"houses"',
        b'{"houses": null}',
        b'{"houses": []}',
        b'{"houses": {}}',
        b'{"houses": [{}',
        b'{"houses": [{}]} trailing',
        b'{"houses": [{}], "more": 1}',
        b'{"bed": 3}',
        b"<html></html>",
        b"\x00\xff\xfe",
        b'{"houses": [{"city": "\xff"}]}',
        b'{"houses": [{"city": "\\ud800"}]}',
        b"[" * 10_000,
        b'{"a":' * 2_000,
        b'{"houses": [' + b"9" * 10_000 + b"]}",
        b'{"houses": [{"acre_lot": NaN}]}',
        b'{"houses": [{"zip_code": NaN}]}',
        b'{"houses": [{"house_size": Infinity}]}',
        b'{"houses": [{"house_size": -Infinity}]}',
    ],
)
def test_a_body_that_is_no_request_is_refused_with_a_reason(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body)
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
    answer = client.post("/predict", json={"houses": [house]})
    assert answer.status_code == 200, answer.text
    (prediction,) = answer.json()["predictions"]
    assert 0 < prediction["low"] < prediction["price"] < prediction["high"]


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
    body: Any = {"houses": [house | given, without]}
    if path == "/invocations":
        body = {"dataframe_records": body["houses"]}
    answer = client.post(path, content=json.dumps(body)).json()
    if path == "/predict":
        doubtful, missing = answer["predictions"]
        assert doubtful["price"] == missing["price"]
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
    (one,) = client.post("/predict", json={"houses": [dict.fromkeys(names, nothing)]}).json()["predictions"]
    assert set(names) <= set(one["missing"])
    assert one["blanked"] == {}


def test_a_text_has_one_form_whatever_is_hidden_in_it(client: TestClient) -> None:
    spelt = ["San Juan", "san\u00a0juan", "San\u200b Juan\u202e", "\ufeffSan\tJuan\x07"]
    houses = [{"city": city, "state": "Puerto Rico"} for city in spelt]
    prices = [one["price"] for one in client.post("/predict", json={"houses": houses}).json()["predictions"]]
    assert len(set(prices)) == 1


def test_every_wrong_field_of_every_house_is_named_at_once(client: TestClient) -> None:
    wrong = {"bed": "three", "bath": [], "prev_sold_date": "soon", "rooms": 3}
    answer = client.post("/predict", json={"houses": [wrong, {"bed": 2}] * 25})
    assert answer.status_code == 422
    named = {problem["field"] for problem in answer.json()["fields"]}
    assert named == {f"houses.{row}.{name}" for row in range(0, 50, 2) for name in wrong}
    assert "and 80 more" in answer.json()["error"]


def test_a_field_that_a_client_made_up_is_named_legibly_and_no_longer_than_a_line(client: TestClient) -> None:
    answer = client.post("/predict", json={"houses": [{"\u202e\x1b[31m" + "x" * 5_000: 1}]})
    assert answer.status_code == 422
    (problem,) = answer.json()["fields"]
    assert "\\u202e" in problem["field"]
    assert problem["field"].isprintable()
    assert len(problem["field"]) < 120


def test_as_many_houses_as_allowed_come_back_in_order_and_one_more_is_refused(client: TestClient) -> None:
    houses = [{"house_size": 500 + 100 * i, "state": "Puerto Rico"} for i in range(50)]
    together = client.post("/predict", json={"houses": houses}).json()["predictions"]
    alone = [client.post("/predict", json={"houses": [h]}).json()["predictions"][0] for h in houses]
    assert together == alone
    answer = client.post("/predict", json={"houses": [{}] * 51})
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == "houses"
    assert "at most 50 houses" in answer.json()["error"]


def test_a_body_that_is_too_long_is_refused_whatever_its_headers_say(client: TestClient) -> None:
    assert client.post("/predict", content=b" " * 20_001).status_code == 413
    assert client.post("/predict", content=(b" " * 5_000 for _ in range(5))).status_code == 413  # chunked, no length
    assert client.post("/predict", content=b'{"houses": [{}]}' + b" " * 19_000).status_code == 200


def test_other_addresses_and_methods_are_answered_in_the_same_form(client: TestClient) -> None:
    assert client.get("/").status_code == 404
    assert client.get("/predict").status_code == 405
    assert "/docs" in client.get("/nothing").json()["error"]


def test_without_a_model_it_says_why_and_stays_alive() -> None:
    state = State()
    with TestClient(create_app(settings(), state)) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert "starting" in client.get("/readyz").json()["error"]
        state.away("expected an answer from MLflow at http://127.0.0.1:9, got: connection refused; is it running?")
        for answer in (client.get("/readyz"), client.post("/predict", json={"houses": [{}]})):
            assert answer.status_code == 503
            assert "connection refused" in answer.json()["error"]
        state.refused = Refused(Wanted(1, "run-1"), "self-test: expected 1, the model says 2", SINCE)
        assert "version 1 was refused: self-test" in client.get("/readyz").json()["error"]
        assert client.get("/model").json()["serving"] is None
        assert client.post("/predict", json={"houses": [{"bed": "many"}]}).status_code == 422


def test_the_documented_examples_are_real(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    assert "House" in spec["components"]["schemas"]
    answered: dict[str, type[BaseModel]] = {
        "/predict": schema.PredictResponse,
        "/explain": schema.ExplainResponse,
        "/invocations": schema.InvocationsResponse,
    }
    for path, answers in answered.items():
        body = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"]["$ref"].rpartition("/")[2] in spec["components"]["schemas"]
        assert body["examples"]
        for example in body["examples"].values():
            answer = client.post(path, json=example["value"])
            assert answer.status_code == 200
            answers.model_validate_json(answer.content)
    schema.PredictResponse.model_validate(schema.RESPONSE_EXAMPLE)
    schema.ExplainResponse.model_validate(schema.EXPLANATION_EXAMPLE)
    for path, operation in ((p, o) for p, methods in spec["paths"].items() for o in methods.values()):
        for status, response in operation["responses"].items():
            if path == "/metrics":
                assert "text/plain" in response["content"]
                continue
            content = response["content"]["application/json"]
            assert "schema" in content, (path, status)
            if status >= "400":
                schema.Problem.model_validate(content["example"])
    assert client.get("/docs").status_code == 200


def test_an_explanation_adds_up_and_names_the_inputs(client: TestClient) -> None:
    house = {"bed": 3, "house_size": 1200, "city": "Adjuntas", "state": "Puerto Rico"}
    said = client.post("/explain", json={"houses": [house, {}]}).json()
    assert said["model"]["version"] == 3
    priced = client.post("/predict", json={"houses": [house, {}]}).json()["predictions"]
    for explained, prediction in zip(said["explanations"], priced, strict=True):
        assert explained["price"] == pytest.approx(prediction["price"], rel=1e-4)
        total = explained["base_price"] + sum(c["dollars"] for c in explained["contributions"])
        assert total == pytest.approx(explained["price"], abs=0.02)
    size = next(c for c in said["explanations"][0]["contributions"] if c["feature"] == "house_size")
    assert size["inputs"] == ["house_size"]
    assert size["value"] == 1200
    assert client.post("/explain", json={"houses": [{}] * 51}).status_code == 422


@pytest.mark.parametrize(
    "table",
    [
        {"dataframe_records": [{"bed": 3, "zip_code": "00601"}, {"city": "Boston", "bed": None}]},
        {"dataframe_split": {"columns": ["bed", "zip_code", "city"],
                             "data": [[3, "00601", None], [None, None, "Boston"]]}},
        {"dataframe_split": {"index": [7, 8], "columns": ["bed", "zip_code", "city"],
                             "data": [[3, 601, float("nan")], [float("nan"), None, "Boston"]]}},
    ],
)  # fmt: skip
def test_it_answers_as_mlflow_does(client: TestClient, table: dict[str, Any]) -> None:
    answer = client.post("/invocations", content=json.dumps(table))
    assert answer.status_code == 200, answer.text
    houses = [{"bed": 3, "zip_code": "00601"}, {"city": "Boston"}]
    expected = client.post("/predict", json={"houses": houses}).json()["predictions"]
    assert answer.json() == {"predictions": [p["price"] for p in expected]}


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({}, ""),
        ([], ""),
        ({"inputs": [[1]]}, "inputs"),
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
    assert client.post("/invocations", content=body).status_code == 422


def test_what_it_did_is_told_to_prometheus(client: TestClient) -> None:
    for house in ({"bed": 3, "state": "Oregon"}, {"bed": "many"}):
        client.post("/predict", json={"houses": [house]})
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


def test_live_drift_is_told_once_there_are_houses_enough(bundles: tuple[Path, Path]) -> None:
    state = State(served=Served(Wanted(3, "run-3"), model.load(bundles[0]), SINCE))
    with TestClient(create_app(settings(), state)) as fresh:
        assert "live_drift_distance{" not in fresh.get("/metrics").text
        fresh.post("/predict", json={"houses": [{"state": "Oregon", "bed": 9, "house_size": 9000}] * 200})
    with TestClient(create_app(settings(), state)) as fresh:
        fresh.post("/predict", json={"houses": [{"state": "Oregon", "bed": 9, "house_size": 9000}] * 200})
        told = fresh.get("/metrics").text

    def figure(name: str, column: str) -> float:
        return float(told.split(f'{name}{{column="{column}"}} ')[1].split()[0])

    for column in ("state", "house_size"):
        distance = figure("relevo_serving_live_drift_distance", column)
        assert distance > 2 * figure("relevo_serving_live_drift_noise", column)
