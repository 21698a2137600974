"""clean against a real PostgreSQL: every RAW batch once, typed, each row kept or rejected with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from relevo_contract.identity import copies
from relevo_jobs.clean import step
from relevo_jobs.errors import ConflictingBatch, Unavailable
from relevo_jobs.settings import CleanSettings
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.stores.raw import NewBatch, open_raw
from tests.conftest import Databases
from tests.houses import COLUMNS, HOLDOUT_SHARE, HOUSES, LISTINGS, Reason, identity
from tests.jobs.holdings import clean_batches, query
from tests.killing import base_env, finish, run_killed, start_step

GOOD: dict[str, str | None] = {
    "brokered_by": "103378.0", "status": "for_sale", "price": "105000.0", "bed": "3", "bath": "2", "acre_lot": "0.12",
    "street": "1962661.0", "city": "San\tJuan", "state": "Puerto Rico", "zip_code": "601", "house_size": "920.0",
    "prev_sold_date": "2019-06-28",
}  # fmt: skip
ODD: list[dict[str, str | None]] = [
    GOOD,
    GOOD | {"price": None},
    GOOD | {"price": "445.0"},
    GOOD | {"city": None, "state": None, "zip_code": None},
    GOOD,
    GOOD | {"bed": "86", "acre_lot": "100000.0", "street": None, "prev_sold_date": None},
    dict.fromkeys(COLUMNS, "\\N\t\n\\."),
    dict.fromkeys(COLUMNS),
]


@pytest.fixture
def settings(databases: Databases) -> CleanSettings:
    return CleanSettings(group=6, raw_url=databases.raw_url, clean_url=databases.clean_url)


@pytest.fixture
def env(databases: Databases) -> dict[str, str]:
    return {
        **base_env(),
        **databases.env,
        "RELEVO_GROUP": "6",
        "RELEVO_RAW_URL": databases.raw_url,
        "RELEVO_CLEAN_URL": databases.clean_url,
    }


def fill(settings: CleanSettings, number: int, rows: Sequence[dict[str, str | None]], group: int = 6) -> None:
    """Put a batch into RAW."""
    with open_raw(settings.raw_url, group, LISTINGS) as raw:
        raw.add(
            NewBatch(
                group=group,
                day="Wednesday",
                number=number,
                requested_at=datetime.now(UTC),
                seconds=0.1,
                http_status=200,
                sha256=hashlib.sha256(f"{group} {number}".encode()).hexdigest(),
                body_key="none",
                row_count=len(rows),
                parts=[[tuple(row[name] for name in COLUMNS) for row in rows]] if rows else [],
            )
        )


def houses(count: int, first: int = 0) -> list[dict[str, str | None]]:
    return [GOOD | {"street": f"{first + i}.0", "price": f"{200_000 + i}.0"} for i in range(count)]


def contents(settings: CleanSettings) -> list[list[tuple[Any, ...]]]:
    """Everything CLEAN holds, without when it was written."""
    return [
        query(settings.clean_url, statement)
        for statement in (
            "select group_number, batch_number, body_sha256, row_count, kept, rejected from clean.batches"
            " order by group_number, batch_number",
            "select * from clean.listings order by group_number, batch_number, row_number",
            "select * from clean.rejections order by group_number, batch_number, row_number",
            "select * from clean.blanked order by group_number, batch_number, row_number, column_name",
        )
    ]


def test_every_row_is_kept_typed_or_rejected_with_its_reason(settings: CleanSettings) -> None:
    fill(settings, 1, ODD)
    outcome = step.run(settings, HOUSES)
    assert (outcome.status, outcome.batch) == ("done", 1)
    assert outcome.details["rows"] == 8
    assert outcome.details["kept"] == 2
    assert outcome.details["reasons"] == {"price_missing": 3, "price_implausible": 1, "no_place": 1, "duplicate": 1}
    assert outcome.details["blanked"] == {"acre_lot": 1}
    assert clean_batches(settings.clean_url) == [(1, 8, 2, 6, 2, 6)]
    assert query(settings.clean_url, "select row_number, reason from clean.rejections order by row_number") == [
        (1, Reason.PRICE_MISSING), (2, Reason.PRICE_IMPLAUSIBLE), (3, Reason.NO_PLACE), (4, Reason.DUPLICATE),
        (6, Reason.PRICE_MISSING), (7, Reason.PRICE_MISSING),
    ]  # fmt: skip
    assert query(settings.clean_url, "select batch_number, row_number, column_name, reason from clean.blanked") == [
        (1, 5, "acre_lot", "expected 0.0001 to 50,000, got 100,000")
    ]


def test_columns_come_back_in_the_contracts_form(settings: CleanSettings) -> None:
    fill(settings, 1, ODD)
    step.run(settings, HOUSES)
    columns = CleanStore(settings.clean_url, 6, LISTINGS).columns()
    assert columns["price"].tolist() == [105_000.0, 105_000.0]
    assert columns["bed"].tolist() == [3.0, 86.0]
    assert columns["acre_lot"].dtype == np.float64
    assert columns["acre_lot"][0] == 0.12
    assert np.isnan(columns["acre_lot"][1])
    assert columns["city"].tolist() == ["San Juan", "San Juan"]
    assert columns["zip_code"].tolist() == ["00601", "00601"]
    assert columns["street"].tolist() == ["1962661", None]
    assert columns["prev_sold_date"].dtype == np.dtype("datetime64[D]")
    assert columns["prev_sold_date"][0] == np.datetime64("2019-06-28")
    assert np.isnat(columns["prev_sold_date"][1])


def test_batches_and_sides_can_be_chosen(settings: CleanSettings) -> None:
    for number in (1, 2, 3):
        fill(settings, number, houses(40, first=100 * number))
    step.run(settings, HOUSES)
    store = CleanStore(settings.clean_url, 6, LISTINGS)
    assert [batch.number for batch in store.batches()] == [1, 2, 3]
    assert [batch.number for batch in store.newest_first(2)] == [3, 2]
    assert [batch.number for batch in store.newest_first(5, below=3)] == [2, 1]
    newest = store.newest()
    assert newest is not None
    assert (newest.number, newest.rows, newest.kept) == (3, 40, 40)
    every = store.columns()["street"].tolist()
    assert every == [str(100 * number + i) for number in (1, 2, 3) for i in range(40)]
    assert store.columns([2])["street"].tolist() == every[40:80]
    assert store.columns([3, 1])["street"].tolist() == every[:40] + every[80:]
    assert len(store.columns([])["price"]) == 0
    assert len(store.columns([9])["price"]) == 0
    held, others = (set(store.columns(holdout=side)["street"].tolist()) for side in (True, False))
    assert held | others == set(every)
    assert not held & others
    assert 5 <= len(held) <= 50


def test_a_house_listed_again_stays_on_its_side(settings: CleanSettings) -> None:
    again = [house | {"price": "99000", "status": "sold"} for house in houses(60)]
    fill(settings, 1, houses(60))
    fill(settings, 2, again)
    step.run(settings, HOUSES)
    store = CleanStore(settings.clean_url, 6, LISTINGS)
    first, second = (store.columns([number], holdout=True)["street"].tolist() for number in (1, 2))
    assert first == second
    assert first


def test_nothing_new_is_nothing_to_do(settings: CleanSettings) -> None:
    assert step.run(settings, HOUSES).code == 99
    fill(settings, 1, ODD)
    assert step.run(settings, HOUSES).code == 0
    before = contents(settings)
    assert step.run(settings, HOUSES).code == 99
    assert contents(settings) == before


def test_everything_that_waits_is_cleaned_oldest_first(settings: CleanSettings) -> None:
    fill(settings, 1, ODD)
    step.run(settings, HOUSES)
    for number in (2, 3):
        fill(settings, number, houses(5, first=number * 10))
    outcome = step.run(settings, HOUSES)
    assert (outcome.batch, outcome.details["rows"], outcome.details["kept"]) == (3, 10, 10)
    assert [batch[0] for batch in clean_batches(settings.clean_url)] == [1, 2, 3]


def test_cleaned_again_from_the_start_gives_the_same_rows(settings: CleanSettings) -> None:
    fill(settings, 1, ODD)
    fill(settings, 2, houses(30))
    step.run(settings, HOUSES)
    before = contents(settings)
    query(settings.clean_url, "drop schema clean cascade")
    step.run(settings, HOUSES)
    assert contents(settings) == before


def test_a_batch_of_which_nothing_remains_is_a_batch(settings: CleanSettings) -> None:
    fill(settings, 1, [dict.fromkeys(COLUMNS)] * 3)
    assert step.run(settings, HOUSES).details["kept"] == 0
    assert step.run(settings, HOUSES).code == 99
    assert clean_batches(settings.clean_url) == [(1, 3, 0, 3, 0, 3)]


def test_groups_do_not_see_each_other(settings: CleanSettings) -> None:
    fill(settings, 1, houses(4))
    fill(settings, 1, houses(6), group=7)
    step.run(settings, HOUSES)
    assert len(CleanStore(settings.clean_url, 6, LISTINGS).columns()["price"]) == 4
    assert CleanStore(settings.clean_url, 7, LISTINGS).newest() is None
    other = settings.model_copy(update={"group": 7})
    assert step.run(other, HOUSES).details["rows"] == 6


@pytest.mark.parametrize("raw_again", [False, True], ids=["RAW is empty", "RAW is another"])
def test_clean_does_not_mix_two_raws(settings: CleanSettings, databases: Databases, raw_again: bool) -> None:
    fill(settings, 1, houses(4))
    step.run(settings, HOUSES)
    before = contents(settings)
    query(settings.raw_url, "drop schema raw cascade")
    if raw_again:
        fill(settings, 1, houses(2))
        query(settings.raw_url, "update raw.batches set body_sha256 = 'other'")
        fill(settings, 2, houses(2))
    with pytest.raises(ConflictingBatch, match="do not belong together"):
        step.run(settings, HOUSES)
    assert contents(settings) == before


DEATHS = [
    ("relevo_jobs.stores.raw:RawStore.rows", "after", 1),
    ("relevo_jobs.clean.step:to_store", "after", 1),
    ("relevo_jobs.stores.clean:CleanStore.add", "before", 2),
    ("relevo_jobs.stores.copying:block", "before", 1),
    ("relevo_jobs.stores.copying:block", "after", 2),
    ("relevo_jobs.stores.copying:block", "after", 3),
    ("relevo_jobs.stores.clean:CleanStore.add", "after", 1),
    ("relevo_jobs.stores.clean:CleanStore.add", "after", 2),
    ("relevo_jobs.cli:report", "before", 1),
]


@pytest.mark.parametrize(("target", "when", "call"), DEATHS)
def test_killed_anywhere_and_run_again_clean_holds_each_row_once(
    settings: CleanSettings, env: dict[str, str], target: str, when: str, call: int
) -> None:
    fill(settings, 1, ODD)
    fill(settings, 2, houses(30))
    run_killed("clean", env, target, "before" if when == "before" else "after", call=call)
    for _, rows, kept, rejected, listings, rejections in clean_batches_or_none(settings):
        assert (kept, rejected) == (listings, rejections), "a batch is there whole or not at all"
        assert kept + rejected == rows
    step.run(settings, HOUSES)
    assert clean_batches(settings.clean_url) == [(1, 8, 2, 6, 2, 6), (2, 30, 30, 0, 30, 0)]
    after = contents(settings)
    query(settings.clean_url, "drop schema clean cascade")
    step.run(settings, HOUSES)
    assert contents(settings) == after, "the same rows as without the kill"


def clean_batches_or_none(settings: CleanSettings) -> list[tuple[int, int, int, int, int, int]]:
    made = query(settings.clean_url, "select to_regclass('clean.batches') is not null")[0][0]
    return clean_batches(settings.clean_url) if made else []


def test_a_batch_that_is_cleaned_part_by_part_comes_to_the_same(
    settings: CleanSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, 1, [*ODD, *houses(30), *ODD])  # the last are the first ones again, some parts later
    whole = step.run(settings, HOUSES)
    before = contents(settings)
    query(settings.clean_url, "drop schema clean cascade")
    monkeypatch.setattr(step, "ROWS", 7)
    assert step.run(settings, HOUSES) == whole
    assert contents(settings) == before
    assert whole.details["reasons"]["duplicate"] >= len(ODD)


def test_two_at_once_clean_each_batch_once(settings: CleanSettings, env: dict[str, str]) -> None:
    fill(settings, 1, ODD)
    fill(settings, 2, houses(300))
    ended = [finish(process) for process in [start_step("clean", env) for _ in range(2)]]
    assert {code for code, _, _ in ended} <= {0, 99}, ended
    assert clean_batches(settings.clean_url) == [(1, 8, 2, 6, 2, 6), (2, 300, 300, 0, 300, 0)]


@pytest.mark.parametrize("variable", ["RELEVO_RAW_URL", "RELEVO_CLEAN_URL"])
def test_the_server_that_is_away_is_named(settings: CleanSettings, variable: str) -> None:
    field = variable.removeprefix("RELEVO_").lower()
    away = settings.model_copy(update={field: "postgresql://relevo@127.0.0.1:1/x"})
    with pytest.raises(Unavailable, match=variable):
        step.run(away, HOUSES)


def test_a_house_has_one_identity_however_often_it_is_listed_and_is_held_out_by_it(settings: CleanSettings) -> None:
    """Read back from CLEAN, where the comparisons are made, it is what held the rows out."""
    nameless = [GOOD | {"street": None, "bed": f"{n}", "house_size": "" if n % 3 else "812.5"} for n in range(1, 40)]
    listed = [*houses(150), *nameless]
    again = [house | {"price": "300000", "brokered_by": "7", "city": "SAN JUAN"} for house in listed]
    fill(settings, 1, listed)
    fill(settings, 2, again)
    step.run(settings, HOUSES)
    store = CleanStore(settings.clean_url, 6, LISTINGS)
    first, second = (identity(store.columns([number])) for number in (1, 2))
    assert first.tolist() == second.tolist()
    assert len(set(first.tolist())) == len(listed)
    held = [identity(store.columns([1, 2], holdout=out)) for out in (True, False)]
    assert set(held[0].tolist()).isdisjoint(held[1].tolist())
    assert {number % HOLDOUT_SHARE == 0 for number in held[0].tolist()} == {True}
    assert copies(held[0]) == 2
    assert identity(store.columns([])).shape == (0,)
