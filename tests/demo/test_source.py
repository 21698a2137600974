"""The data source keeps its contract over HTTP, and misbehaves when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from relevo_demo.servers import SourceServer
from tests.houses import COLUMNS

EXHAUSTED = "Ya se recolectó toda la información mínima necesaria"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SourceServer]:
    arguments = ("--batches", "4", "--seed", "2", "--allow-misbehaviour")
    with SourceServer(tmp_path_factory.mktemp("source"), *arguments) as running:
        yield running


@pytest.fixture
def source(server: SourceServer) -> Iterator[httpx.Client]:
    """A client of the source, its counts started over."""
    with httpx.Client(base_url=server.url, timeout=10) as client:
        for group in (3, 6):
            assert client.get("/restart_data_generation", params={"group_number": group}).json() == {"ok": True}
        yield client


def ask(source: httpx.Client, group: int = 6, day: str = "Wednesday") -> httpx.Response:
    return source.get("/data", params={"group_number": group, "day": day})


def is_batch(answer: httpx.Response) -> bool:
    try:
        return "data" in answer.json()
    except ValueError:
        return False


def misbehave(source: httpx.Client, what: str) -> None:
    source.post("/misbehave", json={"what": what}).raise_for_status()


def test_each_request_moves_the_groups_count_on_until_all_is_collected(source: httpx.Client) -> None:
    answers = [ask(source) for _ in range(4)]
    assert [a.json()["batch_number"] for a in answers] == [1, 2, 3, 4]
    assert {a.json()["group_number"] for a in answers} == {6}
    assert answers[0].json()["day"] == "Wednesday"
    assert tuple(answers[0].json()["data"][0]) == COLUMNS
    assert len({len(a.json()["data"]) for a in answers}) == 4, "batches differ in size"
    over = ask(source)
    assert (over.status_code, over.json()) == (400, {"detail": EXHAUSTED})


def test_groups_count_on_their_own(source: httpx.Client) -> None:
    ask(source)
    assert ask(source, group=3).json()["batch_number"] == 1
    assert ask(source).json()["batch_number"] == 2


def test_the_same_count_gives_the_same_bytes(source: httpx.Client) -> None:
    first = [ask(source).content for _ in range(3)]
    assert source.get("/restart_data_generation", params={"group_number": 6, "day": "Wednesday"}).json() == {"ok": True}
    assert [ask(source).content for _ in range(3)] == first


def test_a_bad_group_or_day_is_refused(source: httpx.Client) -> None:
    for bad in (ask(source, group=99), ask(source, day="Someday")):
        assert (bad.status_code, bad.json()) == (400, {"detail": "Número de grupo inválido"})
    assert ask(source).json()["batch_number"] == 1, "a refused request does not count"


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/docs", "/openapi.json"])
def test_the_other_pages_exist(source: httpx.Client, path: str) -> None:
    assert source.get(path).status_code == 200


def test_metrics_count(source: httpx.Client) -> None:
    ask(source)
    assert 'source_batch{group="6"} 1' in source.get("/metrics").text


@pytest.mark.parametrize(
    ("what", "status", "moves"), [("error", 500, False), ("html", 200, False), ("short", 200, True)]
)
def test_it_fails_when_told(source: httpx.Client, what: str, status: int, moves: bool) -> None:
    misbehave(source, what)
    bad = ask(source)
    assert bad.status_code == status
    assert not is_batch(bad)
    assert ask(source).json()["batch_number"] == (2 if moves else 1)


@pytest.mark.parametrize("what", ["cut", "lost"])
def test_an_answer_may_be_lost_while_the_count_moves_on(source: httpx.Client, what: str) -> None:
    misbehave(source, what)
    with pytest.raises(httpx.RemoteProtocolError):
        ask(source)
    assert ask(source).json()["batch_number"] == 2


def test_it_repeats_a_batch(source: httpx.Client) -> None:
    first = ask(source)
    misbehave(source, "repeat")
    assert ask(source).content == first.content
    assert ask(source).json()["batch_number"] == 2


def test_it_keeps_a_client_waiting(source: httpx.Client) -> None:
    misbehave(source, "timeout")
    with pytest.raises(httpx.ReadTimeout):
        source.get("/data", params={"group_number": 6}, timeout=0.3)


@pytest.mark.parametrize(
    ("what", "columns"), [("extra_column", {*COLUMNS, "year_built"}), ("lost_column", {*COLUMNS} - {"house_size"})]
)
def test_its_columns_change(source: httpx.Client, what: str, columns: set[str]) -> None:
    misbehave(source, what)
    assert all(set(row) == columns for row in ask(source).json()["data"])


def test_it_cannot_be_told_to_misbehave_unless_started_so(tmp_path: Path) -> None:
    with SourceServer(tmp_path, "--batches", "1") as running:
        assert httpx.post(f"{running.url}/misbehave", json={"what": "error"}).status_code == 404
