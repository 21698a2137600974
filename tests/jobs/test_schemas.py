"""Versioned schemas on a real PostgreSQL: an older database is brought up to date, once, whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from relevo_contract.data_set import DataSet
from relevo_jobs.errors import SettingsError, StepError
from relevo_jobs.stores import clean, raw
from relevo_jobs.stores.postgres import LOCK, Schema, bring_up_to_date, connect
from tests.conftest import Databases
from tests.houses import LISTINGS
from tests.jobs.holdings import query

RELEASED = Path(__file__).parent / "released"
COUNTED = "create table raw.counted (by integer); insert into raw.counted values (1)"
"""A migration that leaves a second row if it is applied twice (and fails first: the table is there)."""


NOW = len(raw.schema(LISTINGS).migrations)
"""RAW's schema version."""


def up_to(version: int) -> list[int]:
    return list(range(1, version + 1))


def after(*more: str) -> Schema:
    """RAW's schema as a later release has it."""
    return Schema(raw.schema(LISTINGS).name, raw.schema(LISTINGS).variable, (*raw.schema(LISTINGS).migrations, *more))


def versions(url: str, schema: str = "raw") -> list[int]:
    return [row[0] for row in query(url, f"select version from {schema}.schema_versions order by version")]


def columns(url: str, table: str) -> list[str]:
    found = query(
        url, f"select column_name from information_schema.columns where table_schema || '.' || table_name = '{table}'"
    )
    return [row[0] for row in found]


TRIPS = DataSet(
    name="trips",
    columns=("km", "district", "day", "minutes"),
    target="minutes",
    numeric=("km",),
    categorical=("district",),
    dates=("day",),
)
"""One column of each kind. A data set's own may come and go, by no migration: see test_following.py."""


@pytest.mark.parametrize(
    ("migrations", "hashes"),
    [
        (
            raw.schema(TRIPS).migrations,
            ["9ce737b650528b5d", "855f4b109f1859b6", "9bc8c92af0969a5b", "4c0f84714b546b91", "034cd1894731abb7"],
        ),
        (clean.schema(TRIPS).migrations, ["51236d8eac74fa77", "9a15ca8cdc162db5"]),
    ],
    ids=["raw", "clean"],
)
def test_a_migration_that_was_released_is_never_edited(migrations: Sequence[str], hashes: list[str]) -> None:
    """A database that has it would keep the old form. Write a new migration, and add its hash here."""
    made = [hashlib.sha256(" ".join(sql.split()).encode()).hexdigest()[:16] for sql in migrations]
    assert made == hashes


def described(url: str, schema: str) -> list[tuple[Any, ...]]:
    """Tables, columns, keys, indexes and comments of a schema, but for its versions."""
    return query(
        url,
        f"""
        with tables as (
            select c.oid as made, relname from pg_class c join pg_namespace n on n.oid = relnamespace
            where nspname = '{schema}' and relkind = 'r' and relname <> 'schema_versions'
        )
        select relname, attnum::text, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull::text
            || attidentity::text || coalesce(pg_get_expr(adbin, adrelid), ''), col_description(made, attnum)
            from tables join pg_attribute on attrelid = made left join pg_attrdef on adrelid = made and adnum = attnum
            where attnum > 0
        union all select relname, conname, pg_get_constraintdef(pg_constraint.oid), null
            from tables join pg_constraint on conrelid = made
        union all select tablename, indexname, indexdef, null from pg_indexes join tables on relname = tablename
            where schemaname = '{schema}'
        union all select relname, null, obj_description(made, 'pg_class'), null from tables
        order by 1, 2, 3
        """,
    )


@pytest.mark.parametrize(
    ("schema", "version"),
    [(raw.schema(LISTINGS), 2), (clean.schema(LISTINGS), 1)],
    ids=["raw at version 2", "clean at version 1"],
)
def test_a_database_as_it_was_released_comes_to_the_same_as_a_new_one(
    databases: Databases, schema: Schema, version: int
) -> None:
    """Column names were not quoted then. What is in `released` was applied by the first releases, and never changes."""
    made, released = databases.raw_url, databases.clean_url
    bring_up_to_date(made, schema)
    bring_up_to_date(released, Schema(schema.name, schema.variable, [""] * version))
    query(released, (RELEASED / f"{schema.name}-{version}.sql").read_text())
    assert bring_up_to_date(released, schema) == version
    assert described(released, schema.name) == described(made, schema.name)


def test_a_database_of_the_release_before_gets_what_is_new_and_keeps_its_rows(databases: Databases) -> None:
    url = databases.raw_url
    assert bring_up_to_date(url, raw.schema(LISTINGS)) == 0
    query(url, "insert into raw.in_flight (group_number) values (6)")
    later = after("alter table raw.in_flight add column note text not null default 'none'", COUNTED)
    assert bring_up_to_date(url, later) == NOW
    assert bring_up_to_date(url, later) == NOW + 2
    assert versions(url) == up_to(NOW + 2)
    assert query(url, "select group_number, note from raw.in_flight") == [(6, "none")]
    assert query(url, "select * from raw.counted") == [(1,)]


def test_the_release_before_inferences_were_kept_gets_their_tables_and_keeps_its_rows(databases: Databases) -> None:
    url = databases.raw_url
    assert (
        bring_up_to_date(
            url, Schema(raw.schema(LISTINGS).name, raw.schema(LISTINGS).variable, raw.schema(LISTINGS).migrations[:1])
        )
        == 0
    )
    query(url, "insert into raw.in_flight (group_number) values (6)")
    assert bring_up_to_date(url, raw.schema(LISTINGS)) == 1
    assert query(url, "select count(*) from raw.inferences") == query(url, "select count(*) from raw.inference_spools")
    assert query(url, "select group_number from raw.in_flight") == [(6,)]


def test_an_empty_database_comes_to_the_same_as_one_brought_up_step_by_step(databases: Databases) -> None:
    later = after("alter table raw.batches add column note text", "alter table raw.batches drop column note")
    for schema in (raw.schema(LISTINGS), after(later.migrations[NOW]), later):
        bring_up_to_date(databases.raw_url, schema)
    bring_up_to_date(databases.clean_url, later)
    for table in ("raw.batches", "raw.listings", "raw.in_flight"):
        assert columns(databases.raw_url, table) == columns(databases.clean_url, table)
    assert versions(databases.raw_url) == versions(databases.clean_url) == up_to(NOW + 2)


@pytest.mark.parametrize("already", [0, NOW], ids=["an empty database", "the release before"])
def test_several_at_once_apply_each_migration_once(databases: Databases, already: int) -> None:
    url = databases.raw_url
    if already:
        bring_up_to_date(url, raw.schema(LISTINGS))
    later = after(COUNTED)
    together = threading.Barrier(6)

    def bring() -> int:
        together.wait()
        return bring_up_to_date(url, later)

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(lambda _: bring(), range(6)))
    assert found == [already] + [NOW + 1] * 5
    assert versions(url) == up_to(NOW + 1)
    assert query(url, "select * from raw.counted") == [(1,)]


def test_a_migration_that_fails_changes_nothing_and_the_next_release_mends_it(databases: Databases) -> None:
    url = databases.raw_url
    bring_up_to_date(url, raw.schema(LISTINGS))
    with pytest.raises(StepError, match="no_such_table"):
        bring_up_to_date(url, after(COUNTED, "alter table raw.no_such_table add column x text"))
    assert versions(url) == up_to(NOW)
    with connect(url, raw.schema(LISTINGS)) as connection:  # the release before goes on with it
        assert connection.execute("select to_regclass('raw.counted')").fetchone() == (None,)
    assert bring_up_to_date(url, after(COUNTED)) == NOW


def test_a_newer_database_is_refused_with_what_to_do_and_left_alone(databases: Databases) -> None:
    url = databases.raw_url
    bring_up_to_date(url, after(COUNTED))
    with pytest.raises(SettingsError, match=rf"RELEVO_RAW_URL.*version {NOW} or older, found {NOW + 1}.*run that"):
        bring_up_to_date(url, raw.schema(LISTINGS))
    assert versions(url) == up_to(NOW + 1)


def test_a_database_that_a_newer_release_changes_meanwhile_is_refused_too(databases: Databases) -> None:
    """It is looked at again once the lock is there."""
    url = databases.raw_url
    bring_up_to_date(url, raw.schema(LISTINGS))
    with psycopg.connect(url) as newer, ThreadPoolExecutor(1) as pool:
        newer.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        late = pool.submit(bring_up_to_date, url, after(COUNTED))
        waits = f"select 1 from pg_locks where locktype = 'advisory' and not granted and objid = {LOCK & 0xFFFFFFFF}"
        while not query(url, waits):
            pass
        newer.execute(f"insert into raw.schema_versions (version) values ({NOW + 1}), ({NOW + 2})".encode())
        newer.commit()
        with pytest.raises(SettingsError, match=f"found {NOW + 2}"):
            late.result()
    assert versions(url) == up_to(NOW + 2)


def test_a_user_who_may_not_make_a_schema_is_told_what_to_do(databases: Databases) -> None:
    url = databases.raw_url
    name = url.rsplit("/", 1)[-1]
    query(url, "drop role if exists stranger")
    query(url, "create role stranger login password 'of-a-stranger'")
    try:
        with pytest.raises(SettingsError, match=r"RELEVO_RAW_URL.*permission denied.*owner of the database") as caught:
            bring_up_to_date(url.replace("relevo@", "stranger:of-a-stranger@"), raw.schema(LISTINGS))
    finally:
        query(url, "drop role stranger")
    assert name in str(caught.value)
    assert "of-a-stranger" not in str(caught.value)
