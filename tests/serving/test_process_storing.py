"""The API as a process, killed, restarted and with RAW away: what it acknowledged is in RAW, each house once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import bring_up_to_date
from tests.conftest import Databases
from tests.gate import Gate
from tests.houses import LISTINGS
from tests.jobs.holdings import query
from tests.serving_process import Running, Serve
from tests.versions import Versions

HOUSE = {"bed": 3, "bath": 2, "house_size": 1500, "state": "Puerto Rico", "city": "San Juan"}


class Asking:
    """Requests of three houses without pause, from several threads; what was acknowledged as stored is remembered."""

    def __init__(self, threads: int = 3) -> None:
        self.url = ""
        self.acknowledged: list[str] = []
        self.failures = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self._stop.is_set():
                try:
                    said = client.post(f"{self.url}/predict", json={"instances": [HOUSE] * 3}).raise_for_status().json()
                except httpx.HTTPError:
                    self.failures += 1
                    time.sleep(0.01)
                    continue
                if said["stored"]:
                    self.acknowledged.append(said["request_id"])

    def begin(self, url: str) -> None:
        self.url = url
        for thread in self._threads:
            thread.start()

    def end(self) -> list[str]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.acknowledged

    def more(self, count: int) -> None:
        """Wait for so many further acknowledgements."""
        wanted, ends = len(self.acknowledged) + count, time.monotonic() + 60
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < ends, "nothing is acknowledged"
            time.sleep(0.01)


@pytest.fixture
def asking() -> Iterator[Asking]:
    asking = Asking()
    yield asking
    asking.end()


@pytest.fixture
def raw_gate(databases: Databases) -> Iterator[Gate]:
    """RAW behind a gate, its schema made."""
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    gate = Gate(int(conninfo_to_dict(databases.raw_url)["port"] or 0))
    yield gate
    gate.close()


def through(gate: Gate, url: str) -> str:
    parts = conninfo_to_dict(url)
    return f"postgresql://{parts['user']}@127.0.0.1:{gate.port}/{parts['dbname']}"


def settings(url: str, spool: Path, databases: Databases) -> dict[str, str]:
    passwords = Path(databases.env["PGPASSFILE"]).read_text().split(":")
    anywhere = spool.with_name("pgpass")  # the gate has a port of its own
    anywhere.touch(0o600)
    anywhere.write_text(":".join(["*", "*", *passwords[2:]]))
    return {
        "RELEVO_RAW_URL": url,
        "RELEVO_SPOOL": str(spool),
        "RELEVO_STORE_SECONDS": "0.1",
        "PGPASSFILE": str(anywhere),
    }


def until(what: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.05)


def requests(url: str) -> list[tuple[str, int]]:
    return [(str(r), n) for r, n in query(url, "select request, count(*) from raw.inferences group by request")]


def in_raw_once(url: str, acknowledged: list[str]) -> None:
    """Each acknowledged request is there with its three houses; what was not acknowledged may be there, also once."""
    held = dict(requests(url))
    assert set(acknowledged) <= set(held)
    assert set(held.values()) <= {3}


def waiting(running: Running) -> float:
    told = running.get("/metrics").text
    return float(told.split("\nrelevo_serving_spool_waiting_bytes ")[1].split()[0])


def test_killed_in_mid_load_again_and_again_it_loses_nothing_acknowledged(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], databases: Databases, tmp_path: Path, asking: Asking
) -> None:
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    versions.promote(versions.register(bundles[0]))
    given = settings(databases.raw_url, tmp_path / "spool", databases)
    for number in range(4):
        with serve(**given) as running:
            running.wait_for_version(1)
            asking.begin(running.url) if number == 0 else setattr(asking, "url", running.url)
            asking.more(40)
            running.process.kill()
            running.process.wait()
    with serve(**given) as running:
        acknowledged = asking.end()
        until(lambda: waiting(running) == 0)
    assert len(acknowledged) >= 160
    in_raw_once(databases.raw_url, acknowledged)


def test_with_raw_away_it_answers_on_and_delivers_when_it_is_back(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], databases: Databases, tmp_path: Path,
    asking: Asking, raw_gate: Gate,
) -> None:  # fmt: skip
    versions.promote(versions.register(bundles[0]))
    with serve(**settings(through(raw_gate, databases.raw_url), tmp_path / "spool", databases)) as running:
        running.wait_for_version(1)
        asking.begin(running.url)
        until(lambda: len(requests(databases.raw_url)) > 0)
        raw_gate.close()
        asking.more(200)
        until(lambda: "relevo_serving_store_reachable 0.0" in running.get("/metrics").text)
        assert waiting(running) > 0
        assert running.get("/readyz").status_code == 200
        raw_gate.open()
        acknowledged = asking.end()
        until(lambda: waiting(running) == 0)
        until(lambda: "relevo_serving_store_reachable 1.0" in running.get("/metrics").text)
    assert asking.failures == 0
    in_raw_once(databases.raw_url, acknowledged)
    assert len(requests(databases.raw_url)) == len(acknowledged)


def test_told_to_stop_it_delivers_what_waits(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], databases: Databases, tmp_path: Path
) -> None:
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    versions.promote(versions.register(bundles[0]))
    given = settings(databases.raw_url, tmp_path / "spool", databases) | {"RELEVO_STORE_SECONDS": "3600"}
    with serve(**given) as running:
        running.wait_for_version(1)
        assert running.predict(HOUSE, HOUSE, HOUSE).json()["stored"]
    assert [count for _, count in requests(databases.raw_url)] == [3]
    assert not list((tmp_path / "spool").glob("*.copy"))


def test_told_to_stop_with_raw_away_it_leaves_the_rest_to_the_next_process(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], databases: Databases, tmp_path: Path, raw_gate: Gate
) -> None:
    versions.promote(versions.register(bundles[0]))
    given = settings(through(raw_gate, databases.raw_url), tmp_path / "spool", databases)
    raw_gate.close()
    with serve(**given, RELEVO_DRAIN_SECONDS="0.5") as running:
        running.wait_for_version(1)
        assert running.predict(HOUSE, HOUSE, HOUSE).json()["stored"]
        left = running
    assert any(event["event"] == "inferences_left" and event["bytes"] > 0 for event in left.events())
    raw_gate.open()
    with serve(**given) as running:
        until(lambda: waiting(running) == 0)
    assert [count for _, count in requests(databases.raw_url)] == [3]


def test_told_to_stop_it_waits_for_raw_as_long_as_it_may(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], databases: Databases, tmp_path: Path, raw_gate: Gate
) -> None:
    """As a pod does whose spool goes with it."""
    versions.promote(versions.register(bundles[0]))
    given = settings(through(raw_gate, databases.raw_url), tmp_path / "spool", databases)
    raw_gate.close()
    with serve(**given, RELEVO_DRAIN_SECONDS="60") as running:
        running.wait_for_version(1)
        assert running.predict(HOUSE, HOUSE, HOUSE).json()["stored"]
        back = threading.Timer(3, raw_gate.open)
        back.start()
    back.join()
    assert [count for _, count in requests(databases.raw_url)] == [3]
