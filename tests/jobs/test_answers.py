"""What the data source answers, told apart."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from relevo_jobs.collect import answers
from relevo_jobs.collect.answers import Batch, Exhausted, plain
from relevo_jobs.collect.body import Body
from relevo_jobs.collect.rows import Row
from relevo_jobs.errors import BadGroup, MalformedAnswer, StepError, Unavailable
from tests.houses import COLUMNS

GROUP = 6
ROW = {
    "brokered_by": "103378.0", "status": "for_sale", "price": 105000.0, "bed": 3, "bath": None, "acre_lot": 0.12,
    "street": "1962661.0", "city": "Adjuntas", "state": "Puerto Rico", "zip_code": "00601", "house_size": 920.0,
    "prev_sold_date": None,
}  # fmt: skip


def answer(**changes: Any) -> bytes:
    """A batch as the source sends it, with changes; a change to `...` leaves the key out."""
    body: dict[str, Any] = {"group_number": GROUP, "day": "Wednesday", "batch_number": 3, "data": [ROW]} | changes
    return json.dumps({key: value for key, value in body.items() if value is not ...}).encode()


def parse(status: int, content: bytes) -> Batch | Exhausted:
    return answers.parse(status, Body([content]), GROUP, COLUMNS)


def batch(content: bytes) -> Batch:
    came = parse(200, content)
    assert isinstance(came, Batch)
    return came


def rows(content: bytes) -> list[Row]:
    return [row for part in answers.parts(Body([content]), batch(content), COLUMNS) for row in part]


def test_a_batch_keeps_what_came_to_the_letter() -> None:
    body = (
        b'{"group_number":6,"day":"Wednesday","batch_number":3,"data":[{"price":105000.0,"bed":3,"bath":1e2,'
        b'"acre_lot":0.120,"city":" San Juan\\n","house_size":null,"status":"","street":NaN,"zip_code":true}]}'
    )
    came = batch(body)
    row = dict(zip(COLUMNS, rows(body)[0], strict=True))
    assert (row["price"], row["bed"], row["bath"], row["acre_lot"]) == ("105000.0", "3", "1e2", "0.120")
    assert (row["city"], row["status"], row["house_size"]) == (" San Juan\n", "", None)
    assert (row["street"], row["zip_code"]) == ("NaN", "true")
    assert (came.group, came.number, came.day) == (6, 3, "Wednesday")
    assert came.sha256 == hashlib.sha256(body).hexdigest()


def test_older_servers_answer_lists_of_strings_without_a_day() -> None:
    content = answer(day=..., data=[[str(value) for value in ROW.values()]])
    came = batch(content)
    assert came.day is None
    assert rows(content)[0][COLUMNS.index("price")] == "105000.0"
    assert (came.extra_columns, came.missing_columns) == ((), ())


def test_columns_in_another_order_find_their_place() -> None:
    assert rows(answer(data=[dict(reversed(ROW.items()))]))[0][COLUMNS.index("city")] == "Adjuntas"


def test_a_new_and_a_lost_column_are_told_and_the_batch_is_kept() -> None:
    without = {key: value for key, value in ROW.items() if key != "house_size"}
    content = answer(data=[without | {"pool": "yes"}, without])
    came = batch(content)
    assert came.extra_columns == ("pool",)
    assert came.missing_columns == ("house_size",)
    assert [row[COLUMNS.index("house_size")] for row in rows(content)] == [None, None]


def test_a_column_that_some_rows_have_is_not_lost() -> None:
    without = {key: value for key, value in ROW.items() if key != "bed"}
    content = answer(data=[ROW, without])
    came = batch(content)
    assert came.missing_columns == ()
    assert [row[COLUMNS.index("bed")] for row in rows(content)] == ["3", None]


def test_a_column_name_that_postgresql_cannot_hold_is_made_legible() -> None:
    came = batch(answer(day="Wed\x00", data=[ROW | {"a\x00b\ud800": 1}]))
    assert came.extra_columns == ("a\ufffdb\ufffd",)
    assert came.day == "Wed\ufffd"


def test_a_nested_value_is_kept_as_json() -> None:
    content = answer(data=[ROW | {"city": {"name": "Ponce", "floors": [1, 2]}}])
    assert rows(content)[0][COLUMNS.index("city")] == '{"name": "Ponce", "floors": ["1", "2"]}'


@pytest.mark.parametrize(
    "detail",
    [
        "Ya se recolectó toda la información mínima necesaria",
        "Ya se recolectó toda la información minima necesaria",
        "ya se recolecto toda la informacion minima necesaria",
        "Ya se recolecto\u0301 toda la informacio\u0301n mi\u0301nima necesaria",
    ],
)
def test_exhausted_is_told_by_its_text(detail: str) -> None:
    assert parse(400, json.dumps({"detail": detail}).encode()) == Exhausted(detail)


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (400, '{"detail": "Número de grupo inválido"}', BadGroup, "Número de grupo inválido"),
        (422, '{"detail": [{"loc": ["query", "group_number"]}]}', BadGroup, "RELEVO_GROUP"),
        (404, "Not Found", BadGroup, "RELEVO_SOURCE_URL"),
        (400, "{}", MalformedAnswer, "detail"),
        (400, "[]", MalformedAnswer, "detail"),
        (400, "<html>Bad Request</html>", MalformedAnswer, "expected JSON"),
        (500, "Internal Server Error", Unavailable, "HTTP 500"),
        (503, "", Unavailable, "HTTP 503"),
        (429, "", Unavailable, "HTTP 429"),
        (302, "", MalformedAnswer, "302"),
        (204, "", MalformedAnswer, "204"),
        (200, "<!DOCTYPE html><html><body>Login</body></html>", MalformedAnswer, "DOCTYPE"),
        (200, "", MalformedAnswer, "0 bytes"),
        (200, answer()[:-20].decode(), MalformedAnswer, "cut"),
        (200, b"\xff\xfe\x00".decode("latin-1"), MalformedAnswer, "expected JSON"),
        (200, "[" * 100_000, MalformedAnswer, "expected JSON"),
        (200, "null", MalformedAnswer, "expected an object"),
        (200, answer(data=...).decode(), MalformedAnswer, "list as data"),
        (200, answer(data={}).decode(), MalformedAnswer, "list as data"),
        (200, answer(data=[]).decode(), MalformedAnswer, "empty list"),
        (200, answer(data=[ROW, 7]).decode(), MalformedAnswer, "every row"),
        (200, answer(data=[ROW, list(ROW.values())]).decode(), MalformedAnswer, "every row"),
        (200, answer(data=[None]).decode(), MalformedAnswer, "every row"),
        (200, answer(data=[["1"] * 11]).decode(), MalformedAnswer, "12 values"),
        (200, answer(data=[{"a": 1}]).decode(), MalformedAnswer, "expected the columns"),
        (200, answer(batch_number=...).decode(), MalformedAnswer, "batch_number"),
        (200, answer(batch_number="three").decode(), MalformedAnswer, "batch_number"),
        (200, answer(batch_number=1.5).decode(), MalformedAnswer, "batch_number"),
        (200, answer(batch_number=True).decode(), MalformedAnswer, "batch_number"),
        (200, answer(batch_number=-1).decode(), MalformedAnswer, "batch_number"),
        (200, answer(batch_number=2**31).decode(), MalformedAnswer, "batch_number"),
        (200, answer(group_number=7).decode(), MalformedAnswer, "RELEVO_GROUP"),
        (200, answer(group_number=None).decode(), MalformedAnswer, "group_number"),
    ],
)
def test_everything_else_is_told_apart(status: int, body: str, error: type[StepError], says: str) -> None:
    with pytest.raises(error) as caught:
        parse(status, body.encode("latin-1" if "\xff" in body else "utf-8"))
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert len(str(caught.value)) < 600, "a message shows the beginning of a body, not all of it"


def test_plain_folds_accents_case_and_spaces() -> None:
    assert plain("  YA  se recolectó\n") == "ya se recolecto"
