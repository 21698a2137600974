"""A column of a use case becomes one of another type, on a real PostgreSQL with rows in it: CLEAN is derived anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_contract.data_set import DataSet
from relevo_contract.use_case import read
from relevo_contract.values import Number
from relevo_jobs.clean import step
from relevo_jobs.clean.step import follow
from relevo_jobs.decide.declared import MOST_NAMED, declared_since
from relevo_jobs.errors import ConflictingBatch
from relevo_jobs.rereading import reread
from relevo_jobs.settings import CleanSettings
from relevo_jobs.stores import clean
from relevo_jobs.stores.postgres import bring_up_to_date
from relevo_jobs.stores.raw import NewBatch, open_raw
from relevo_jobs.use_case import UseCase, use_case_of
from tests.conftest import Databases
from tests.houses import LISTINGS
from tests.jobs.holdings import query
from tests.jobs.rides import ALL, rides
from tests.killing import base_env, run_killed, run_step

TYPES = ("number", "integer", "category", "text", "boolean", "date")
CAME = ("7", "7.0", "007", "1", "no", "2026-01-03", "north", "", None)
"""What comes in the column; most of it is a value of some types alone."""


def declared(kind: str, tmp_path: Any) -> UseCase:
    """A use case with a column of this type, and a number."""
    text = (
        "name: things\nsource: {http: {}}\ntarget: {column: y, task: number}\nholdout: {share: 0.5}\n"
        f"columns: {{x: {kind}, z: number}}\n"
    )
    return use_case_of(read(text), tmp_path)


def collected(url: str, data: DataSet, batches: Sequence[Sequence[str | None]], group: int = 1) -> None:
    """RAW with these values of `x`, batch by batch."""
    with open_raw(url, group, data) as store:
        for number, values in enumerate(batches, 1):
            rows = [[value, "1", str(row)] for row, value in enumerate(values)]
            store.add(NewBatch(group, None, number, datetime.now(UTC), 0.1, 200, f"{number}", "k", len(rows), [rows]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(TYPES), min_size=2, max_size=4),
    batches=st.lists(st.lists(st.sampled_from(CAME), min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_whatever_type_it_had_clean_holds_what_the_newest_reads(
    databases: Databases, tmp_path: Any, kinds: list[str], batches: list[list[str | None]]
) -> None:
    raw_url, clean_url = databases.raw_url, databases.clean_url
    for url in (raw_url, clean_url):
        query(url, "drop schema if exists raw, clean cascade")
    everything = "select batch_number, row_number, x, y from clean.things order by 1, 2"
    sides = (
        "select batch_number, row_number, r.holdout, b.held_out"
        " from clean.things r join clean.batches b using (batch_number) order by 1, 2"
    )
    first = None
    collected(raw_url, declared(kinds[0], tmp_path).data, batches)
    for kind in kinds:
        use_case = declared(kind, tmp_path)
        step.run(CleanSettings(group=1, raw_url=raw_url, clean_url=clean_url), use_case)
        follow(raw_url, clean_url, use_case)
        assert follow(raw_url, clean_url, use_case) == 0
        first = first or query(clean_url, sides)
        assert query(clean_url, sides) == first, "each row is its own, and the champion was trained on some of them"
    followed = query(clean_url, everything)
    if TYPES_IN_CLEAN[kinds[-2]] != TYPES_IN_CLEAN[kinds[-1]]:
        query(clean_url, "drop schema clean cascade")
        step.run(CleanSettings(group=1, raw_url=raw_url, clean_url=clean_url), declared(kinds[-1], tmp_path))
        assert followed == query(clean_url, everything)
    assert query(raw_url, "select x from raw.things order by batch_id, row_number") == [
        (value,) for values in batches for value in values
    ]


TYPES_IN_CLEAN = dict.fromkeys(("number", "integer"), "number") | {"date": "date"} | dict.fromkeys(
    ("category", "text", "boolean"), "text"
)  # fmt: skip


def test_every_group_is_derived_anew_and_one_that_is_not_raws_stops_it(databases: Databases, tmp_path: Any) -> None:
    raw_url, clean_url = databases.raw_url, databases.clean_url
    before, after = declared("number", tmp_path), declared("category", tmp_path)
    for group in (1, 2):
        collected(raw_url, before.data, [["7"], ["north"]], group)
        step.run(CleanSettings(group=group, raw_url=raw_url, clean_url=clean_url), before)
    both = "select group_number, batch_number, x::text from clean.things order by 1, 2"
    held = [(1, 1, "7"), (1, 2, None), (2, 1, "7"), (2, 2, None)]
    assert query(clean_url, both) == held
    query(raw_url, "update raw.batches set body_sha256 = 'another' where group_number = 2 and batch_number = 2")
    with pytest.raises(ConflictingBatch, match="do not belong together"):
        follow(raw_url, clean_url, after)
    assert query(clean_url, both) == held
    query(raw_url, "update raw.batches set body_sha256 = '2' where group_number = 2 and batch_number = 2")
    assert follow(raw_url, clean_url, after) == 4
    assert query(clean_url, both) == [(1, 1, "7"), (1, 2, "north"), (2, 1, "7"), (2, 2, "north")]


@pytest.fixture
def bath_was_text(databases: Databases) -> Databases:
    """Databases of a release whose listings had their baths as text, with two batches in RAW and CLEAN."""
    was = replace(
        LISTINGS,
        numeric=tuple(name for name in LISTINGS.numeric if name != "bath"),
        categorical=(*LISTINGS.categorical, "bath"),
        rules={name: rule for name, rule in LISTINGS.rules.items() if name != "bath"},
    )
    house = {"price": "250000", "bed": "3", "bath": "2", "city": "Austin", "state": "Texas", "zip_code": "73301"}
    rows = [[house.get(name) for name in was.columns]]
    with open_raw(databases.raw_url, 6, was) as store:
        for number in (1, 2):
            store.add(NewBatch(6, "Wednesday", number, datetime.now(UTC), 0.1, 200, f"{number}", "k", 1, [rows]))
    bring_up_to_date(databases.clean_url, clean.schema(was))
    with clean.open_clean(databases.clean_url, 6, was) as held:
        for number in (1, 2):
            kept = ["0", *(house.get(name) for name in was.typed), "f"]
            held.add(number, f"{number}", 1, [clean.CleanPart([kept])])
    return databases


@pytest.mark.parametrize(
    ("target", "call"),
    [("relevo_jobs.stores.postgres:_retyping", 2), ("relevo_jobs.stores.clean:CleanStore.add", 1),
     ("relevo_jobs.stores.clean:CleanStore.add", 2)],
)  # fmt: skip
def test_killed_while_it_is_derived_anew_clean_is_as_it_was(bath_was_text: Databases, target: str, call: int) -> None:
    url = bath_was_text.clean_url
    urls = {"RELEVO_RAW_URL": bath_was_text.raw_url, "RELEVO_CLEAN_URL": url, "RELEVO_TERMINATION_LOG": "/nowhere"}
    env = {**base_env(), **bath_was_text.env, **urls, "RELEVO_GROUP": "6"}
    bath = "select batch_number, bath from clean.listings order by 1"
    run_killed("clean", env, target, "after", call=call)
    assert query(url, bath) == [(1, "2"), (2, "2")]
    code, said, _ = run_step("clean", env)
    assert (code, said["batch"]) == (0, 2)
    assert "2 batches derived anew" in said["sentence"]
    assert query(url, bath) == [(1, 2.0), (2, 2.0)]
    assert run_step("clean", env)[0] == 99


VALUES: dict[str, Any] = {
    "numeric": np.array([7.0, 0.5, np.nan]),
    "text": np.array(["7", "0.5", None], dtype=object),
    "day": np.array(["2026-01-03", "NaT", "NaT"], dtype="datetime64[D]"),
}


@pytest.mark.parametrize(
    ("there", "read_as", "expected"),
    [
        ("numeric", "text", ["7", "0.5", None]),
        ("text", "numeric", [7.0, 0.5, np.nan]),
        ("day", "text", ["2026-01-03", None, None]),
        ("day", "numeric", [np.nan] * 3),
        ("numeric", "day", [None] * 3),
        ("text", "day", [None] * 3),
    ],
)
def test_a_version_reads_a_column_of_another_type_by_its_own_rules(
    there: str, read_as: str, expected: list[Any]
) -> None:
    found = reread(rides("order", order=read_as), {"order": VALUES[there], "table": np.ones(3)})
    same = all(a == b or (a != a and b != b) for a, b in zip(found["order"].tolist(), expected, strict=True))
    assert same, found["order"]
    assert found["table"] is not None


@settings(max_examples=50, deadline=None)
@given(st.sets(st.sampled_from(sorted(ALL))), st.sets(st.sampled_from(sorted(ALL))), st.sampled_from(["text", "day"]))
def test_a_decision_tells_what_is_declared_otherwise(learnt: set[str], now: set[str], order: str) -> None:
    learnt, now = learnt - {"table"}, now - {"table"}
    told = declared_since(3, rides(*sorted(learnt)), rides(*sorted(now), order=order))
    assert (told == "") == (learnt == now and "order" not in now)
    named = [name for name in learnt ^ now if f" {name}" in told]
    assert len(named) >= min(len(learnt ^ now), MOST_NAMED)
    assert ("of another type: order (a number, now a" in told) == ("order" in learnt & now)


def test_a_number_whose_range_changed_is_of_the_same_type() -> None:
    data = rides("order")
    assert declared_since(1, data, replace(data, rules={"order": Number(low=1)})) == ""
