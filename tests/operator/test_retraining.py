"""What becomes of the annotation relevo.dev/retrain, pass by pass, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from relevo_operator import names, wire
from relevo_operator.retraining import LONGEST_REASON
from relevo_operator.values import (
    Absence,
    Absent,
    RetrainingRef,
    RunAnswer,
    RunGone,
    RunRefused,
    RunSeen,
    RunState,
    RunUnheard,
    RunWanted,
    TaskSeen,
)
from tests.operator.worlds import BEGAN, SPEC, World

REF = RetrainingRef("http://airflow:8080", "relevo", "airflow-login")
URL = "http://airflow:8080/dags/relevo/runs/r"
AWAY = "expected an answer from Airflow at http://airflow:8080, got: connection refused"


def world(reason: str = "new prices", **fields: Any) -> World:
    """A ModelDeployment that is asked for a retraining."""
    return World(spec=replace(SPEC, retraining=REF), annotations={names.RETRAIN: reason}, **fields)


def seen(state: RunState, *tasks: tuple[str, str, int], **fields: Any) -> RunSeen:
    return RunSeen(state, URL, tuple(TaskSeen(*task) for task in tasks), **fields)


def heard(answer: RunAnswer, *before: RunAnswer) -> World:
    """One of whose run Airflow said these."""
    there = world()
    there.look()
    for each in (*before, answer):
        there.run = each
        there.look(1)
    return there


def state(there: World) -> tuple[str, str]:
    return there.status["retraining"]["state"], there.status["retraining"]["message"]


def said(there: World) -> list[str]:
    return [reason for reason in there.said() if reason.startswith("Retraining")]


def test_a_new_value_asks_for_one_run_with_its_reason() -> None:
    there = world()
    plan = there.look()
    asked = there.status["retraining"]
    assert (asked["asked"], asked["state"]) == ("new prices", "Requested")
    assert plan.run == RunWanted(REF, asked["runId"], "new prices", known=False)
    for _ in range(3):
        there.look(60)
        assert there.plans[-1].run == plan.run
        assert there.status["retraining"] == asked
    assert said(there) == []


@pytest.mark.parametrize(
    ("answer", "became", "words"),
    [
        (seen(RunState.QUEUED), "Queued", "waits in Airflow for its turn"),
        (seen(RunState.QUEUED, paused=True), "Queued", "the DAG relevo is paused in Airflow: unpause it"),
        (seen(RunState.RUNNING), "Running", "under way"),
        (RunUnheard(AWAY, known=False), "Requested", f"not confirmed yet: {AWAY}; asked again"),
        (RunUnheard(AWAY, known=True), "Queued", f"Queued when last heard of: {AWAY}; asked again"),
    ],
)
def test_a_run_that_is_not_over_is_followed(answer: RunAnswer, became: str, words: str) -> None:
    there = heard(answer)
    assert state(there)[0] == became
    assert words in state(there)[1]
    assert "finishedAt" not in there.status["retraining"]
    run = there.plans[-1].run
    assert run is not None
    assert run.known == (became != "Requested")
    assert said(there) == (["RetrainingAsked"] if run.known else [])


DONE = (("collect", "success", 1), ("clean", "success", 2))


@pytest.mark.parametrize(
    ("answer", "became", "words"),
    [
        (seen(RunState.SUCCEEDED, *DONE), "Succeeded", "succeeded with every task"),
        (seen(RunState.SUCCEEDED), "Succeeded", "succeeded with every task"),
        (
            seen(RunState.SUCCEEDED, *DONE, ("decide", "skipped", 1), ("train", "skipped", 0), ("next", "skipped", 0)),
            "Succeeded",
            "nothing to do for decide (skipped); not run after that: train, next",
        ),
        (
            seen(RunState.FAILED, *DONE, ("train", "failed", 3), ("promote", "upstream_failed", 0)),
            "Failed",
            f"failed in train (try 3); the log there says why: {URL}",
        ),
        (seen(RunState.FAILED), "Failed", f"the run failed; {URL} tells why"),
        (
            seen(RunState.FAILED, *[(f"t{number}", "failed", 1) for number in range(8)]),
            "Failed",
            "t0, t1, t2, t3, t4 and 3 more",
        ),
        (RunGone("the run was deleted in Airflow"), "Failed", "deleted in Airflow"),
    ],
)
def test_a_run_that_is_over_is_told_once_and_asked_about_no_more(answer: RunAnswer, became: str, words: str) -> None:
    there = heard(answer, seen(RunState.RUNNING))
    assert state(there)[0] == became
    assert words in state(there)[1]
    assert said(there) == ["RetrainingAsked", f"Retraining{became}"]
    before = there.status
    there.run = None
    for _ in range(3):
        assert there.look(60).run is None
    assert there.status["retraining"] == before["retraining"]
    assert said(there) == ["RetrainingAsked", f"Retraining{became}"]


def test_a_run_that_was_over_when_it_was_first_heard_of_is_told_whole() -> None:
    there = heard(seen(RunState.SUCCEEDED, ended_at=BEGAN + timedelta(seconds=9)))
    assert said(there) == ["RetrainingAsked", "RetrainingSucceeded"]
    assert datetime.fromisoformat(there.status["retraining"]["finishedAt"]) == BEGAN + timedelta(seconds=9)


def test_what_airflow_refuses_is_not_asked_for_again() -> None:
    there = heard(RunRefused("Airflow answers 404: no such DAG"))
    assert state(there)[0] == "Refused"
    assert state(there)[1] == "Airflow answers 404: no such DAG; then ask again with another value"
    assert there.status["retraining"]["finishedAt"]
    assert there.look(60).run is None
    assert said(there) == ["RetrainingRefused"]
    there.annotations = {names.RETRAIN: "once more"}
    assert there.look(1).run is not None
    assert state(there)[0] == "Requested"


def test_without_spec_retraining_it_is_refused_and_says_so() -> None:
    there = World(annotations={names.RETRAIN: "new prices"})
    assert there.look().run is None
    assert state(there)[0] == "Refused"
    assert "spec.retraining" in state(there)[1]
    assert said(there) == ["RetrainingRefused"]


@pytest.mark.parametrize(
    ("reason", "got"),
    [
        ("x" * (LONGEST_REASON + 1), "got 501 characters"),
        ("x" * 200_000, "got 200,000 characters"),
        ("two\nlines", "got line ends, or characters that cannot be seen"),
        ("a\x1b[31mred", "got line ends, or characters that cannot be seen"),
        ("prices \u202enwod", "got line ends, or characters that cannot be seen"),
        ("x" * 10_000, "got 10,000 characters"),
        ("   ", "got only spaces"),
    ],
)
def test_a_reason_that_no_run_can_be_given_is_refused(reason: str, got: str) -> None:
    there = world(reason)
    assert there.look().run is None
    assert state(there)[0] == "Refused"
    assert got in state(there)[1]
    assert len(there.status["retraining"]["asked"]) <= LONGEST_REASON
    there.look(60)
    assert said(there) == ["RetrainingRefused"]
    there.annotations = {names.RETRAIN: reason + "y"}
    there.look(60)
    assert there.status["retraining"]["asked"] != there.plans[0].status["retraining"]["asked"]


@pytest.mark.parametrize("reason", ["x" * LONGEST_REASON, "Ümlaute: 新しい価格 – 5 % $HOME 'a' \"b\""])
def test_a_reason_of_any_letters_is_taken(reason: str) -> None:
    run = world(reason).look().run
    assert run is not None
    assert run.reason == reason


def test_whoever_asks_first_or_again_asks_for_the_same_run() -> None:
    """An operator that was killed before it wrote status, or two at a time: Airflow makes a run's id once."""
    first, second = world().look(), world(now=BEGAN + timedelta(hours=1)).look()
    assert first.run == second.run
    other = world("another reason").look()
    assert other.run is not None
    assert other.run != first.run


def test_a_value_given_again_after_another_asks_for_a_run_of_its_own() -> None:
    there = world("monthly")
    ids = []
    for reason in ("monthly", "drift", "monthly"):
        there.annotations = {names.RETRAIN: reason}
        there.look(1)
        ids.append(there.status["retraining"]["runId"])
        there.run = seen(RunState.SUCCEEDED)
        there.look(1)
        there.run = None
    assert len(set(ids)) == 3


def test_without_the_annotation_a_run_is_followed_and_its_value_not_asked_for_again() -> None:
    there = heard(seen(RunState.RUNNING))
    there.annotations = {}
    there.run = seen(RunState.SUCCEEDED)
    there.look(1)
    assert state(there)[0] == "Succeeded"
    there.annotations = {names.RETRAIN: "new prices"}
    assert there.look(1).run is None
    assert state(there)[0] == "Succeeded"


def test_a_new_value_takes_the_place_of_a_run_under_way() -> None:
    there = heard(seen(RunState.RUNNING))
    there.annotations, there.run = {names.RETRAIN: "newer prices"}, None
    run = there.look(1).run
    assert run is not None
    assert (run.reason, run.known) == ("newer prices", False)


def test_spec_retraining_that_is_removed_ends_asking() -> None:
    there = heard(RunUnheard(AWAY, known=False))
    there.change(retraining=None)
    assert there.look(1).run is None
    assert state(there)[0] == "Refused"
    there = heard(seen(RunState.RUNNING))
    there.change(retraining=None)
    assert there.look(1).run is None
    assert state(there) == ("Running", "spec.retraining was removed: Airflow is not asked what becomes of the run")
    there.change(retraining=REF)
    assert there.look(1).run is not None
    there.look(1)
    assert state(there) == ("Running", "the run is under way")


@pytest.mark.parametrize(
    "answer", [None, RunUnheard(AWAY, known=False), RunRefused("no"), seen(RunState.FAILED), seen(RunState.RUNNING)]
)
def test_what_serves_has_nothing_to_do_with_it(answer: RunAnswer | None) -> None:
    there = World(spec=replace(SPEC, retraining=REF)).serving(1)
    conditions = there.status["conditions"]
    there.annotations = {names.RETRAIN: "new prices"}
    there.look(1)
    there.run = answer
    plan = there.look(1)
    assert (plan.apply, there.status["conditions"]) == ((), conditions)


def test_it_goes_on_whatever_becomes_of_serving() -> None:
    missing = Absent(Absence.UNREACHABLE, "MLflow is away")
    suspended = world(answer=missing)
    suspended.change(suspend=True)
    taken = world(deployment={"kind": "Deployment", "metadata": {"name": "prices"}, "spec": {}})
    for there in (world(answer=missing), suspended, taken):
        assert there.look().run is not None
        there.run = seen(RunState.SUCCEEDED)
        there.look(1)
        assert state(there)[0] == "Succeeded"


def test_status_read_back_is_the_past_it_was_written_from() -> None:
    there = heard(seen(RunState.FAILED, ("train", "failed", 1)), seen(RunState.RUNNING))
    past = wire.past_of({"status": there.status})
    assert past.retraining is not None
    again = wire.status_of(past, generation=1, endpoint=None, replicas=0, ready_replicas=0, selector="a=b")
    assert again["retraining"] == there.status["retraining"]
