"""The fast path is a short way and no other: whatever is asked, both answer the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from relevo_serving import answering
from relevo_serving.model import Model
from relevo_serving.self_test import load_tested
from tests.serving import foreign
from tests.serving.conftest import hosted

JSON = {"Content-Type": "application/json"}
ID = b"019aabcd-1f2e-7a3b-9c4d-5e6f70819203"
HOUSE = {"bed": 3, "bath": "2", "house_size": 0, "city": "Springfield", "state": "puerto  rico", "zip_code": 601}


@pytest.fixture(scope="module", params=["relevo", "labels"])
def both(
    request: pytest.FixtureRequest, models: tuple[Model, Model], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestClient, TestClient]]:
    """The same version by the fast path and without it; a request's id would be the only difference."""
    folder: Path = tmp_path_factory.mktemp("labels") / "model"
    model = models[0] if request.param == "relevo" else load_tested(foreign.labels(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relevo_serving.storing.keeping.RequestIds.at", lambda *_: ID)
        with (
            TestClient(hosted(model, max_rows=50, max_body_bytes=20_000)) as fast,
            TestClient(hosted(model, max_rows=50, max_body_bytes=20_000, fast_path=False)) as slow,
        ):
            yield fast, slow


LABELS = [{"color": "red", "count": 2}, {"color": None, "count": 9}]
BODIES: list[Any] = [
    {"instances": [HOUSE]},
    {"instances": [HOUSE, {}]},
    {"instances": [{}] * 50},
    {"instances": [{}] * 51},
    {"instances": LABELS},
    {"instances": LABELS * 20},
    {"instances": []},
    {"instances": [{"bed": "three"}, {"prev_sold_date": 0}, 3, None]},
    {"instances": [{"made up": 1}]},
    {"houses": [HOUSE]},
    {"dataframe_records": [HOUSE]},
    {"dataframe_records": LABELS},
    {"dataframe_split": {"columns": ["bed", "city"], "data": [[1, None], [float("nan"), "Boston"]]}},
    {"dataframe_split": {"columns": ["bed"], "data": [[1, 2]]}},
    {"inputs": {"bed": [1, 2]}},
    {"inputs": [["red", 1]]},
    [],
    None,
]


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
@pytest.mark.parametrize(
    "body",
    [*(json.dumps(one).encode() for one in BODIES), b"", b"{", b"\xff", b"[" * 9_000, b" " * 20_001],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_both_ways_answer_the_same_bytes(both: tuple[TestClient, TestClient], path: str, body: bytes) -> None:
    for headers in (JSON, {"Content-Type": "application/json; charset=utf-8"}, {"Content-Type": "text/plain"}, {}):
        fast, slow = (client.post(path, content=body, headers=headers) for client in both)
        assert (fast.status_code, fast.content) == (slow.status_code, slow.content)
        assert fast.headers.raw == slow.headers.raw


def test_right_requests_do_not_reach_fastapis_routing(
    both: tuple[TestClient, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    routed: list[str] = []
    original = answering.Answering.predict

    async def seen(self: Any, rows: Any) -> bytes:
        routed.append("predicted")
        return await original(self, rows)

    monkeypatch.setattr(answering.Answering, "predict", seen)
    for client in both:
        body = {"instances": [{"color": "red", "count": 2}]}
        if client.post("/predict", json=body).status_code == 422:
            assert client.post("/predict", json={"instances": [HOUSE]}).status_code == 200
    assert routed == ["predicted"] * 2  # each was predicted once, whichever way it went
