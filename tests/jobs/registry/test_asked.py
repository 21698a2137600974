"""A training that somebody asks `relevo-job decide` for, on real servers: honoured once, killed or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.record import DecisionRecord, TrainReason
from relevo_jobs.registry import Registry
from relevo_jobs.stores.clean import CleanStore
from tests.jobs.market import changed, listings, store
from tests.jobs.registry.conftest import GROUP, Env, decision, last_line, promotion, trained
from tests.jobs.registry.told import Told
from tests.killing import run_killed, run_step

Here = Callable[[str], int]
FIRST, SECOND = "manual__2026-11-25T20:00:00+00:00", "run-2"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, here: Here) -> Callable[[str], int]:
    """Run decide with an ask of that id; none with an empty one."""

    def run(ask_id: str) -> int:
        monkeypatch.setenv("RELEVO_RETRAIN", "the market turned" if ask_id else "")
        monkeypatch.setenv("RELEVO_RETRAIN_ID", ask_id)
        return here("decide")

    return run


def settle(registry: Registry, folder: Path, *, promoted: bool) -> None:
    """Train and settle what is pending, as the steps would."""
    run_id, record = registry.pending_training(GROUP) or pytest.fail("no training is due")
    champion = registry.champion()
    assert champion is not None
    version = registry.register(run_id, folder, trained(record, tuple(range(1, record.batch.number + 1))))
    run_id, record = registry.pending_promotion(GROUP) or pytest.fail("no version waits for its promotion")
    verdict = promotion(version, champion.number, promoted=promoted)
    registry.settle(run_id, record.model_copy(update={"promotion": verdict}))


def quiet(clean: CleanStore, number: int, rows: int = 17) -> None:
    store(clean, GROUP, number, listings(rows, 40 + number))


def test_a_new_batch_is_trained_for_because_somebody_asks(
    champion: int, clean: CleanStore, ask: Here, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet(clean, 2)
    assert ask(FIRST) == 0
    line = last_line(capsys)
    assert (line["train"], line["reason"], line["asked"], line["batch"]) == (True, "asked", FIRST, 2)
    assert line["sentence"].startswith('asked for: "the market turned"; the data alone said: 17 rows are too few')
    record = told.record(2)
    assert record.decision.asked is not None
    assert record.decision.asked.data_alone is TrainReason.TOO_FEW_ROWS
    assert record.decision.columns
    assert told.runs()[2].data.tags[names.TAG_WHY] == line["sentence"]


def test_of_several_waiting_only_the_newest_is_asked_for(
    champion: int, clean: CleanStore, ask: Here, told: Told
) -> None:
    quiet(clean, 2)
    quiet(clean, 3)
    assert ask(FIRST) == 0
    assert [told.record(n).decision.reason.value for n in (2, 3)] == ["too_few_rows", "asked"]


def test_a_kept_batch_is_decided_again_and_goes_all_the_way(
    champion: int,
    clean: CleanStore,
    ask: Here,
    registry: Registry,
    told: Told,
    good_bundle: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    quiet(clean, 2)
    assert ask("") == 99
    before = told.record(2)
    assert told.runs()[2].data.tags[names.TAG_OUTCOME] == names.OUTCOME_KEPT
    assert ask(FIRST) == 0
    record, run = told.record(2), told.runs()[2]
    asked = record.decision.asked
    assert asked is not None
    assert (asked.data_alone, asked.data_alone_sentence) == (before.decision.reason, before.decision.sentence)
    assert (record.champion_version, record.decision.columns) == (before.champion_version, before.decision.columns)
    assert names.TAG_OUTCOME not in run.data.tags
    assert (run.info.status, run.data.tags[names.TAG_REASON]) == ("RUNNING", "asked")
    settle(registry, good_bundle, promoted=True)
    assert told.production() == 2
    assert told.runs()[2].info.status == "FINISHED"
    capsys.readouterr()
    assert ask(FIRST) == 99
    assert last_line(capsys)["sentence"] == 'asked for: "the market turned": done already, with batch 2'
    assert ask(SECOND) == 99
    assert "batch 2, the newest, was trained on already: there is nothing new" in last_line(capsys)["sentence"]
    assert sorted(told.versions()) == [1, 2]


@pytest.mark.parametrize("promoted", [True, False])
def test_the_same_ask_never_trains_twice_whatever_comes_after(
    promoted: bool, champion: int, clean: CleanStore, ask: Here, registry: Registry, told: Told, good_bundle: Path
) -> None:
    quiet(clean, 2)
    assert ask(FIRST) == 0
    assert ask(FIRST) == 0  # still due
    settle(registry, good_bundle, promoted=promoted)
    quiet(clean, 3)
    assert ask(FIRST) == 99
    assert told.record(3).decision.asked is None
    assert ask(SECOND) == 0
    assert told.record(3).decision.asked is not None


def test_a_training_that_is_due_already_answers_an_ask(
    champion: int, clean: CleanStore, ask: Here, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    store(clean, GROUP, 2, listings(500, 2, level=2.0))
    assert ask("") == 0
    capsys.readouterr()
    assert ask(FIRST) == 0
    line = last_line(capsys)
    assert (line["reason"], line["asked"]) == ("error", None)
    assert line["sentence"].startswith('asked for: "the market turned", and a training is due already; version 1 errs')
    assert told.record(2).decision.asked is None


@pytest.mark.parametrize("decided_before", [False, True])
def test_a_broken_batch_stays_left_out(
    decided_before: bool, champion: int, clean: CleanStore, ask: Here, registry: Registry, told: Told,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    broken = changed(rows := listings(500, 3), price=rows["price"] * 100)
    store(clean, GROUP, 2, broken)
    if decided_before:
        assert ask("") == 99
        capsys.readouterr()
    assert ask(FIRST) == 99
    line = last_line(capsys)
    assert line["sentence"].startswith(
        'asked for: "the market turned", but there is nothing new to learn from; batch 2 stays left out'
    )
    assert told.record(2).decision.reason is TrainReason.BROKEN_COLUMN
    quiet(clean, 3)
    assert ask(FIRST) == 0
    assert 'turned"; batch 2 stays left out, for a column of it is broken; the data' in last_line(capsys)["sentence"]
    assert registry.excluded(GROUP) == {2}


def test_without_anything_there_is_nothing_to_ask_for(
    clean: CleanStore, ask: Here, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(FIRST) == 99
    assert last_line(capsys)["sentence"] == 'asked for: "the market turned", but there is no batch in CLEAN yet'
    store(clean, GROUP, 1, listings(50, 1))
    assert ask(FIRST) == 99
    assert "no model yet, and 50 rows in all are too few for one" in last_line(capsys)["sentence"]
    assert told.record(1).decision.reason is TrainReason.TOO_FEW_ROWS
    store(clean, GROUP, 2, listings(300, 2))
    assert ask(FIRST) == 0
    assert told.record(2).decision.reason is TrainReason.ASKED


WRITES = [
    ("relevo_jobs.batch_runs:BatchRuns.put_record", "after"),
    ("relevo_jobs.batch_runs:BatchRuns.log", "after"),
    ("relevo_jobs.batch_runs:BatchRuns.reopen", "after"),
    ("relevo_jobs.batch_runs:BatchRuns.tag", "after"),
]


@pytest.fixture
def cut_short(champion: int, env: Env, clean: CleanStore, request: pytest.FixtureRequest) -> Env:
    """The environment of an ask that was killed in the middle of deciding a kept batch again."""
    quiet(clean, 2)
    assert run_step("decide", env)[0] == 99
    asking = env | {"RELEVO_RETRAIN": "the market turned", "RELEVO_RETRAIN_ID": FIRST}
    run_killed("decide", asking, *request.param)
    return asking


def only_asked(told: Told) -> None:
    run = told.runs()[2]
    asked = told.record(2).decision.asked
    assert asked is not None
    assert (asked.id, asked.data_alone) == (FIRST, TrainReason.TOO_FEW_ROWS)
    assert (run.info.status, run.data.tags[names.TAG_TRAIN], run.data.tags[names.TAG_ASKED]) == (
        "RUNNING",
        "true",
        FIRST,
    )
    assert names.TAG_OUTCOME not in run.data.tags
    assert sorted(told.versions()) == [1]


@pytest.mark.parametrize("cut_short", WRITES, indirect=True, ids=[target for target, _ in WRITES])
def test_killed_and_run_again_it_is_asked_for_once(cut_short: Env, told: Told, registry: Registry) -> None:
    code, line, _ = run_step("decide", cut_short)
    assert (code, line["reason"], line["asked"]) == (0, "asked", FIRST)
    only_asked(told)
    pending = registry.pending_training(GROUP)
    assert pending is not None
    assert pending[1].batch.number == 2


@pytest.mark.parametrize("cut_short", WRITES[:3], indirect=True, ids=[target for target, _ in WRITES[:3]])
def test_killed_and_given_up_the_batch_is_kept_as_before(cut_short: Env, told: Told, registry: Registry) -> None:
    ordinary = cut_short | {"RELEVO_RETRAIN": "", "RELEVO_RETRAIN_ID": "another-run"}
    code, line, _ = run_step("decide", ordinary)
    assert (code, line["reason"]) == (99, "too_few_rows")
    run = told.runs()[2]
    assert told.record(2).decision.asked is None
    assert (run.info.status, run.data.tags[names.TAG_TRAIN]) == ("FINISHED", "false")
    assert run.data.tags[names.TAG_OUTCOME] == names.OUTCOME_KEPT
    assert registry.honoured(GROUP, FIRST) is None
    assert registry.pending_training(GROUP) is None
    code, line, _ = run_step("decide", cut_short)
    assert (code, line["asked"]) == (0, FIRST)
    only_asked(told)


@pytest.mark.parametrize(
    ("target", "when"),
    [
        ("relevo_jobs.batch_runs:BatchRuns.create", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.put_record", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.log", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.tag", "after"),
    ],
)
def test_a_new_batch_that_is_asked_for_is_killed_and_run_again(
    champion: int, env: Env, clean: CleanStore, told: Told, target: str, when: Any
) -> None:
    quiet(clean, 2)
    asking = env | {"RELEVO_RETRAIN": "the market turned", "RELEVO_RETRAIN_ID": FIRST}
    run_killed("decide", asking, target, when)
    code, line, _ = run_step("decide", asking)
    assert (code, line["asked"]) == (0, FIRST)
    only_asked(told)


def test_the_training_asked_for_uses_what_the_champion_did_not_see(
    champion: int, env: Env, clean: CleanStore, told: Told
) -> None:
    """The loop's own steps, end to end."""
    broken = changed(listings(500, 2), price=np.full(500, 5e6))
    store(clean, GROUP, 2, broken)
    store(clean, GROUP, 3, listings(300, 3))
    asking = env | {"RELEVO_RETRAIN": "the market turned", "RELEVO_RETRAIN_ID": FIRST}
    assert [run_step(step, asking)[0] for step in ("decide", "train", "promote")] == [0, 0, 0]
    record = told.record(3)
    assert record.training is not None
    assert (record.training.version, record.training.batches) == (2, (1, 3))
    assert record.promotion is not None
    assert [run_step(step, asking)[0] for step in ("decide", "train", "promote")] == [99, 99, 99]
    assert sorted(told.versions()) == [1, 2]


def test_a_record_of_the_release_before_is_read(registry: Registry, told: Told) -> None:
    old = decision(1, train=False).model_dump(mode="json")
    del old["decision"]["asked"]
    record = DecisionRecord.model_validate(old)
    registry.save_decision(record)
    assert record.decision.asked is None
    assert told.record(1) == record
