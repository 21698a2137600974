"""The alias given back by evidence, and a promotion rehearsed, on real servers, killed and run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from relevo_contract import names
from relevo_contract.record import Criterion
from relevo_demo.servers import MlflowServer
from relevo_jobs.decide.live import FEWEST
from relevo_jobs.registry import Registry
from relevo_jobs.roll_backs import RollBacks
from relevo_jobs.stores import inferences, raw
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.stores.postgres import bring_up_to_date
from tests.conftest import Databases
from tests.houses import LISTINGS
from tests.jobs.market import listings, store
from tests.jobs.registry.conftest import GROUP, Env, Version, last_line, promotion
from tests.jobs.registry.told import Told
from tests.killing import run_killed, run_step

Here = Callable[[str], int]
BATCHES = (3, 4, 5)
"""What came since version 2 took over."""


@pytest.fixture
def worse(
    registry: Registry,
    version: Version,
    good_bundle: Path,
    poor_bundle: Path,
    clean: CleanStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Version 2, which took over from version 1 and is worse; and three batches since."""
    for number, bundle, before in ((1, good_bundle, None), (2, poor_bundle, 1)):
        store(clean, GROUP, number, listings(300, number))
        version(number, bundle, (number,))
        pending = registry.pending_promotion(GROUP)
        assert pending is not None
        registry.settle(pending[0], pending[1].model_copy(update={"promotion": promotion(number, before)}))
    for number in BATCHES:
        store(clean, GROUP, number, listings(300, 10 + number))
    monkeypatch.setenv("RELEVO_ROLL_BACK_ROWS", "400")


def given_back(told: Told) -> None:
    """What MLflow must hold once version 1 has the alias back."""
    assert told.production() == 1
    versions = told.versions()
    assert versions[1].tags[names.STAGE_TAG] == names.STAGE_PRODUCTION
    assert versions[2].tags[names.STAGE_TAG] == names.STAGE_ARCHIVED
    assert {names.TAG_ROLLED_BACK_AT, names.TAG_ROLL_BACK_WHY} <= set(versions[2].tags)
    assert {names.TAG_GIVEN_BACK_AT, names.TAG_ROLL_BACK_WHY} <= set(versions[1].tags)
    done = [record.rolled_back for n in BATCHES if (record := told.record(n)).rolled_back is not None]
    assert [(one.from_version, one.to_version) for one in done] == [(2, 1)]
    assert "version 1, which served before version 2, would have been better" in done[0].why
    states = [told.runs()[n].data.tags.get(names.TAG_ROLL_BACK) for n in BATCHES]
    assert states.count(names.ROLL_BACK_DONE) == 1
    assert names.ROLL_BACK_DUE not in states


def test_each_batch_is_predicted_by_the_version_before_and_no_row_is_read_twice(
    worse: None, here: Here, told: Told
) -> None:
    here("decide")
    for place, number in enumerate(BATCHES, start=1):
        previous = told.record(number).decision.previous
        assert previous is not None
        assert (previous.version, previous.batches, previous.rows) == (1, place, 300 * place)
        assert previous.this.batch == number
        assert previous.headline.value < previous.champion.value
        assert previous.difference.value < 0
        assert previous.better is (place == len(BATCHES))
        assert not previous.roll_back
    assert "which served before version 2, would have been better" in told.record(5).decision.sentence
    assert told.production() == 2


def test_with_the_setting_the_alias_is_given_back_once(
    worse: None, here: Here, told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVO_ROLL_BACK", "true")
    assert here("decide") == 0
    assert told.production() == 2, "promote alone moves the alias"
    assert here("promote") == 0
    assert (last_line(capsys)["version"], told.production()) == (1, 1)
    given_back(told)
    assert here("promote") == 99


def test_train_lets_promote_run_after_it(
    worse: None, here: Here, told: Told, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow skips what comes after a step that had nothing to do."""
    monkeypatch.setenv("RELEVO_ROLL_BACK", "true")
    assert here("decide") == 0
    if registry.pending_training(GROUP) is None:
        assert here("train") == 0
        assert here("promote") == 0
        assert here("train") == 99


def test_it_never_goes_round(
    worse: None,
    here: Here,
    told: Told,
    clean: CleanStore,
    registry: Registry,
    mlflow: MlflowServer,
    model_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A version that lost the alias by evidence gets it by nobody but a person, and keeps it then."""
    monkeypatch.setenv("RELEVO_ROLL_BACK", "true")
    here("decide")
    here("promote")
    champion, backs = registry.champion(), RollBacks(mlflow.url, model_name)
    assert champion is not None
    assert backs.before(champion) is None
    told._client.set_registered_model_alias(model_name, names.ALIAS, "2")
    store(clean, GROUP, 6, listings(300, 16))
    here("decide")
    here("promote")
    assert told.record(6).decision.previous is None
    assert told.production() == 2


@pytest.mark.parametrize(
    ("target", "when"),
    [
        ("relevo_jobs.roll_backs:RollBacks.settle", "before"),
        ("relevo_jobs.batch_runs:BatchRuns.put_record", "after"),
        ("relevo_jobs.roll_backs:RollBacks._tag", "before"),
        ("relevo_jobs.roll_backs:RollBacks._tag", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.log", "before"),
        ("relevo_jobs.batch_runs:BatchRuns.tag", "before"),
        ("relevo_jobs.batch_runs:BatchRuns.tag", "after"),
    ],
)
def test_promote_killed_and_run_again_gives_the_alias_back_once(
    worse: None, env: Env, told: Told, target: str, when: Literal["before", "after"]
) -> None:
    env = {**env, "RELEVO_ROLL_BACK": "true", "RELEVO_ROLL_BACK_ROWS": "400"}
    assert run_step("decide", env)[0] == 0
    run_killed("promote", env, target, when)
    run_step("promote", env)
    given_back(told)
    assert run_step("promote", env)[0] == 99


def test_an_alias_that_moved_on_stays_where_it_is(
    worse: None,
    here: Here,
    told: Told,
    version: Version,
    good_bundle: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RELEVO_ROLL_BACK", "true")
    here("decide")
    version(9, good_bundle, (9,))
    pending = registry.pending_promotion(GROUP)
    assert pending is not None
    registry.settle(pending[0], pending[1].model_copy(update={"promotion": promotion(3, 2)}))
    assert here("promote") == 99
    assert told.production() == 3
    assert told.runs()[5].data.tags[names.TAG_ROLL_BACK] == names.ROLL_BACK_VOID
    assert names.TAG_ROLLED_BACK_AT not in told.versions()[2].tags


@pytest.fixture
def asked(databases: Databases, model_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inference API was asked for as many houses as tell something, and promote may read that."""
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    with psycopg.connect(databases.raw_url, autocommit=True) as connection:
        connection.execute(
            "insert into raw.inferences (request, row_number, at, model, version, run_id, bed, bath, house_size, state,"
            " city, prediction, low, high, unseen)"
            " select gen_random_uuid(), 1, timestamptz '2026-11-04 00:00Z' + n * interval '1 minute', %s, 1, 'run',"
            " n %% 6, 2, 1000 + n, 'Vermont', 'Vermville 1', 1, 1, 1, '{}' from generate_series(1, %s) n",
            (model_name, 2 * FEWEST),
        )
    monkeypatch.setenv("RELEVO_RAW_URL", databases.raw_url)


def test_a_promotion_is_rehearsed_on_what_was_asked_and_on_the_batch(
    asked: None, champion: int, clean: CleanStore, version: Version, good_bundle: Path, here: Here, told: Told
) -> None:
    assert told.record(1).promotion is not None
    assert told.record(1).promotion.rehearsal is None  # type: ignore[union-attr]  # the first changes nothing
    store(clean, GROUP, 2, listings(500, 2))
    version(2, good_bundle, (1, 2))
    assert here("promote") == 0
    judged = told.record(2).promotion
    assert judged is not None
    found = judged.rehearsal
    assert found is not None
    assert found.requests is not None
    assert (found.requests.rows, found.batch.rows, found.told) == (2 * FEWEST, 500, found.requests)
    assert 0 <= found.told.much <= found.told.some <= 1
    assert min(found.champion.single_ms, found.champion.all_ms, found.challenger.single_ms) > 0
    assert (found.champion_not_finite, found.challenger_not_finite) == (0, 0)
    assert judged.sentence.endswith(found.sentence)
    assert told.runs()[2].data.metrics["changed_much"] == found.told.much
    assert (judged.criterion, told.production()) == (Criterion.BETTER, 2)


def test_a_login_that_reads_what_was_asked_is_enough(asked: None, databases: Databases, model_name: str) -> None:
    with psycopg.connect(databases.raw_url, autocommit=True) as connection:
        connection.execute("create role reader_of_questions")
        connection.execute("grant usage on schema raw to reader_of_questions")
        connection.execute("grant select on raw.inferences, raw.schema_versions to reader_of_questions")
        try:
            reader = (
                f"{databases.raw_url}{'&' if '?' in databases.raw_url else '?'}options=-crole%3Dreader_of_questions"
            )
            found = inferences.newest(reader, model_name, LISTINGS)
        finally:
            connection.execute("drop owned by reader_of_questions")
            connection.execute("drop role reader_of_questions")
    assert found is not None
    assert len(found) == 2 * FEWEST


def test_an_empty_batch_rehearses_nothing(
    champion: int, clean: CleanStore, version: Version, good_bundle: Path, here: Here, told: Told
) -> None:
    store(clean, GROUP, 2, listings(500, 2))
    store(clean, GROUP, 3, listings(0, 3))
    version(3, good_bundle, (1, 2))
    assert here("promote") == 0
    judged = told.record(3).promotion
    assert judged is not None
    assert judged.rehearsal is not None
    assert (judged.promoted, judged.rehearsal.told.rows, judged.rehearsal.challenger.all_ms) == (True, 0, 0)


def test_a_bar_keeps_the_champion(
    champion: int,
    clean: CleanStore,
    version: Version,
    good_bundle: Path,
    here: Here,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RELEVO_REHEARSAL_MOST", "0")
    store(clean, GROUP, 2, listings(500, 2))
    version(2, good_bundle, (1, 2))
    assert here("promote") == 0
    judged = told.record(2).promotion
    assert judged is not None
    assert judged.rehearsal is not None
    assert judged.rehearsal.requests is None, "without RAW the batch alone is rehearsed"
    assert (judged.criterion, told.production()) == (Criterion.CHANGES_TOO_MUCH, champion)
    assert told.versions()[2].tags[names.TAG_CRITERION] == "changes_too_much"
