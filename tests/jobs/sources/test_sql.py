"""A query as a source: every row once, ties and late rows among them, and nothing is ever written there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_contract.use_case import read
from relevo_jobs.errors import MalformedAnswer, SettingsError, Unavailable
from tests.jobs.holdings import query
from tests.jobs.sources.conftest import DECLARED, Site
from tests.killing import run_killed, run_step

QUERY = "select id, place, km, minutes, at from trips where id > :watermark order by id"
BY_TIME = "select id, place, km, minutes, at from trips where at > :watermark order by at"


def declared(text: str = QUERY, watermark: str = "id", **more: Any) -> str:
    """The source of a use case."""
    return "sql: " + json.dumps({"secret": "warehouse", "query": text, "watermark": watermark, **more})


@pytest.fixture
def warehouse(site: Site) -> Site:
    """A table of trips in a database of its own."""
    site.source = declared(rows=4)
    ask(
        site,
        "create table trips (id bigint, place text, km numeric, minutes double precision, at timestamptz, day date)",
    )
    return site


def ask(site: Site, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in the database that is the source."""
    return query(site.warehouse_url, statement)


def fill(site: Site, ids: Any, at: str = "timestamptz '2020-01-01 10:00+02' + id * interval '1 hour'") -> None:
    """Put trips there."""
    values = ", ".join(f"({i})" for i in ids)
    ask(
        site,
        f"insert into trips select id, 'p%' || id % 3, id * 1.50, id * 2 - 5, {at}, date '2020-01-01' + id"
        f" from (values {values}) as new (id)",
    )


def ids(site: Site) -> list[int]:
    return [int(row[0] or "") for row in site.rows()]


def test_rows_come_in_the_order_of_the_watermark_and_the_body_is_what_was_taken(warehouse: Site) -> None:
    fill(warehouse, range(1, 11))
    outcomes = warehouse.all()
    assert [one.details["rows"] for one in outcomes] == [4, 4, 2]
    assert [origin["watermark"] for *_, origin in warehouse.batches()] == ["4", "8", "10"]
    assert warehouse.rows()[0] == ("1", "p%1", "1.5", "-3")
    assert json.loads(warehouse.seen[0].splitlines()[0]) == {
        "id": "1", "place": "p%1", "km": "1.5", "minutes": "-3", "at": "2020-01-01T09:00:00+00:00",
    }  # fmt: skip
    assert outcomes[0].details["extra_columns"] == ["at"]
    fill(warehouse, [11])
    assert warehouse.collect().details["origin"] == {"watermark": "11"}
    assert ids(warehouse) == list(range(1, 12))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(marks=st.lists(st.integers(1, 6), min_size=1, max_size=30), rows=st.integers(1, 8))
def test_rows_with_the_same_watermark_are_neither_lost_nor_doubled(
    warehouse: Site, marks: list[int], rows: int
) -> None:
    query(warehouse.settings.raw_url, "drop schema if exists raw cascade")
    ask(warehouse, "truncate trips")
    warehouse.source = declared(rows=rows)
    fill(warehouse, marks)
    warehouse.all()
    assert ids(warehouse) == sorted(marks)


def test_rows_that_are_too_new_wait_and_those_that_come_late_are_there_in_time(warehouse: Site) -> None:
    warehouse.source = declared(BY_TIME, "at", rows=4, lag="1 hour", initial="2000-01-01")
    fill(warehouse, [1, 2], "now() - interval '3 hours' + id * interval '1 minute'")
    fill(warehouse, [7], "now() - interval '30 minutes'")
    assert warehouse.collect().details["rows"] == 2
    fill(warehouse, [5], "now() - interval '90 minutes'")
    assert warehouse.collect().details["rows"] == 1
    outcome = warehouse.collect()
    assert (outcome.code, "wait" in outcome.sentence) == (99, True)
    assert ids(warehouse) == [1, 2, 5]


def test_rows_of_a_day_that_is_not_over_wait(warehouse: Site) -> None:
    text = "select id, place, km, minutes, day from trips where day > :watermark order by day"
    warehouse.source = declared(text, "day", initial="2000-01-01")
    fill(warehouse, [1, 2])
    ask(warehouse, "insert into trips values (9, 'x', 1, 1, now(), current_date)")
    warehouse.all()
    assert ids(warehouse) == [1, 2]


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        (declared("select nothing, id from trips where id > :watermark order by id"), MalformedAnswer, "nothing"),
        (declared("select id from gone where id > :watermark order by id"), MalformedAnswer, "gone"),
        (declared("select place, km from trips where id > :watermark"), MalformedAnswer, "watermark's column id"),
        (declared("select id, km from trips where id > :watermark order by id desc"), MalformedAnswer, "order by id"),
        (declared("select place, km, id::text from trips where id > :watermark"), MalformedAnswer, "a number, a date"),
        (declared("select null::int as id, km from trips where :watermark < id"), MalformedAnswer, "None in row 0"),
        (declared("select id, id, km from trips where id > :watermark order by id"), MalformedAnswer, "stands twice"),
        (declared("select id as other, at as id from trips where at > :watermark"), SettingsError, "initial"),
        (declared("selec id from trips where id > :watermark"), SettingsError, "PostgreSQL understands"),
        (declared("insert into trips values (:watermark)"), SettingsError, "source.sql"),
        (declared("with n as (insert into trips values (7) returning id) select id from n where id > :watermark"),
         SettingsError, "only reads"),
        (declared("select id, km, setval('counter', 9) from trips where id > :watermark"), SettingsError, "only reads"),
        (declared("select id, set_config('transaction_read_only', 'off', true) from trips where id > :watermark"),
         SettingsError, "only reads"),
        (declared(lag="1 hour"), SettingsError, "leave it out"),
    ],
)  # fmt: skip
def test_a_query_that_is_wrong_is_told_and_nothing_is_written(
    warehouse: Site, source: str, error: type[Exception], says: str
) -> None:
    ask(warehouse, "create sequence counter; grant update on sequence counter to reader")
    ask(warehouse, "grant insert on trips to reader") if "insert" in source else None
    fill(warehouse, [1, 2])
    warehouse.source = source
    with pytest.raises(error, match=says):
        warehouse.collect()
    assert warehouse.batches() == []
    assert ask(warehouse, "select (select count(*) from trips), (select last_value from counter)") == [(2, 1)]


RIGHTS = {
    "grant insert, delete on trips to reader": "may delete, insert on trips: revoke delete, insert on trips from read",
    "grant update (km) on trips to reader": "may update on trips: revoke update on trips from reader",
    "grant truncate on trips to public": "may truncate on trips: revoke truncate on trips from public",
    "grant insert on trips to writers": "may insert on trips: revoke insert on trips from writers",
    "alter table trips owner to reader": "reader owns trips, and may do anything with it",
    "alter table trips owner to writers": "reader owns trips, as a member of writers",
    "grant pg_write_all_data to writers": "may write to every table: revoke pg_write_all_data",
    "alter role reader superuser": "reader is a superuser",
}
VIEWED = "select id, place, km, minutes, at from late where id > :watermark order by id"


@pytest.mark.parametrize("text", [QUERY, VIEWED], ids=["table", "view"])
@pytest.mark.parametrize("right", RIGHTS)
def test_a_login_that_may_write_to_what_the_query_reads_is_refused(warehouse: Site, right: str, text: str) -> None:
    """It is told what to take away; with that gone it collects."""
    ask(
        warehouse, "create view late as select * from trips; drop role if exists writers; create role writers noinherit"
    )
    ask(warehouse, "create table others (id int); grant insert on others to reader; grant writers to reader")
    fill(warehouse, [1, 2])
    warehouse.source = declared(text)
    ask(warehouse, right)
    try:
        with pytest.raises(SettingsError, match=RIGHTS[right]) as caught:
            warehouse.collect()
        assert "to-read" not in str(caught.value)
        assert warehouse.batches() == []
    finally:
        ask(warehouse, "alter table trips owner to current_user; alter role reader nosuperuser")
        ask(warehouse, "revoke insert, update, delete, truncate on trips from reader, writers, public")
        ask(warehouse, "revoke update (km) on trips from reader; drop owned by writers; drop role writers")
        ask(warehouse, "grant select on trips to reader")
    warehouse.collect()
    assert ids(warehouse) == [1, 2]


def test_a_query_that_gives_the_last_row_again_is_told(warehouse: Site) -> None:
    warehouse.source = declared(QUERY.replace(">", ">="))
    fill(warehouse, [1, 2])
    warehouse.collect()
    with pytest.raises(MalformedAnswer, match="not >="):
        warehouse.collect()
    assert ids(warehouse) == [1, 2]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (declared("select 1 as id"), "expected :watermark in the query"),
        (declared(QUERY + " limit 10;"), "without a limit"),
        (declared(QUERY + " fetch first 5 rows only"), "without a limit"),
        (declared(lag="soon"), "lag"),
    ],
)
def test_what_a_declaration_cannot_mean_is_refused_when_it_is_read(source: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(DECLARED.format(source=source), "use_case.yaml")


def test_an_answer_that_takes_too_long_or_is_too_large_is_given_up(warehouse: Site) -> None:
    fill(warehouse, [1, 2])
    warehouse.source = declared("select id, km, pg_sleep(5)::text from trips where id > :watermark order by id")
    whole = warehouse.settings
    warehouse.settings = whole.model_copy(update={"source_timeout": 0.2})
    with pytest.raises(Unavailable, match=r"within 0\.2 s"):
        warehouse.collect()
    warehouse.source = declared()
    warehouse.settings = whole.model_copy(update={"source_most_bytes": 50})
    with pytest.raises(MalformedAnswer, match="at most 50 bytes"):
        warehouse.collect()
    assert warehouse.batches() == []


def test_a_database_that_is_away_or_not_named_is_told_without_its_password(warehouse: Site) -> None:
    for url, error in (("postgresql://me:secret-word@127.0.0.1:1/x", Unavailable), (None, SettingsError)):
        warehouse.settings = warehouse.settings.model_copy(update={"sql_url": url})
        with pytest.raises(error, match="RELEVO_SQL_URL") as caught:
            warehouse.collect()
        assert "secret-word" not in str(caught.value)


DEATHS = [
    ("relevo_jobs.collect.from_sql:_Rows._mark", "after", 3),
    ("relevo_jobs.stores.bucket:Bucket.put", "before", 1),
    ("relevo_jobs.stores.bucket:Bucket.put", "after", 1),
    ("relevo_jobs.stores.raw:RawStore._copy", "after", 1),
    ("relevo_jobs.stores.raw:RawStore.add", "after", 1),
]


@pytest.mark.parametrize(("target", "when", "call"), DEATHS)
def test_killed_anywhere_and_run_again_raw_holds_each_row_once(
    warehouse: Site, target: str, when: str, call: int
) -> None:
    fill(warehouse, [1, 2, 3, 4, 4, 4, 5, 6, 7])
    warehouse.collect()
    run_killed("collect", warehouse.env, target, "before" if when == "before" else "after", call=call)
    fill(warehouse, [8])  # what comes meanwhile
    code, _, stderr = run_step("collect", warehouse.env)
    assert code in {0, 99}, stderr
    warehouse.all()
    assert ids(warehouse) == [1, 2, 3, 4, 4, 4, 5, 6, 7, 8]
