"""What becomes of the annotation relevo.dev/include: as of relevo.dev/retrain, beside it and apart from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relevo_operator import names, wire
from relevo_operator.values import RetrainingRef, RunSeen, RunState, RunWanted
from tests.operator.worlds import SPEC, World

REF = RetrainingRef("http://airflow:8080", "relevo", "airflow-login")
URL = "http://airflow:8080/dags/relevo/runs/r"


def world(**annotations: str) -> World:
    named = {f"{names.GROUP}/{name}": value for name, value in annotations.items()}
    return World(spec=replace(SPEC, retraining=REF), annotations=named)


def test_a_new_value_asks_for_one_run_that_takes_batches_back() -> None:
    there = world(include="3, 5: it was the summer")
    plan = there.look()
    told = there.status["inclusion"]
    assert (told["asked"], told["state"]) == ("3, 5: it was the summer", "Requested")
    assert told["runId"].startswith("include__")
    assert plan.inclusion_run == RunWanted(REF, told["runId"], "3, 5: it was the summer", known=False, param="include")
    assert plan.run is None
    assert "retraining" not in there.status
    for _ in range(3):
        assert there.look(60).inclusion_run == plan.inclusion_run
    there.inclusion_run = RunSeen(RunState.SUCCEEDED, URL)
    there.look(1)
    assert there.status["inclusion"]["state"] == "Succeeded"
    assert [reason for reason in there.said() if reason.startswith("Inclusion")] == [
        "InclusionAsked",
        "InclusionSucceeded",
    ]
    assert there.look(60).inclusion_run is None  # honoured once
    there.annotations = {names.INCLUDE: "all"}
    assert there.look(1).inclusion_run is not None


def test_both_are_asked_for_side_by_side() -> None:
    there = world(include="all", retrain="new prices")
    plan = there.look()
    assert plan.run is not None
    assert plan.inclusion_run is not None
    assert plan.run.run_id != plan.inclusion_run.run_id
    there.run = RunSeen(RunState.FAILED, URL)
    there.look(1)
    assert (there.status["retraining"]["state"], there.status["inclusion"]["state"]) == ("Failed", "Requested")
    past = wire.past_of({"status": there.status})
    assert past.inclusion is not None
    assert past.retraining is not None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("the third", 'expected "all" or batch numbers with commas between, then a colon and why, if you like, got'),
        ("3; 5", 'expected "all" or batch numbers'),
        ("-3", 'expected "all" or batch numbers'),
        ("3: why\nnot", "one line of at most 500 characters, got line ends, or characters that cannot be seen"),
        ("3: " + "x" * 500, "to give batches in one line of at most 500 characters, got 503 characters"),
    ],
)
def test_what_names_no_batches_is_refused_at_once(value: str, says: str) -> None:
    there = world(include=value)
    assert there.look().inclusion_run is None
    assert there.status["inclusion"]["state"] == "Refused"
    assert says in there.status["inclusion"]["message"]
    assert [reason for reason in there.said() if reason.startswith("Inclusion")] == ["InclusionRefused"]


def test_without_spec_retraining_it_is_refused_and_says_so() -> None:
    there = World(annotations={names.INCLUDE: "all"})
    there.look()
    assert "spec.retraining" in there.status["inclusion"]["message"]
