"""Taking back what was left out, on real servers: by the step and by decide, once, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.record import DefectKind, TrainReason
from relevo_jobs.cli import main
from relevo_jobs.registry import Registry
from relevo_jobs.stores.clean import CleanStore
from tests.jobs.market import changed, listings, store
from tests.jobs.registry.conftest import GROUP, Env, decision, last_line
from tests.jobs.registry.told import Told
from tests.killing import run_killed, run_step

Here = Callable[[str], int]


@pytest.fixture
def left_out(champion: int, clean: CleanStore, here: Here, capsys: pytest.CaptureFixture[str]) -> int:
    """Batch 2, whose prices came in cents."""
    store(clean, GROUP, 2, changed(rows := listings(400, 3), price=rows["price"] * 100))
    assert here("decide") == 99
    assert "take them back (relevo-job include 2)" in last_line(capsys)["sentence"]
    return 2


def include(*words: str) -> int:
    return main(["include", *words])


def test_a_batch_is_taken_back_and_the_next_training_uses_it(
    left_out: int, env: Env, registry: Registry, told: Told, clean: CleanStore, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("RELEVO_INCLUDE_BY", "Ana")
    assert include("2:", "they", "are", "pesos") == 0
    line = last_line(capsys)
    assert line["sentence"] == 'batch 2 taken back by Ana ("they are pesos"): the next training uses it'
    assert (line["step"], line["included"]) == ("include", [2])
    record, run = told.record(2), told.runs()[2]
    (back,) = record.taken_back
    assert (back.batches, back.by, back.reason) == ((2,), "Ana", "they are pesos")
    assert record.decided_at < back.at
    assert (record.decision.reason, record.decision.excluded) == (TrainReason.BROKEN_COLUMN, (2,))
    assert [defect.kind for defect in record.decision.defects] == [DefectKind.UNIT]
    assert '"taken_back":[{"batches":[2],"by":"Ana"' in run.data.tags[names.TAG_OUTLINE]
    assert run.info.status == "FINISHED"
    assert (registry.excluded(GROUP), registry.included(GROUP)) == (set(), {2})

    store(clean, GROUP, 3, listings(60, 5))
    asking = env | {"RELEVO_RETRAIN": "pesos it is", "RELEVO_RETRAIN_ID": "run-1"}
    assert [run_step(step, asking)[0] for step in ("decide", "train")] == [0, 0]
    training = told.record(3).training
    assert training is not None
    assert training.batches == (1, 2, 3)


@pytest.mark.parametrize("words", [("2",), ("all",)])
def test_taken_back_again_it_stays_as_it_was(
    left_out: int, words: tuple[str, ...], told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    assert include(*words) == 0
    before = told.record(2)
    capsys.readouterr()
    assert include("2") == 99
    assert last_line(capsys)["sentence"] == "nothing to take back: batch 2 taken back already"
    assert include("all") == 99
    assert last_line(capsys)["sentence"] == "nothing to take back: no batch left out"
    assert told.record(2) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("7", "expected batches that are left out (batch 2), got batch 7, which was not left out of any training"),
        ("2, 1, 9", "got batches 1 and 9, which were not left out of any training: nothing was taken back"),
        ("two", 'RELEVO_INCLUDE: Value error, expected "all" or batch numbers with commas between'),
        ("-2", 'RELEVO_INCLUDE: Value error, expected "all" or batch numbers with commas between'),
    ],
)
def test_what_was_not_left_out_is_refused_by_name_and_nothing_is_written(
    left_out: int, words: str, says: str, told: Told, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    before = told.record(2)
    assert include(words) == 2
    assert says in capsys.readouterr().err
    assert told.record(2) == before
    assert registry.excluded(GROUP) == {2}


def test_without_a_word_it_says_what_is_missing(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert include() == 2
    assert "RELEVO_INCLUDE: not set" in capsys.readouterr().err


def test_decide_takes_back_first_and_then_counts_the_rows(
    left_out: int, here: Here, told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVO_INCLUDE", "2: pesos")
    monkeypatch.setenv("RELEVO_INCLUDE_BY", "ModelDeployment shop/prices")
    monkeypatch.setenv("RELEVO_RETRAIN", "pesos it is")
    monkeypatch.setenv("RELEVO_RETRAIN_ID", "include__1")
    assert here("decide") == 0
    line = last_line(capsys)
    assert line["sentence"].startswith(
        'batch 2 taken back by ModelDeployment shop/prices ("pesos"): the next training uses it; asked for: "pesos'
    )
    assert (line["train"], line["reason"], line["batch"]) == (True, "asked", 2)
    assert [back.by for back in told.record(2).taken_back] == ["ModelDeployment shop/prices"]
    assert here("decide") == 0  # the training is due; what was taken back is not taken back twice
    assert "nothing to take back: batch 2 taken back already; " in last_line(capsys)["sentence"]
    assert len(told.record(2).taken_back) == 1


def test_decide_goes_on_where_taking_back_is_refused(
    left_out: int, here: Here, clean: CleanStore, told: Told, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    store(clean, GROUP, 3, listings(400, 3, level=2.0))
    monkeypatch.setenv("RELEVO_INCLUDE", "3")
    assert here("decide") == 0
    line = last_line(capsys)
    assert (line["reason"], line["batch"]) == ("error", 3)
    refused = "got batch 3, which was not left out of any training: nothing was taken back"
    assert f"{refused}; version 1 errs" in line["sentence"]
    assert told.record(2).taken_back == ()


def test_decide_alone_says_that_it_took_back(
    left_out: int, here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVO_INCLUDE", "all")
    assert here("decide") == 0
    assert last_line(capsys)["sentence"].endswith("every batch in CLEAN is decided and no training is due")
    assert here("decide") == 99


def test_a_batch_from_before_the_champions_last_counts_as_new_once_it_is_taken_back(
    left_out: int, env: Env, here: Here, clean: CleanStore, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    store(clean, GROUP, 3, listings(1500, 4))
    asking = env | {"RELEVO_RETRAIN": "why not", "RELEVO_RETRAIN_ID": "run-1"}
    assert [run_step(step, asking)[0] for step in ("decide", "train", "promote")] == [0, 0, 0]
    assert told.record(3).promotion is not None
    assert told.production() == 2
    assert include("2") == 0
    store(clean, GROUP, 4, changed(rows := listings(500, 6), acre_lot=rows["acre_lot"] * 2))
    assert here("decide") == 99
    assert "learnt from 540 rows waiting and tried on the 360 after them" in told.record(4).decision.sentence


@pytest.mark.parametrize("target", ["put_record", "log", "tag"])
def test_killed_and_run_again_it_is_taken_back_once(
    left_out: int, env: Env, registry: Registry, told: Told, target: str
) -> None:
    run_killed("include", env | {"RELEVO_INCLUDE": "2"}, f"relevo_jobs.batch_runs:BatchRuns.{target}", "after")
    code, _, _ = run_step("include", env | {"RELEVO_INCLUDE": "2"})
    assert code == (99 if target == "tag" else 0)
    assert len(told.record(2).taken_back) == 1
    assert registry.excluded(GROUP) == set()
    assert told.runs()[2].info.status == "FINISHED"


def test_of_batches_judged_together_one_may_be_taken_back(registry: Registry, told: Told, here: Here) -> None:
    record = decision(3, train=False)
    verdict = record.decision.model_copy(update={"excluded": (2, 3)})
    registry.save_decision(record.model_copy(update={"decision": verdict}))
    assert include("2") == 0
    assert (registry.excluded(GROUP), registry.included(GROUP)) == ({3}, {2})
    assert include("3", "2") == 0
    assert [back.batches for back in told.record(3).taken_back] == [(2,), (3,)]


def test_what_only_looks_broken_is_used_at_once(
    champion: int, here: Here, clean: CleanStore, told: Told, registry: Registry
) -> None:
    """A warning in the record, and nothing to take back."""
    store(clean, GROUP, 2, changed(rows := listings(500, 3), acre_lot=np.full(len(rows["price"]), 1e5)))
    here("decide")
    record = told.record(2)
    assert [defect.column for defect in record.decision.defects] == ["acre_lot"]
    assert registry.excluded(GROUP) == set()
