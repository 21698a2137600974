"""Every priced house reaches RAW, once: through kills, a database that is away, and a full spool."""

from __future__ import annotations

import errno
import json
import os
import re
import time
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest

from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import bring_up_to_date
from relevo_serving.errors import SettingsError, StoreAway
from relevo_serving.model import Model
from relevo_serving.self_test import load_tested
from relevo_serving.storing.delivery import Delivery
from relevo_serving.storing.keeping import RequestIds, line, version_fields
from relevo_serving.storing.spool import Spool
from relevo_serving.storing.store import InferenceStore
from tests.conftest import Databases
from tests.houses import LISTINGS
from tests.jobs.holdings import query
from tests.serving import foreign
from tests.serving.conftest import Asking

HOUSE = b'{"bed":3.0,"city":"San Juan","prev_sold_date":"2020-02-29"}'
PREDICTION = b'{"prediction":1.5,"low":1.0,"high":2.0,"unseen":["city"],"missing":[]}'


@pytest.fixture
def raw_url(databases: Databases) -> str:
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    return databases.raw_url


def record(ids: RequestIds | None = None, rows: bytes | None = None, count: int = 1, told: bytes = PREDICTION) -> bytes:
    now = time.time_ns() // 1000
    of = version_fields("house-prices", 3, "run")
    given, said = (b"[" + b",".join([one] * count) + b"]" for one in (HOUSE, told))
    return line((ids or RequestIds()).at(now), now, of, given if rows is None else rows, said)


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
        assert spool.append(record(rows=b"[" + ascii_house + b"]"))
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
    for rows in (b"[" + HOUSE + b"]", b"not json", b"[3]", b"[" + HOUSE + b"]"):
        spool.append(record(rows=rows))
    spool.append(record(told=b'{"prediction":null,"low":null,"high":null,"unseen":[]}'))
    assert delivery.once(last=True)
    assert stored(raw_url) == 2
    assert delivery.refused == 3
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


@pytest.mark.parametrize("written", [0, 100])
def test_a_disk_without_room_keeps_nothing_and_what_is_there_is_delivered(
    raw_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """A full disk takes nothing of a record, or a part of it."""
    spool, delivery = delivering(tmp_path, raw_url)
    assert spool.append(record())
    write = os.pwrite

    def full(file: int, body: bytes, place: int) -> int:
        if not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, body[:written], place)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert not spool.append(record())
    assert spool.append(record())
    assert [path.stat().st_size for path in tmp_path.glob("*.copy")] == [spool.size]
    assert delivery.once(last=True)
    assert stored(raw_url) == 2
    assert not list(tmp_path.glob("*.copy"))


def test_a_segment_that_cannot_be_begun_keeps_nothing_until_it_can(
    raw_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, delivery = delivering(tmp_path, raw_url)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        assert not spool.append(record())
        assert spool.segments() == []
    assert spool.append(record())
    assert delivery.once(last=True)
    assert stored(raw_url) == 1


def test_a_segment_is_closed_once_it_is_long_and_deleted_once_it_is_delivered(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url, limit=40_000)  # segments of 5,000 bytes
    long = record(count=40)
    assert spool.append(record())
    assert spool.append(long)
    assert spool.append(record())
    assert spool.size == 2 * len(record()) + len(long)
    assert len(spool.segments()) == 2
    assert delivery.once()
    assert stored(raw_url) == 42
    assert [path.stat().st_size for path in tmp_path.glob("*.copy")] == [len(record())]
    assert delivery.once(last=True)
    assert not list(tmp_path.glob("*.copy"))


def test_a_process_killed_while_it_appends_a_record_leaves_the_ones_before(raw_url: str, tmp_path: Path) -> None:
    spool, _ = delivering(tmp_path, raw_url)
    spool.append(record())
    (segment,) = tmp_path.glob("*.copy")
    with segment.open("ab") as file:
        file.write(record()[:100])  # and no newline
    spool.close()
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
    with pytest.raises(StoreAway, match=r"raw\.open_spool|schema \"raw\""):
        InferenceStore(databases.raw_url).deliver(uuid.uuid4(), 0, record())
    spool, delivery = delivering(tmp_path, databases.raw_url)
    spool.append(record())
    assert not delivery.once()
    assert delivery.problem is not None
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    assert delivery.once()
    assert delivery.problem is None
    assert stored(databases.raw_url) == 1
    spool.close()


def test_a_table_with_more_columns_takes_the_houses_as_they_are(raw_url: str, tmp_path: Path) -> None:
    """A newer release added them, by names that SQL keeps for itself or that the statement uses."""
    for name in ("user", "order", "price", "asked", "microseconds", "incoming", "told", "given", "Größe m²"):
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
    spool.append(record(rows=b'[{"bed":3.0,"garage":2.0,"built":"1999-12-31"}]'))
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
    bring_up_to_date(raw_url, raw.schema(LISTINGS))
    assert delivery.once(last=True)
    assert query(raw_url, "select bed, city from raw.inferences") == [(3.0, "San Juan")]
    assert not list(tmp_path.glob("*.copy"))


def test_what_a_release_before_0_4_left_in_the_spool_has_its_price(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url)
    assert spool.append(record(told=b'{"price":2.5,"low":1.0,"high":3.0,"unseen":[],"missing":[]}'))
    assert delivery.once(last=True)
    assert query(raw_url, "select prediction, low, high from raw.inferences") == [(2.5, 1.0, 3.0)]


def test_a_row_that_lacks_what_the_table_lacks_is_not_held_up(raw_url: str, tmp_path: Path) -> None:
    query(raw_url, "alter table raw.inferences drop column street")
    spool, delivery = delivering(tmp_path, raw_url)
    assert spool.append(record())
    assert delivery.once(last=True)
    assert stored(raw_url) == 1


def test_a_column_added_while_it_delivers_disturbs_nothing(raw_url: str, tmp_path: Path) -> None:
    spool, delivery = delivering(tmp_path, raw_url)
    for name in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh"):  # prepared statements among them
        spool.append(record())
        assert delivery.once()
        query(raw_url, f"alter table raw.inferences add column {name} text")
    assert stored(raw_url) == 7
    spool.close()


@pytest.fixture
def away(tmp_path: Path) -> dict[str, Any]:
    """Settings with a small spool and RAW away."""
    return {
        "raw_url": "postgresql://x@127.0.0.1:9/raw", "spool": tmp_path, "spool_bytes": 2**16, "drain_seconds": 0
    }  # fmt: skip


def test_with_a_full_spool_it_answers_that_nothing_is_stored(
    asking: Asking, models: tuple[Model, Model], away: dict[str, Any]
) -> None:
    client = asking(models[0], **away)
    said = [client.post("/predict", json={"instances": [{}] * 50}).json() for _ in range(16)]
    assert said[0]["stored"] is True
    assert said[-1]["stored"] is False
    told = client.get("/metrics").text
    kept = 50 * sum(one["stored"] for one in said)
    assert f"relevo_serving_inferences_kept_total {float(kept)}" in told
    assert f"relevo_serving_inferences_lost_total {float(800 - kept)}" in told
    assert "relevo_serving_rows_total 800.0" in told


@pytest.mark.parametrize("fast", [True, False])
def test_with_a_full_spool_it_refuses_if_told_to(
    asking: Asking, models: tuple[Model, Model], away: dict[str, Any], fast: bool
) -> None:
    client = asking(models[0], **away, spool_full="refuse", fast_path=fast)
    answers = [client.post("/predict", json={"instances": [{}] * 50}) for _ in range(16)]
    assert answers[0].json()["stored"] is True
    assert answers[-1].status_code == 503
    assert "no room to keep" in answers[-1].json()["error"]
    assert client.post("/explain", json={"instances": [{}]}).status_code == 200
    kept = sum(answer.status_code == 200 for answer in answers)
    assert f"relevo_serving_rows_total {float(50 * kept)}" in client.get("/metrics").text


def test_it_stores_nothing_unless_told_where(asking: Asking, models: tuple[Model, Model]) -> None:
    assert asking(models[0]).post("/predict", json={"instances": [{}]}).json()["stored"] is False


def test_what_is_asked_of_any_version_is_stored_by_its_own_columns(
    asking: Asking, raw_url: str, tmp_path: Path
) -> None:
    """A model that is not Relevo's: RAW has a place for its columns, or they wait until it has."""
    model = load_tested(foreign.odd_names(tmp_path / "model"))
    client = asking(model, raw_url=raw_url, spool=tmp_path / "spool", store_seconds=0.05)
    row = {name: float(place) for place, name in enumerate(foreign.ODD_NAMES)}
    for path, body in (
        ("/predict", {"instances": [row]}),
        ("/invocations", {"dataframe_records": [row]}),
        ("/v2/models/house-prices/infer", {"inputs": [
            {"name": name, "shape": [1], "datatype": "FP64", "data": [value]} for name, value in row.items()
        ]}),
    ):  # fmt: skip
        assert client.post(path, json=body).status_code == 200
    ends = time.monotonic() + 20
    while "relevo_serving_store_reachable 0.0" not in client.get("/metrics").text:
        assert time.monotonic() < ends
    for name in foreign.ODD_NAMES:
        query(raw_url, f'alter table raw.inferences add column "{name}" double precision')
    while stored(raw_url) < 3:
        assert time.monotonic() < ends + 20
        time.sleep(0.05)
    assert query(raw_url, 'select "House Size", "class", prediction, low, unseen from raw.inferences') == [
        (3.0, 1.0, 28.0, None, [])
    ] * 3  # fmt: skip


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
