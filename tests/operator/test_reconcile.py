"""The operator's decisions, pass by pass, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from relevo_operator import names
from relevo_operator.values import Absence, Absent, Answer, Found, NotAsked
from tests.operator.worlds import World, broken, pod

AWAY = Absent(Absence.UNREACHABLE, "expected MLflow at http://mlflow:5000, got: connection refused")
NO_ALIAS = Absent(Absence.ALIAS_MISSING, "house-prices has no alias production")


def test_a_new_object_gets_a_service_and_a_deployment_pinned_to_the_marked_version() -> None:
    world = World(answer=Found(7))
    plan = world.look()
    assert [one["kind"] for one in plan.apply] == ["Service", "Deployment"]
    assert world.pinned == 7
    assert world.condition("Ready") == ("False", "RollingOut")
    assert world.condition("Progressing") == ("True", "RollingOut")
    assert world.condition("RegistryReachable") == ("True", "Resolved")
    assert "servedVersion" not in world.status


def test_it_is_ready_once_every_replica_is_available() -> None:
    world = World().serving(1)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Progressing") == ("False", "Complete")
    assert world.status["endpoint"] == "http://prices.shop.svc:8000"
    assert (world.status["replicas"], world.status["readyReplicas"]) == (1, 1)
    assert world.plans[-1].handed_over == 2
    (tag,) = world.plans[-1].tags
    assert (tag.version, tag.value) == (1, "ready")
    assert tag.at is not None
    assert world.status["history"][0]["readyAt"].startswith(f"{tag.at:%Y-%m-%dT%H:%M:%S}")
    assert world.said() == ["HandedOver"]


def test_a_pass_in_which_nothing_happened_changes_nothing() -> None:
    world = World().serving(1)
    before = world.status
    plan = world.look(3600)
    assert (plan.apply, plan.events, plan.status) == ((), (), before)


def test_a_promotion_is_handed_over_while_the_old_version_serves() -> None:
    world = World().serving(1)
    world.answer = Found(2)
    world.look(10)
    world.pods_starting()
    world.look(1)
    assert (world.pinned, world.status["servedVersion"], world.status["desiredVersion"]) == (2, 1, 2)
    assert world.condition("Ready") == ("False", "RollingOut")
    assert "version 1 serves meanwhile" in world.message("Ready")
    world.pods_ready()
    world.look(4)
    assert world.status["servedVersion"] == 2
    assert world.history() == [(2, "Serving"), (1, "Replaced")]
    assert world.plans[-1].handed_over == 5


FAULTS: dict[str, tuple[Any, float, str]] = {
    "its self-test failed": ((broken(2),), 1, "example 3 of 20"),
    "it crashes": (
        (pod(2, restartCount=2, lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),),
        1,
        "code 137: OOMKilled",
    ),
    "it does not get ready": ((pod(2),), 300, "not ready within 300 s"),
}


@pytest.mark.parametrize(("pods", "after", "why"), FAULTS.values(), ids=FAULTS)
def test_a_version_that_cannot_serve_is_given_up_for_the_last_good_one(pods: Any, after: float, why: str) -> None:
    world = World().serving(1)
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.pods = pods
    plan = world.look(after)
    assert world.pinned == 1
    assert (world.status["failedVersion"], world.status["servedVersion"]) == (2, 1)
    assert [(tag.version, tag.value) for tag in plan.tags] == [(1, "ready"), (2, "failed")]
    assert all(tag.at is not None for tag in plan.tags)
    assert plan.events[0].reason == "VersionFailed"
    assert why in plan.events[0].message
    world.pods = ()
    world.pods_ready()
    world.look(2)
    assert world.condition("Ready") == ("False", "VersionFailed")
    assert why in world.message("Ready")
    assert world.history() == [(2, "Failed"), (1, "Serving")]
    assert world.said()[-1] == "RolledBack"
    for _ in range(3):  # no second try
        world.look(600)
        assert world.pinned == 1
    assert world.said().count("VersionFailed") == 1


def failed() -> World:
    """Version 2 was given up, 1 serves."""
    world = World().serving(1)
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.pods = (broken(2),)
    world.look(1)
    world.pods = ()
    world.pods_ready()
    world.look(1)
    return world


def test_a_version_given_up_is_tried_again_when_retry_is_set_and_once_only() -> None:
    world = failed()
    world.annotations = {names.RETRY: "the bucket is back"}
    world.look(1)
    assert world.pinned == 2
    assert world.status["retried"] == "the bucket is back"
    world.pods_starting()
    world.pods = (broken(2),)
    world.look(1)
    world.look(1)
    assert world.pinned == 1
    assert world.history() == [(2, "Failed"), (2, "Failed"), (1, "Serving")]


def test_an_alias_that_moves_on_is_followed_and_the_failure_forgotten() -> None:
    world = failed()
    world.answer = Found(3)
    world.look(1)
    assert world.pinned == 3
    assert "failedVersion" not in world.status
    world.pods_ready()
    world.look(1)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.history() == [(3, "Serving"), (2, "Failed"), (1, "Replaced")]


def test_an_alias_that_moves_away_and_back_is_a_second_try() -> None:
    world = failed()
    world.answer = Found(1)
    world.look(1)
    assert world.condition("Ready") == ("True", "Serving")
    world.answer = Found(2)
    world.look(1)
    assert world.pinned == 2


def test_the_newest_wins_when_the_alias_moves_in_mid_rollout() -> None:
    world = World().serving(1)
    for version in (2, 3):
        world.answer = Found(version)
        world.look(1)
        world.pods_starting()
    assert world.pinned == 3
    assert world.history() == [(3, "RollingOut"), (2, "Superseded"), (1, "Serving")]
    world.pods_ready()
    world.look(1)
    assert world.history() == [(3, "Serving"), (2, "Superseded"), (1, "Replaced")]


def test_an_alias_that_moves_back_in_mid_rollout_is_followed_without_a_hand_over() -> None:
    world = World().serving(1)
    world.answer = Found(2)
    world.look(1)
    world.pods_starting()
    world.answer = Found(1)
    world.look(1)
    assert world.pinned == 1
    world.pods_ready()
    world.look(1)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.history() == [(2, "Superseded"), (1, "Serving")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (AWAY, "Unreachable"),
        (Absent(Absence.DENIED, "401"), "Denied"),
        (Absent(Absence.BAD_ANSWER, "<html>"), "BadAnswer"),
        (Absent(Absence.MODEL_MISSING, "no model"), "ModelMissing"),
        (NO_ALIAS, "AliasMissing"),
    ],
)
def test_what_serves_goes_on_serving_whatever_the_registry_lacks(answer: Absent, reason: str) -> None:
    world = World().serving(3)
    world.answer = answer
    plan = world.look(60)
    assert (plan.apply, world.pinned) == ((), 3)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("RegistryReachable") == ("False", reason)
    assert answer.message in world.message("RegistryReachable")
    assert world.said()[-1] == reason
    assert (world.status["desiredVersion"], world.status["servedVersion"]) == (3, 3)
    world.look(60)
    assert world.said().count(reason) == 1


@pytest.mark.parametrize("answer", [AWAY, NO_ALIAS, NotAsked()])
def test_without_a_first_version_nothing_is_made_and_the_conditions_say_what_is_missing(answer: Answer) -> None:
    world = World(answer=answer)
    plan = world.look()
    assert plan.apply == ()
    assert world.condition("Ready") == ("False", "NoVersion")
    if isinstance(answer, Absent):
        assert answer.message in world.message("Ready")


def test_a_registry_that_is_away_does_not_count_against_a_version_on_its_way() -> None:
    world = World().serving(1)
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.pods = (pod(2),)
    world.answer = AWAY
    world.look(10)
    world.look(1000)
    assert (world.pinned, world.status.get("failedVersion")) == (2, None)
    assert world.condition("Progressing") == ("False", "DeadlineExceeded")
    world.answer = Found(2)
    world.look(1)
    world.look(299)
    assert world.status.get("failedVersion") is None
    world.look(2)
    assert world.status["failedVersion"] == 2


SURROUNDINGS: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no such image": (
        (pod(2, state={"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),), {}, "ImageUnavailable",
    ),
    "a Secret is missing": (
        (pod(2, state={"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}),), {},
        "ConfigurationMissing",
    ),
    "no node has room": (
        (
            {
                "metadata": {"name": "p", "labels": {names.VERSION_LABEL: "2"}},
                "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            },
        ),
        {}, "Unschedulable",
    ),
    "no quota left": (
        (), {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}, "QuotaExceeded",
    ),
    "a policy refuses pods": (
        (), {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}, "PodsRefused",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("pods", "condition", "reason"), SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_what_is_not_the_versions_fault_is_told_and_waited_for(
    pods: tuple[Any, ...], condition: dict[str, Any], reason: str
) -> None:
    world = World().serving(1)
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.pods = pods
    assert world.deployment is not None
    world.deployment["status"]["conditions"] = [condition] if condition else []
    world.look(1000)
    assert (world.pinned, world.status.get("failedVersion")) == (2, None)
    assert world.condition("Ready") == world.condition("Progressing") == ("False", reason)
    assert "version 1 serves meanwhile" in world.message("Ready")
    assert world.said()[-1] == reason
    world.pods = ()
    world.pods_ready()
    world.look(1)
    assert world.condition("Ready") == ("True", "Serving")


def test_a_changed_spec_that_crashes_is_not_put_down_to_the_version_that_serves() -> None:
    world = World().serving(1)
    world.change(env=({"name": "PYTHONPATH", "value": "/nowhere"},))
    world.look()
    world.pods_starting()
    world.pods = (pod(1, restartCount=5, lastState={"terminated": {"exitCode": 1}}),)
    world.look(1000)
    assert world.status.get("failedVersion") is None
    assert world.condition("Ready") == ("False", "PodsCrashing")
    assert world.history() == [(1, "Serving")]


def test_a_release_that_does_not_read_the_version_that_serves_leaves_its_pods_until_the_next_one_takes_over() -> None:
    world = World().serving(1)
    world.change(image="relevo/serving:2")
    world.look()
    world.pods_starting()
    world.pods = (broken(1, "it was trained before release 0.4"),)
    world.look(1000)
    assert (world.pinned, world.status["servedVersion"], world.status.get("failedVersion")) == (1, 1, None)
    assert world.condition("Ready") == ("False", "PodsCrashing")
    assert "1 of its replicas serve meanwhile" in world.message("Ready")
    assert "it was trained before release 0.4" in world.message("Ready")
    world.answer, world.pods = Found(2), ()
    world.look(1)
    world.pods_ready()
    world.look(1)
    assert (world.pinned, world.status["servedVersion"]) == (2, 2)


def test_last_words_that_a_terminal_would_obey_are_spelt_out_in_the_status() -> None:
    world = World(answer=Found(1))
    world.look()
    world.pods_starting()
    world.pods = (broken(1, "a file named \x1b[2J\u202egnp.exe\x9b31m"),)
    world.look(1)
    for said in (world.message("Ready"), world.status["history"][0]["message"]):
        assert said.isprintable()
        assert "\\u001b[2J\\u202egnp.exe\\u009b31m" in said


def test_a_first_version_that_cannot_serve_is_told_and_taken_if_it_gets_ready_after_all() -> None:
    world = World(answer=Found(1))
    world.look()
    world.pods_starting()
    world.pods = (broken(1),)
    world.look(1)
    for _ in range(3):
        world.look(60)
    assert world.condition("Ready") == ("False", "VersionFailed")
    assert world.history() == [(1, "Failed")]
    assert world.pinned == 1
    world.pods_ready()
    world.look(1)
    assert world.condition("Ready") == ("True", "Serving")
    assert "failedVersion" not in world.status
    assert world.history() == [(1, "Serving")]


def test_hold_leaves_the_failed_pods_to_be_looked_at() -> None:
    world = World().serving(1)
    world.change(on_failure="Hold")
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.pods = (broken(2),)
    world.look(1)
    world.look(60)
    assert (world.pinned, world.status["failedVersion"], world.status["servedVersion"]) == (2, 2, 1)
    assert world.condition("Ready") == ("False", "VersionFailed")
    assert world.history() == [(2, "Failed"), (1, "Serving")]


def test_suspended_nothing_is_changed_and_what_serves_is_told() -> None:
    world = World().serving(1)
    world.change(suspend=True, replicas=3)
    world.answer = Found(2)
    plan = world.look(1)
    assert (plan.apply, world.pinned) == ((), 1)
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Progressing") == ("False", "Suspended")
    assert "version 2" in world.message("Ready")
    world.change(suspend=False)
    world.look(1)
    assert world.pinned == 2


def test_a_pod_that_is_lost_later_is_no_rollout() -> None:
    world = World().serving(1)
    world.pods_ready(0)
    plan = world.look(1)
    assert plan.apply == ()
    assert world.condition("Ready") == ("False", "ReplicasUnavailable")
    assert world.condition("Progressing") == ("False", "Complete")


def test_an_edited_or_deleted_deployment_is_put_right() -> None:
    world = World().serving(1)
    assert world.deployment is not None
    world.deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else:1"
    assert [one["kind"] for one in world.look(1).apply] == ["Deployment"]
    assert world._container["image"] == "relevo/serving:1"
    world.deployment = None
    assert [one["kind"] for one in world.look(1).apply] == ["Deployment"]
    assert "nothing serves meanwhile" in world.message("Ready")
    world.service = None
    assert [one["kind"] for one in world.look(1).apply] == ["Service"]


def test_scaled_to_zero_nothing_serves_and_nothing_failed() -> None:
    world = World().serving(1)
    world.change(replicas=0)
    world.look(1)
    world.pods_ready()
    world.look(1000)
    assert world.condition("Ready") == ("False", "ScaledToZero")
    assert world.status.get("failedVersion") is None


@pytest.mark.parametrize("kind", ["deployment", "service"])
def test_what_belongs_to_somebody_else_is_not_touched(kind: str) -> None:
    world = World()
    theirs: dict[str, Any] = {"kind": kind.title(), "metadata": {"name": "prices"}, "spec": {}}
    setattr(world, kind, theirs)
    assert world.look().apply == ()
    assert world.condition("Ready") == ("False", "NameTaken")


def test_what_the_api_server_refuses_is_told_in_its_words() -> None:
    world = World().serving(1)
    world.change(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})
    world.refusal = "must be less than or equal to cpu limit"
    world.look(1)
    assert world.condition("Ready") == ("False", "Refused")
    assert "cpu limit" in world.message("Ready")


def test_a_lost_status_is_found_again_in_what_serves() -> None:
    world = World().serving(3)
    world.status, world.answer = {}, AWAY
    plan = world.look(1)
    assert (plan.apply, world.status["servedVersion"], world.status["desiredVersion"]) == ((), 3, 3)
    assert world.condition("Ready") == ("True", "Serving")


def test_an_operator_restarted_in_mid_rollout_goes_on_with_its_deadline() -> None:
    """All it needs is in status: every `look` reads that back, as a new process would."""
    world = World().serving(1)
    world.answer = Found(2)
    world.look()
    began = world.status["rollout"]["startedAt"]
    world.pods_starting()
    world.answer = NotAsked()
    world.look(100)
    assert (world.pinned, world.status["rollout"]["startedAt"]) == (2, began)
    world.answer, world.pods = Found(2), (pod(2),)
    world.look(201)
    assert world.status["failedVersion"] == 2


def test_refresh_is_noted_once_the_registry_was_asked() -> None:
    world = World().serving(1)
    world.annotations = {names.REFRESH: "now"}
    world.look(1)
    assert "refreshed" not in world.status
    world.asked_now = True
    world.look(1)
    assert world.status["refreshed"] == "now"


def test_history_keeps_the_last_ten() -> None:
    world = World().serving(1)
    for version in range(2, 16):
        world.serving(version)
    assert [version for version, _ in world.history()] == list(range(15, 5, -1))


def test_a_condition_keeps_its_time_while_its_status_stands() -> None:
    world = World().serving(1)
    ready = world.status["conditions"][0]["lastTransitionTime"]
    world.answer = AWAY
    world.look(100)
    assert world.status["conditions"][0]["lastTransitionTime"] == ready
    assert world.status["conditions"][2]["lastTransitionTime"] > ready
