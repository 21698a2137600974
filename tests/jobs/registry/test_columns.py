"""A data set's columns come and go while databases hold batches and a champion serves: the loop runs on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import pytest

from relevo_contract.data_set import DataSet
from relevo_contract.record import DecisionRecord
from relevo_demo.servers import MlflowServer, S3Server
from relevo_jobs.clean import step as clean
from relevo_jobs.collect import step as collect
from relevo_jobs.decide import step as decide
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.outcome import Outcome
from relevo_jobs.prepare import step as prepare
from relevo_jobs.promote import step as promote
from relevo_jobs.registry import Registry
from relevo_jobs.settings import (
    CleanSettings,
    CollectSettings,
    DecideSettings,
    PrepareSettings,
    PromoteSettings,
    TrainSettings,
)
from relevo_jobs.stores.following import REMARK
from relevo_jobs.stores.tables import quoted
from relevo_jobs.train import step as train
from tests.conftest import Databases
from tests.jobs.holdings import query
from tests.jobs.registry.conftest import GROUP
from tests.jobs.registry.told import Told
from tests.jobs.rides import body, rides, use_case
from tests.jobs.scripted_source import Script, serving

FIRST = rides("order", "key", "user", "from", "date", place="user", within=["from"])


@dataclass
class Loop:
    """The steps as one release after another has them, on one pair of databases."""

    raw_url: str
    clean_url: str
    bucket: str
    s3_url: str
    tracking_uri: str
    model: str
    source: Script
    told: Told
    batches: int = 0

    def prepare(self, data: DataSet) -> Outcome:
        settings = PrepareSettings(
            raw_url=self.raw_url, clean_url=self.clean_url, bucket=self.bucket, s3_endpoint_url=self.s3_url, wait=0
        )
        return prepare.run(settings, use_case(data))

    def collect(self, data: DataSet, sent: tuple[str, ...] | None = None) -> Outcome:
        """One more batch; the source sends what the data set declares, or other columns."""
        self.batches += 1
        self.source.bodies.append(body(self.batches, sent or data.columns))
        settings = CollectSettings(
            group=GROUP, source_url=self.source.url, raw_url=self.raw_url, bucket=self.bucket,
            s3_endpoint_url=self.s3_url, repeat_wait=0,
        )  # fmt: skip
        return collect.run(settings, use_case(data))

    def clean(self, data: DataSet) -> Outcome:
        return clean.run(CleanSettings(group=GROUP, raw_url=self.raw_url, clean_url=self.clean_url), use_case(data))

    def decide(self, data: DataSet, ask: str = "") -> Outcome:
        settings = DecideSettings(
            group=GROUP, clean_url=self.clean_url, raw_url=self.raw_url, MLFLOW_TRACKING_URI=self.tracking_uri,
            model=self.model, retrain=ask, retrain_id=ask,
        )  # fmt: skip
        return decide.run(settings, use_case(data))

    def train(self, data: DataSet) -> Outcome:
        settings = TrainSettings(
            group=GROUP, clean_url=self.clean_url, MLFLOW_TRACKING_URI=self.tracking_uri, model=self.model
        )
        return train.run(settings, use_case(data))

    def promote(self, data: DataSet) -> Outcome:
        settings = PromoteSettings(
            group=GROUP, clean_url=self.clean_url, MLFLOW_TRACKING_URI=self.tracking_uri, model=self.model
        )
        return promote.run(settings, use_case(data))

    def run(self, data: DataSet, ask: str = "", sent: tuple[str, ...] | None = None) -> Any:
        """A batch through all steps; promote's outcome if something was trained, else decide's."""
        self.collect(data, sent)
        self.clean(data)
        decided = self.decide(data, ask)
        if decided.status != "done":
            return decided
        assert self.train(data).status == "done"
        return self.promote(data)

    def record(self, number: int) -> DecisionRecord:
        return self.told.record(number)


@pytest.fixture
def loop(databases: Databases, s3: S3Server, bucket: str, mlflow: MlflowServer, model_name: str, told: Told) -> Any:
    with serving([]) as source:
        yield Loop(databases.raw_url, databases.clean_url, bucket, s3.url, mlflow.url, model_name, source, told)


def ask_prices(loop: Loop) -> None:
    """What the inference API was asked: enough that decide looks at it."""
    query(
        loop.raw_url,
        "insert into raw.inferences"
        ' (request, row_number, at, model, version, run_id, "user", prediction, low, high, unseen)'
        f" select gen_random_uuid(), 1, now(), '{loop.model}', 1, 'run', 'user 1', 1, 1, 1, '{{}}'"
        " from generate_series(1, 300)",
    )


def remark(url: str, table: str, column: str) -> str | None:
    ((said,),) = query(
        url,
        f"select col_description(attrelid, attnum) from pg_attribute where attrelid = '{table}'::regclass"
        f" and attname = '{column}'",
    )
    return None if said is None else str(said)


def champion_of(loop: Loop) -> int:
    found = Registry(loop.tracking_uri, loop.model).champion()
    assert found is not None
    return found.number


ADDED = {
    "a number": rides(*FIRST.columns, "class", place="user", within=["from"]),
    "a category compared": rides(*FIRST.columns, "check", place="user", within=["from"]),
    "a category not compared": rides(*FIRST.columns, "check", place="user", within=["from"], check="text"),
    "a date": rides(*FIRST.columns, "end", place="user", within=["from"]),
    "the place": rides(*FIRST.columns, "check", place="check", within=["from"]),
    "a finer place": rides(*FIRST.columns, "check", place="user", within=["from", "check"]),
    "several": rides(*FIRST.columns, "class", "limit", "check", "end", place="user", within=["from"]),
}


@pytest.mark.parametrize("grown", ADDED.values(), ids=ADDED)
def test_a_column_is_added_and_the_loop_runs_on(loop: Loop, grown: DataSet) -> None:
    loop.prepare(FIRST)
    assert loop.run(FIRST).details["promoted"]
    ask_prices(loop)
    added = [name for name in grown.columns if name not in FIRST.columns]
    sides = 'select row_number, holdout from clean."group" where batch_number = 1 order by 1'
    before = query(loop.clean_url, sides)
    promoted = loop.run(grown, ask="a-column-more")  # no prepare: whichever step comes first
    alone = loop.record(2).decision
    assert alone.asked is not None
    assert alone.asked.data_alone.value in {"quiet", "learning"}  # as more rows would call for, added columns or not
    assert not {e.column for e in alone.columns} & {*added}  # the champion never had it
    assert promoted.details["champion_version"] == 1
    if "class" in added:
        assert promoted.details["criterion"] == "better"  # on the same rows, by the column that the champion lacks
        assert champion_of(loop) == 2
    for name in added:
        there = f'select batch_number, count({quoted(name)}) from clean."group" group by 1 order by 1'
        assert query(loop.clean_url, there) == [(1, 0), (2, 500)]
        assert query(loop.raw_url, f'select count({quoted(name)}) from raw."group"') == [(500,)]
    assert query(loop.clean_url, sides) == before
    champion = champion_of(loop)
    assert loop.run(grown, ask="once-more").details["champion_version"] == champion


def test_the_release_before_runs_on_beside_the_one_that_added_a_column(loop: Loop) -> None:
    grown = ADDED["several"]
    loop.run(FIRST)
    assert loop.run(grown, ask="a-column-more").details["promoted"]
    versions = query(loop.raw_url, "select max(version) from raw.schema_versions")
    # The image is rolled back, or one of its steps was still under way.
    decided = loop.run(FIRST)
    assert decided.batch == 3
    assert loop.record(3).champion_version == 2  # which learnt what this release does not know
    assert query(loop.raw_url, "select max(version) from raw.schema_versions") == versions
    loop.run(grown)
    rows = query(
        loop.clean_url, 'select batch_number, count(*), count("class") from clean."group" group by 1 order by 1'
    )
    assert rows == [(1, 500, 0), (2, 500, 500), (3, 500, 0), (4, 500, 500)]


REMOVED = {
    "a number": ("order", rides("key", "user", "from", "date", place="user", within=["from"])),
    "a category": ("from", rides("order", "key", "user", "date", place="user")),
    "a category not compared": ("key", rides("order", "user", "from", "date", place="user", within=["from"])),
    "a date": ("date", rides("order", "key", "user", "from", place="user", within=["from"])),
    "the place": ("user", rides("order", "key", "from", "date", within=["from"])),
    "the place, for another": ("user", rides("order", "key", "from", "date", place="from")),
}


@pytest.mark.parametrize(("gone", "less"), REMOVED.values(), ids=REMOVED)
def test_a_column_is_removed_and_the_champion_that_learnt_it_is_judged_without(
    loop: Loop, gone: str, less: DataSet
) -> None:
    loop.run(FIRST)
    ask_prices(loop)
    loop.prepare(less)
    judged = loop.run(less, ask="a-column-less")
    assert judged.details["champion_version"] == 1
    record = loop.record(2)
    assert record.decision.asked is not None
    assert record.decision.asked.data_alone.value != "broken_column"
    assert not record.decision.excluded
    live = record.decision.live
    assert live is not None
    assert gone not in {e.column for e in (*record.decision.columns, *live.columns)}
    # RAW keeps what came, CLEAN what was derived; neither is written any more.
    for url, table in ((loop.raw_url, 'raw."group"'), (loop.clean_url, 'clean."group"')):
        assert query(url, f'select count("{gone}") from {table}') == [(500,)]
        assert remark(url, table, gone) == REMARK
    # It comes back.
    loop.prepare(FIRST)
    loop.run(FIRST)
    assert query(loop.clean_url, f'select count("{gone}") from clean."group"') == [(1000,)]
    assert remark(loop.raw_url, 'raw."group"', gone) is None


@pytest.mark.parametrize("name", ["order", "from", "date"])
def test_a_removed_column_is_empty_for_the_champion_also_after_clean_was_derived_anew(loop: Loop, name: str) -> None:
    loop.run(FIRST)
    rest = [column for column in FIRST.columns if column != name]
    less = rides(*rest, place="user")
    query(loop.clean_url, "drop schema clean cascade")
    loop.collect(less)
    loop.clean(less)
    assert loop.decide(less, ask="a-column-less").status == "done"
    loop.train(less)
    assert loop.promote(less).details["champion_version"] == 1


def test_clean_thrown_away_and_derived_again_has_the_same_rows(loop: Loop) -> None:
    grown = ADDED["several"]
    for data in (FIRST, grown):
        loop.collect(data)
        loop.clean(data)
    everything = f'select {quoted(*grown.typed)}, holdout from clean."group" order by batch_number, row_number'
    before = query(loop.clean_url, everything)
    query(loop.clean_url, "drop schema clean cascade")
    loop.clean(grown)
    assert query(loop.clean_url, everything) == before


def test_what_came_before_it_was_declared_is_in_the_bodies_alone(loop: Loop) -> None:
    loop.collect(FIRST, sent=(*FIRST.columns, "class"))
    assert query(loop.raw_url, "select extra_columns from raw.batches") == [(["class"],)]
    loop.collect(ADDED["a number"])
    rows = query(loop.raw_url, 'select batch_id, count("class") from raw."group" group by 1 order by 1')
    assert [count for _, count in rows] == [0, 500]


def test_a_column_declared_before_the_source_sends_it_is_missing(loop: Loop) -> None:
    loop.run(FIRST)
    said = loop.collect(ADDED["several"], sent=FIRST.columns)
    assert said.details["missing_columns"] == ["class", "limit", "check", "end"]
    loop.clean(ADDED["several"])
    loop.decide(ADDED["several"], ask="all-of-it-empty")
    loop.train(ADDED["several"])
    loop.promote(ADDED["several"])


RETYPED = {
    "a text that was a number": ("order", FIRST, rides(*FIRST.columns, place="user", order="compared")),
    "a number that was a text": (
        "order", rides(*FIRST.columns, place="user", order="compared"), rides(*FIRST.columns, place="user"),
    ),
    "a text that was a date": ("date", FIRST, rides(*FIRST.columns, place="user", date="text")),
    "a date that was a text": ("date", rides(*FIRST.columns, place="user", date="text"), FIRST),
    "a place that was a number": ("order", FIRST, rides(*FIRST.columns, place="order", order="compared")),
}  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after"), RETYPED.values(), ids=RETYPED)
def test_a_column_of_another_type_is_read_anew_and_the_champion_is_judged_as_it_learnt(
    loop: Loop, name: str, before: DataSet, after: DataSet
) -> None:
    assert loop.run(before).details["promoted"]
    ask_prices(loop)
    came = query(loop.raw_url, f'select row_number, {quoted(name)} from raw."group" order by 1')
    query(loop.raw_url, f"update raw.inferences set {quoted(name)} = '{came[0][1]}'")
    sides = 'select row_number, holdout from clean."group" where batch_number = 1 order by 1'
    held = query(loop.clean_url, sides)
    judged = loop.run(after, ask="another-type")  # no prepare: whichever step comes first
    assert judged.details["champion_version"] == 1
    assert query(loop.raw_url, f'select row_number, {quoted(name)} from raw."group" where batch_id = 1') == came
    assert query(loop.clean_url, sides) == held
    read = query(loop.clean_url, f'select {quoted(name)} from clean."group" where batch_number = 1 order by row_number')
    as_text = [value for _, value in came]
    parse = str if name in after.categorical else float if name in after.numeric else date.fromisoformat
    assert [value for (value,) in read] == [parse(value) for value in as_text]
    ((asked,),) = query(loop.raw_url, f"select distinct {quoted(name)} from raw.inferences")
    assert asked.removesuffix(".0") == as_text[0].removesuffix(".0")
    decision = loop.record(2).decision
    assert f"of another type: {name} (" in decision.sentence
    assert decision.error is not None
    if name in before.numeric or name in before.dates:
        assert not decision.error.worse
        assert name not in decision.moved
    assert decision.live is not None
    assert decision.live.rows == 300
    # And what it was, it can become again.
    loop.prepare(before)
    assert loop.run(before, ask="back").status == "done"


REFUSED = {
    "another target": (
        DataSet(name="group", columns=("order", "cost"), target="cost", numeric=("order",)),
        r"target .* to stay what it was, got cost, which raw.group does not have",
    ),
    "an input for a target": (
        DataSet(name="group", columns=("order", "table"), target="order", numeric=("table",)),
        r"target .* to stay what it was, got order, which raw.inferences has as an input",
    ),
    "another name": (replace(FIRST, name="other"), r"expected the table raw.other, found none"),
}


@pytest.mark.parametrize(("other", "said"), REFUSED.values(), ids=REFUSED)
def test_what_no_column_can_become_is_refused_before_anything_is_written(loop: Loop, other: DataSet, said: str) -> None:
    loop.collect(FIRST)
    loop.clean(FIRST)

    def everything() -> list[Any]:
        columns = "select table_name, column_name, data_type from information_schema.columns where table_schema = '{}'"
        return [
            query(url, columns.format(schema) + " order by 1, 2") + query(url, f'select * from {schema}."group"')
            for url, schema in ((loop.raw_url, "raw"), (loop.clean_url, "clean"))
        ]

    before = everything()
    for step in (loop.prepare, partial(loop.collect, sent=FIRST.columns), loop.clean):
        with pytest.raises(SettingsError, match=rf"RELEVO_RAW_URL: .*{said}.*Nothing was changed"):
            step(other)
    assert everything() == before
    assert loop.collect(FIRST).batch == 2  # and the release before goes on


def test_a_column_that_comes_back_of_another_type_has_what_rows_had_of_it(loop: Loop) -> None:
    loop.collect(FIRST)
    loop.clean(FIRST)
    loop.collect(rides("key", "user", "from", "date", place="user"))
    after = rides(*FIRST.columns, place="user", order="compared")
    loop.prepare(after)
    loop.collect(after)
    loop.clean(after)
    there = 'select batch_number, count("order") from clean."group" group by 1 order by 1'
    assert query(loop.clean_url, there) == [(1, 500), (2, 0), (3, 500)]
    assert query(loop.clean_url, 'select "order" from clean."group" where batch_number = 1 limit 1')[0][0].endswith(
        ".0"
    )


def test_who_has_clean_alone_waits_until_it_is_derived_anew(loop: Loop) -> None:
    loop.collect(FIRST)
    loop.clean(FIRST)
    with pytest.raises(Unavailable, match=r"order to be text, found double precision: relevo-job prepare or clean"):
        loop.decide(rides(*FIRST.columns, place="user", order="compared"))
    loop.decide(FIRST)
