"""The demo end to end on generated listings: stopped in the middle, run again, and serving until Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from relevo_demo.servers import PostgresServer
from tests.houses import HOUSE_PRICES

pytestmark = pytest.mark.timeout(600)
BATCHES = 3


@dataclass
class Running:
    """A demo as a person runs it, its output collected line by line."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_for(self, pattern: str, seconds: float = 240) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.output):
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"expected {pattern!r} in:\n{self.output}")

    def family(self) -> list[psutil.Process]:
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]


def start(*arguments: str) -> Running:
    command = [sys.executable, "-m", "relevo_demo", "run", str(HOUSE_PRICES), "--batches", str(BATCHES), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = Running(process)

    def collect() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            running.lines.append(line)

    threading.Thread(target=collect, daemon=True).start()
    return running


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def story(state: Path) -> Iterator[dict[str, object]]:
    """The story of a demo that was stopped after its first batch and run again to the end."""
    file = state / "out.json"
    first = start("--exit", "--state", str(state), "--json", str(file))
    first.wait_for(r"(?m)^\s+1 │")
    processes = first.family()
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(60) == 130, first.output
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive, "every process is stopped"
    assert len(json.loads(file.read_text())["batches"]) == 1

    second = start("--exit", "--state", str(state), "--json", str(file))
    assert second.process.wait(400) == 0, second.output
    yield json.loads(file.read_text())


def test_a_second_run_goes_on_where_the_first_stopped(story: dict[str, list[dict[str, object]]]) -> None:
    batches = story["batches"]
    assert [batch["number"] for batch in batches] == [1, 2, 3]
    first, quiet, new_region = batches
    assert (first["trained"], first["promoted"], first["criterion"]) == (True, True, "first_beats_baseline")
    assert not quiet["trained"], quiet["why"]
    assert new_region["trained"], new_region["why"]
    assert "state" in str(new_region["moved"])
    assert all(batch["why"] for batch in batches)


def test_production_is_told(story: dict[str, dict[str, float]]) -> None:
    assert story["production"]["version"] == 2
    assert 0.1 < story["production"]["error"] < 0.4


def test_raw_and_clean_hold_each_batch_once(story: object, state: Path) -> None:
    with PostgresServer(state / "postgres") as server:
        passfile = str(server.passfile)
        with psycopg.connect(server.url("raw"), passfile=passfile) as raw:
            batches = raw.execute("select batch_number, row_count from raw.batches order by 1").fetchall()
            rows = raw.execute(
                "select batch_number, count(*) from raw.listings join raw.batches using (batch_id)"
                " group by 1 order by 1"
            ).fetchall()
        with psycopg.connect(server.url("clean"), passfile=passfile) as clean:
            kept = clean.execute("select batch_number, kept + rejected from clean.batches order by 1").fetchall()
    assert [number for number, _ in batches] == [1, 2, 3]
    assert batches == rows == kept


def test_it_serves_what_mlflow_calls_production_until_it_is_stopped(story: object, state: Path) -> None:
    running = start("--state", str(state))
    running.wait_for(r"Ctrl-C stops everything")
    url = running.wait_for(r"inference API\s+(http://\S+?)/docs")[1]
    ui = running.wait_for(r"UI\s+(http://\S+)")[1]
    model = httpx.get(f"{url}/model", timeout=10).raise_for_status().json()
    house = {"bed": 3, "bath": 2, "city": "Ponce", "state": "Puerto Rico", "house_size": 1500, "acre_lot": 0.2}
    answer = httpx.post(f"{url}/predict", json={"instances": [house]}, timeout=10).raise_for_status().json()
    assert '"version": 2' in json.dumps(model)
    (price,) = answer["predictions"]
    assert price["low"] < price["prediction"] < price["high"]
    assert httpx.get(ui, timeout=10).status_code == 200
    processes = running.family()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0, running.output
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive
