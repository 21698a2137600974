"""Every priced house reaches RAW, once: through kills, a database that is away, and a full spool."""

from __future__ import annotations

import errno
import json
import mmap
import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from starlette.testclient import TestClient

from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import bring_up_to_date
from relevo_serving import model
from relevo_serving.app import create_app
from relevo_serving.errors import SettingsError, StoreAway
from relevo_serving.following import Wanted
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State
from relevo_serving.storing.delivery import Delivery
from relevo_serving.storing.record import RequestIds, line, version_fields
from relevo_serving.storing.spool import Spool
from relevo_serving.storing.store import InferenceStore
from tests.conftest import Databases
from tests.jobs.holdings import query

HOUSE = b'{"bed":3.0,"city":"San Juan","prev_sold_date":"2020-02-29"}'
PREDICTION = b'{"price":1.5,"low":1.0,"high":2.0,"unseen":["city"],"missing":[]}'


@pytest.fixture
def raw_url(databases: Databases) -> str:
    bring_up_to_date(databases.raw_url, raw.SCHEMA)
    return databases.raw_url


def record(ids: RequestIds | None = None, houses: bytes | None = None, count: int = 1) -> bytes:
    now = time.time_ns() // 1000
    of = version_fields("house-prices", 3, "run")
    given, told = (b"[" + b",".join([one] * count) + b"]" for one in (HOUSE, PREDICTION))
    return line((ids or RequestIds()).at(now), now, of, given if houses is None else houses, told)


def stored(url: str) -> int:
    return int(query(url, "select count(*) from raw.inferences")[0][0])


def delivering(folder: Path, url: str, limit: int = 2**20) -> tuple[Spool, Delivery]:
    spool = Spool(folder, limit)
    return spool, Delivery(spool, InferenceStore(url), 0.05)


def test_request_ids_are_uuids_in_the_order_of_their_time() -> None:
    ids = RequestIds()
    now = time.time_ns() // 1000
    made = [ids.at(now).decode() for _ in range(3)]
    made.append(ids.at(now + 1000).decode())
    assert len(set(made)) == 4
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in made)
    assert max(made[:3]) < made[3]
    assert RequestIds().at(now).decode()[18:] != made[0][18:]


def test_a_house_is_stored_as_it_was_understood(raw_url: str, tmp_path: Path) -> None:
    odd = 'a\tb\n"c"\\d \\N \\. \u0000 \\u0000 é プ \U0001f3e0'
    house = json.dumps({"bed": 3, "street": odd, "prev_sold_date": "0001-01-01"}, ensure_ascii=True).encode()
    spool, delivery = delivering(tmp_path, raw_url)
    for ascii_house in (house, json.dumps(json.loads(house), ensure_ascii=False).encode()):
        assert spool.append(record(houses=b"[" + ascii_house + b"]"))
    assert delivery.once()
    for row in query(
        raw_url,
        "select bed, bath, street, prev_sold_date::text, prediction, low, high, unseen, version, model, row_number"
        " from raw.inferences",
    ):
        assert row == (
            3.0, None, odd.replace("\u0000", "\ufffd"), "0001-01-01", 1.5, 1.0, 2.0, ["city"], 3, "house-prices", 1
        )  # fmt: skip
    assert stored(raw_url) == 2


def test_what_is_delivered_again_is_stored_once(raw_url: str, tmp_path: Path) -> None:
    """The process is killed after PostgreSQL took a part over, and before it heard of it."""
    spool, delivery = delivering(tmp_path, raw_url)
    ids = RequestIds()
    for _ in range(5):
        spool.append(record(ids))
    assert delivery.once()
    spool.append(record(ids))
    spool.close()
    again, delivery = delivering(tmp_path, raw_url)
    assert delivery.once()
    assert stored(raw_url) == 6
    assert not list(tmp_path.glob("*.copy"))
    again.close()


def test_a_part_that_does_not_begin_where_the_last_ended_is_not_taken(raw_url: str) -> None:
    store, segment, part = InferenceStore(raw_url), uuid.uuid4(), record()
    assert store.deliver(segment, 0, part) == (len(part), 1)
    assert store.deliver(segment, 0, part) == (len(part), 0)
    assert store.deliver(segment, len(part) + 7, part) == (len(part), 0)
    assert stored(raw_url) == 1


def test_a_record_cut_off_by_a_kill_was_never_acknowledged_and_is_left_out(raw_url: str, tmp_path: Path) -> None:
    (tmp_path / f"{uuid.uuid4()}.copy").write_bytes(record() + record()[:-20])
    spool, delivery = delivering(tmp_path, raw_url)
    assert delivery.once()
    assert stored(raw_url) == 1
    spool.close()


def test_what_postgresql_can_never_take_is_set_aside_and_the_rest_goes_on(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url)
    for houses in (b"[" + HOUSE + b"]", b"not json", b"[" + HOUSE + b"]"):
        spool.append(record(houses=houses))
    assert delivery.once(last=True)
    assert stored(raw_url) == 2
    assert delivery.refused == 1
    assert b"not json" in (tmp_path / "refused").read_bytes()
    assert delivery.waiting() == spool.size == 0


def test_without_room_nothing_more_is_kept_until_it_is_delivered(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url, limit=4000)
    kept = 0
    while spool.append(record()):
        kept += 1
    assert 5 < kept < 20
    assert spool.size <= 4000
    assert delivery.once()
    assert spool.append(record())
    assert delivery.once()
    assert stored(raw_url) == kept + 1


def test_a_disk_without_room_keeps_nothing_and_what_is_there_is_delivered(
    raw_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, delivery = delivering(tmp_path, raw_url, limit=20_000)  # segments of 2,500 bytes
    assert spool.append(record())

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(mmap, "mmap", full)
        kept = 1
        while spool.append(record()):
            kept += 1
        assert len(list(tmp_path.glob("*.copy"))) == 1
    assert spool.append(record())
    assert delivery.once(last=True)
    assert stored(raw_url) == kept + 1
    assert not list(tmp_path.glob("*.copy"))


def test_a_long_record_is_kept_beside_those_of_the_segment_that_is_filled(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url, limit=40_000)  # segments of 5,000 bytes
    long = record(count=40)
    assert spool.append(record())
    assert spool.append(long)
    assert spool.append(record())
    assert spool.size == 2 * len(record()) + len(long)
    assert delivery.once()
    assert stored(raw_url) == 42
    assert [path.stat().st_size > 0 for path in tmp_path.glob("*.copy")] == [True]  # the long one's is delivered
    assert delivery.once(last=True)
    assert not list(tmp_path.glob("*.copy"))


def test_a_process_killed_while_it_copies_a_record_leaves_the_ones_before(raw_url: str, tmp_path: Path) -> None:
    spool, _ = delivering(tmp_path, raw_url)
    spool.append(record())
    assert spool._memory is not None
    spool._memory[spool.size : spool.size + 100] = record()[:100]  # and no newline
    spool._alone.close()
    again, delivery = delivering(tmp_path, raw_url)
    assert delivery.once(last=True)
    assert stored(raw_url) == 1
    again.close()


def test_a_folder_is_of_one_process_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 2**20)
    with pytest.raises(SettingsError, match=r"RELEVO_SPOOL: expected .* for this process alone"):
        Spool(tmp_path, 2**20)
    spool.close()
    Spool(tmp_path, 2**20).close()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="RELEVO_SPOOL: expected a folder to write to"):
        Spool(tmp_path / "file" / "spool", 2**20)


def test_an_address_that_cannot_be_read_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError, match="RELEVO_RAW_URL") as refused:
        InferenceStore("postgresql://relevo:secret@[half/raw")
    assert "secret" not in str(refused.value)


def test_without_the_tables_it_waits_and_says_so(databases: Databases, tmp_path: Path) -> None:
    with pytest.raises(StoreAway, match=r"raw\.inference_spools"):
        InferenceStore(databases.raw_url).deliver(uuid.uuid4(), 0, record())
    spool, delivery = delivering(tmp_path, databases.raw_url)
    spool.append(record())
    assert not delivery.once()
    assert delivery.problem is not None
    bring_up_to_date(databases.raw_url, raw.SCHEMA)
    assert delivery.once()
    assert delivery.problem is None
    assert stored(databases.raw_url) == 1
    spool.close()


def test_a_table_with_more_columns_takes_the_houses_as_they_are(raw_url: str, tmp_path: Path) -> None:
    """A newer release added them, by names that SQL keeps for itself or that the statement uses."""
    for name in ("user", "order", "price", "houses", "microseconds", "incoming", "priced", "Größe m²"):
        query(raw_url, f'alter table raw.inferences add column "{name}" text')
    spool, delivery = delivering(tmp_path, raw_url)
    spool.append(record())
    assert delivery.once(last=True)
    assert query(raw_url, 'select bed, city, prediction, "user", "price" from raw.inferences') == [
        (3.0, "San Juan", 1.5, None, None)
    ]


def test_what_another_release_left_in_the_spool_is_kept_whole(raw_url: str, tmp_path: Path) -> None:
    """Of a release that knew a column which this one has not yet, or has no more."""
    query(raw_url, "alter table raw.inferences add column garage double precision, add column built date")
    spool, _ = delivering(tmp_path, raw_url)
    spool.append(record(houses=b'[{"bed":3.0,"garage":2.0,"built":"1999-12-31"}]'))
    spool.close()
    again, delivery = delivering(tmp_path, raw_url)
    assert delivery.once(last=True)
    assert query(raw_url, "select bed, garage, built::text from raw.inferences") == [(3.0, 2.0, "1999-12-31")]
    again.close()


def test_a_table_that_lacks_a_column_is_waited_for_and_nothing_is_lost(raw_url: str, tmp_path: Path) -> None:
    """The inference API of a newer release is there before `relevo-job prepare` was."""
    query(raw_url, "alter table raw.inferences drop column city, drop column bed")
    spool, delivery = delivering(tmp_path, raw_url)
    spool.append(record())
    for _ in range(2):
        assert not delivery.once()
        assert delivery.problem is not None
        assert re.search(r"it lacks bed, city: run relevo-job prepare of this release", delivery.problem)
    assert delivery.refused == stored(raw_url) == 0
    bring_up_to_date(raw_url, raw.SCHEMA)
    assert delivery.once(last=True)
    assert query(raw_url, "select bed, city from raw.inferences") == [(3.0, "San Juan")]
    assert not list(tmp_path.glob("*.copy"))


def test_a_column_added_while_it_delivers_disturbs_nothing(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url)
    for name in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh"):  # prepared statements among them
        spool.append(record())
        assert delivery.once()
        query(raw_url, f"alter table raw.inferences add column {name} text")
    assert stored(raw_url) == 7
    spool.close()


@pytest.fixture
def client(bundles: tuple[Path, Path], tmp_path: Path) -> Iterator[TestClient]:
    """The API with a small spool and RAW away."""
    state = State(served=Served(Wanted(3, "run"), model.load(bundles[0]), datetime.now(UTC)))
    settings = Settings(
        tracking_uri="http://127.0.0.1:9", raw_url="postgresql://x@127.0.0.1:9/raw", spool=tmp_path,
        spool_bytes=2**16, drain_seconds=0,
    )  # fmt: skip
    with TestClient(create_app(settings, state)) as client:
        yield client


def test_with_a_full_spool_it_answers_that_nothing_is_stored(client: TestClient) -> None:
    said = [client.post("/predict", json={"houses": [{}] * 50}).json() for _ in range(12)]
    assert said[0]["stored"] is True
    assert said[-1]["stored"] is False
    told = client.get("/metrics").text
    kept = 50 * sum(one["stored"] for one in said)
    assert f"relevo_serving_inferences_kept_total {float(kept)}" in told
    assert f"relevo_serving_inferences_lost_total {float(600 - kept)}" in told


def test_with_a_full_spool_it_refuses_if_told_to(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    state = State(served=Served(Wanted(3, "run"), model.load(bundles[0]), datetime.now(UTC)))
    settings = Settings(
        tracking_uri="http://127.0.0.1:9", raw_url="postgresql://x@127.0.0.1:9/raw", spool=tmp_path,
        spool_bytes=2**16, drain_seconds=0, spool_full="refuse",
    )  # fmt: skip
    with TestClient(create_app(settings, state)) as client:
        answers = [client.post("/predict", json={"houses": [{}] * 50}) for _ in range(12)]
        assert answers[0].json()["stored"] is True
        assert answers[-1].status_code == 503
        assert "no room to keep" in answers[-1].json()["error"]
        assert client.post("/explain", json={"houses": [{}]}).status_code == 200


def test_it_stores_nothing_unless_told_where(bundles: tuple[Path, Path]) -> None:
    state = State(served=Served(Wanted(3, "run"), model.load(bundles[0]), datetime.now(UTC)))
    with TestClient(create_app(Settings(tracking_uri="http://127.0.0.1:9"), state)) as client:
        assert client.post("/predict", json={"houses": [{}]}).json()["stored"] is False


def test_a_lost_connection_is_made_anew(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url)
    spool.append(record())
    assert delivery.once()
    with psycopg.connect(raw_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'relevo-serving' and datname = current_database()"
        )
    spool.append(record())
    assert not delivery.once()
    assert delivery.once()
    assert stored(raw_url) == 2
    spool.close()
