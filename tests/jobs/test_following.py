"""Columns of a data set come and go, on a real PostgreSQL with rows in it: tables follow, once, or are left alone."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_contract.data_set import DataSet
from relevo_jobs.errors import SettingsError, StepError, Unavailable
from relevo_jobs.stores import clean, logins, raw
from relevo_jobs.stores.clean import CleanPart, CleanStore, open_clean
from relevo_jobs.stores.following import MOST, Column, Declared, changes, remarks
from relevo_jobs.stores.postgres import bring_up_to_date, connect
from relevo_jobs.stores.raw import NewBatch, open_raw
from relevo_jobs.stores.tables import quoted
from relevo_serving.storing.keeping import RequestIds, line, version_fields
from relevo_serving.storing.store import InferenceStore
from tests.conftest import Databases
from tests.houses import LISTINGS
from tests.jobs.holdings import query
from tests.jobs.rides import ALL, rides
from tests.killing import base_env, finish, run_killed, run_step, start_step

INPUTS = sorted(name for name, kind in ALL.items() if kind != "target")


def keep(databases: Databases, data: DataSet, number: int) -> None:
    """A batch of one row through RAW and CLEAN, each value telling its batch and its column."""
    came = [str(number) if name not in data.dates else f"2026-01-{number:02}" for name in data.columns]
    with open_raw(databases.raw_url, 6, data) as store:
        store.add(NewBatch(6, "Wednesday", number, datetime.now(UTC), 0.1, 200, f"{number}", "none", 1, [[came]]))
        assert list(store.rows(store.after(number - 1)[0].batch_id)) == [tuple(came)]
    typed = [came[data.columns.index(name)] for name in data.typed]
    with open_clean(databases.clean_url, 6, data) as held:
        held.add(number, f"{number}", 1, [CleanPart([("0", *typed, "f")])])
        held.origin(number)


def known(url: str, table: str, names: Sequence[str]) -> dict[str, list[str | None]]:
    """What a table has of these columns, the oldest batch first, as text; None of one that it lacks."""
    order = "batch_id" if table.startswith("raw") else "batch_number"
    there = {
        name
        for (name,) in query(
            url, f"select attname from pg_attribute where attrelid = '{table}'::regclass and attnum > 0"
        )
    }
    return {
        name: [row[0] for row in query(url, f"select {quoted(name)}::text from {table} order by {order}")]
        if name in there
        else []
        for name in names
    }


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.sampled_from(INPUTS), min_size=1), min_size=2, max_size=5))
def test_whatever_columns_come_and_go_each_row_has_those_of_its_batch(
    databases: Databases, chosen: list[set[str]]
) -> None:
    for url in (databases.raw_url, databases.clean_url):
        query(url, "drop schema if exists raw, clean cascade")
    for number, names in enumerate(chosen, 1):
        place = next((name for name in sorted(names) if ALL[name] == "compared"), None)
        keep(databases, rides(*sorted(names), place=place), number)
    ever = set().union(*chosen)
    for url, table in ((databases.raw_url, 'raw."group"'), (databases.clean_url, 'clean."group"')):
        for name, values in known(url, table, INPUTS).items():
            expected = [
                None if name not in names else f"2026-01-{n:02}" if ALL[name] == "day" else str(n)
                for n, names in enumerate(chosen, 1)
            ]
            assert values == (expected if name in ever else []), (table, name)
    assert query(databases.raw_url, "select max(version) from raw.schema_versions") == [
        (len(raw.schema(LISTINGS).migrations),)
    ]


def test_what_is_there_already_needs_no_statement() -> None:
    declared = Declared("trips", {"km": "double precision", "minutes": "double precision"}, "minutes")
    there = {name: Column(kind) for name, kind in declared.columns.items()} | {"batch_id": Column("bigint")}
    assert changes("clean", declared, there) == remarks("clean", declared, there) == []


def test_more_columns_than_a_table_can_have_are_refused() -> None:
    declared = Declared("t", {f"c{n}": "text" for n in range(MOST - 1)} | {"y": "text"}, "y")
    there = {"batch_id": Column("bigint"), "y": Column("text"), "gone": Column("text")}
    with pytest.raises(ValueError, match=r"at most 1600 columns in raw\.t, .* got 1602\. Nothing was changed"):
        changes("raw", declared, there)


def test_a_row_longer_than_postgresql_holds_is_no_outage(databases: Databases) -> None:
    names = [f"c{n}" for n in range(1100)]
    wide = DataSet(name="wide", columns=(*names, "y"), target="y", numeric=tuple(names))
    with (
        open_clean(databases.clean_url, 6, wide) as store,
        pytest.raises(StepError, match=r"cannot hold this .*row is too big") as refused,
    ):
        store.add(1, "1", 1, [CleanPart([("0", *["1"] * 1101, "f")])])
    assert not isinstance(refused.value, Unavailable)


@pytest.fixture
def before_bath(databases: Databases) -> Databases:
    """Databases of a release whose listings had no baths yet, with a batch."""
    less = replace(
        LISTINGS,
        columns=tuple(name for name in LISTINGS.columns if name != "bath"),
        numeric=tuple(name for name in LISTINGS.numeric if name != "bath"),
        rules={name: rule for name, rule in LISTINGS.rules.items() if name != "bath"},
    )
    rows = [[str(n)] * len(less.columns) for n in range(3)]
    with open_raw(databases.raw_url, 6, less) as store:
        store.add(NewBatch(6, "Wednesday", 1, datetime.now(UTC), 0.1, 200, "1", "none", 3, [rows]))
    bring_up_to_date(databases.clean_url, clean.schema(less))
    return databases


@pytest.fixture
def env(before_bath: Databases) -> dict[str, str]:
    return {
        **base_env(),
        **before_bath.env,
        "RELEVO_GROUP": "6",
        "RELEVO_RAW_URL": before_bath.raw_url,
        "RELEVO_CLEAN_URL": before_bath.clean_url,
        "RELEVO_TERMINATION_LOG": "/nowhere",
    }


def has_baths(databases: Databases) -> list[bool]:
    tables = (
        (databases.raw_url, "raw.listings"), (databases.raw_url, "raw.inferences"),
        (databases.clean_url, "clean.listings"),
    )  # fmt: skip
    return [
        bool(query(url, f"select 1 from pg_attribute where attrelid = '{table}'::regclass and attname = 'bath'"))
        for url, table in tables
    ]


@pytest.mark.parametrize(
    ("target", "call", "after"),
    [
        ("relevo_jobs.stores.postgres:_missing", 2, [False, False, False]),  # behind the lock, in the transaction
        ("relevo_jobs.stores.postgres:_migrate", 1, [True, True, False]),
        ("relevo_jobs.stores.postgres:_missing", 4, [True, True, False]),
        ("relevo_jobs.stores.postgres:_migrate", 2, [True, True, True]),
    ],
)
def test_killed_and_run_again_the_columns_are_there(
    env: dict[str, str], before_bath: Databases, target: str, call: int, after: list[bool]
) -> None:
    run_killed("clean", env, target, "after", call=call)
    assert has_baths(before_bath) == after
    code, said, _ = run_step("clean", env)
    assert (code, said["batch"]) == (0, 1)
    assert has_baths(before_bath) == [True] * 3
    assert query(before_bath.raw_url, "select bed, bath from raw.listings order by row_number") == [
        ("0", None), ("1", None), ("2", None)
    ]  # fmt: skip


def test_two_steps_at_once_add_it_once(env: dict[str, str], before_bath: Databases) -> None:
    both = [start_step("clean", env) for _ in range(2)]
    assert sorted(finish(process)[0] for process in both) in ([0, 0], [0, 99])
    assert has_baths(before_bath) == [True] * 3


def test_many_at_once_add_it_once(before_bath: Databases) -> None:
    together = threading.Barrier(6)

    def bring(_: int) -> int:
        together.wait()
        return bring_up_to_date(before_bath.raw_url, raw.schema(LISTINGS))

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(bring, range(6))) == {len(raw.schema(LISTINGS).migrations)}
    assert has_baths(before_bath) == [True, True, False]


def test_while_a_step_that_reads_is_waited_for_the_inference_api_writes_on(before_bath: Databases) -> None:
    url = before_bath.raw_url
    with psycopg.connect(url) as reading, ThreadPoolExecutor(1) as pool:
        reading.execute("select * from raw.listings")
        bringing = pool.submit(bring_up_to_date, url, raw.schema(LISTINGS))
        while not query(url, "select 1 from pg_locks where not granted and relation = 'raw.listings'::regclass"):
            time.sleep(0.01)
        query(url, "set lock_timeout = '10s'; lock table raw.inferences in row exclusive mode nowait")
        reading.rollback()
        bringing.result(timeout=30)
    assert has_baths(before_bath) == [True, True, False]


@contextmanager
def login(url: str, name: str) -> Iterator[str]:
    """A login of a test's own; its address."""
    try:
        yield url.replace("relevo@", f"{name}:secret@")
    finally:
        query(url, f"drop owned by {name}; drop role {name}")


def test_the_inference_apis_login_may_write_a_column_that_was_added_later(before_bath: Databases) -> None:
    owner = before_bath.raw_url
    less = replace(LISTINGS, columns=("price", "city"), numeric=(), categorical=("city",), dates=(), compared=(),
                   place=None, within=(), rules={})  # fmt: skip
    query(owner, "drop schema raw cascade")
    with login(owner, "serving_of_columns") as url:
        logins.admit(owner, url, less)
        bring_up_to_date(owner, raw.schema(LISTINGS))
        told = b'[{"price":1.5,"low":1.0,"high":2.0,"unseen":[],"missing":[]}]'
        record = line(RequestIds().at(1), 1, version_fields("m", 1, "run"), b'[{"city":"San Juan","bath":2.0}]', told)
        store = InferenceStore(url)
        assert store.deliver(uuid.uuid4(), 0, record) == (len(record), 1)
        store.close()
        assert query(owner, "select city, bath from raw.inferences") == [("San Juan", 2.0)]
        for refused in ("select bath from raw.inferences", "alter table raw.inferences add column mine text"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                query(url, refused)


def test_who_may_only_read_reads_on_and_is_told_when_a_column_is_to_be_added(before_bath: Databases) -> None:
    owner = before_bath.clean_url
    query(owner, "create role reader_of_columns login password 'secret'")
    with login(owner, "reader_of_columns") as url:
        query(owner, "grant usage on schema clean to reader_of_columns")
        query(owner, "grant select on all tables in schema clean to reader_of_columns")
        with pytest.raises(SettingsError, match=r"must be owner of table listings.*owner of the database"):
            CleanStore(url, 6, LISTINGS).columns()
        bring_up_to_date(owner, clean.schema(LISTINGS))
        less = replace(LISTINGS, columns=("price", "city"), numeric=(), categorical=("city",), dates=(), compared=(),
                       place=None, within=(), rules={})  # fmt: skip
        for data in (LISTINGS, less):  # the release before has nothing to change either
            assert len(CleanStore(url, 6, data=data).columns()["city"]) == 0


def test_a_column_that_somebody_added_by_hand_disturbs_nothing(databases: Databases) -> None:
    keep(databases, rides("order", "user"), 1)
    query(databases.raw_url, "alter table raw.\"group\" add column note jsonb not null default '{}'")
    query(databases.clean_url, 'alter table clean."group" add column "Größe m²" real')
    keep(databases, rides("order", "user"), 2)
    bring_up_to_date(databases.clean_url, clean.schema(rides("order", "user")))
    with connect(databases.raw_url, raw.schema(rides("order", "user"))) as connection:
        assert connection.execute('select count(*) from raw."group"').fetchone() == (2,)
