"""Argo CD's health of a ModelDeployment: Progressing while rolling, Degraded with the reason, Healthy when it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relevo_operator.conditions import Reason
from relevo_operator.values import Absence, Absent, Found
from tests.argocd.customizations import FOLDER, health_tests, read, run
from tests.operator.worlds import World, broken

DOCS = (Path(__file__).parents[2] / "docs" / "argocd.md").read_text()
NEWER = "MoonInTheWrongHouse"
"""A reason that no operator knows yet, in a fixture of its own."""


@pytest.mark.parametrize("expected", health_tests(), ids=lambda one: Path(one["inputPath"]).stem)
def test_each_fixture_is_what_it_says(expected: dict[str, Any]) -> None:
    assert run("health.lua", read(expected["inputPath"])) == expected["healthStatus"]


def test_each_fixture_is_expected_to_be_something() -> None:
    there = {f"testdata/{path.name}" for path in (FOLDER / "testdata").iterdir()}
    assert there == {one["inputPath"] for one in health_tests()}


def test_every_reason_of_the_operator_has_a_fixture() -> None:
    shown = {
        condition["reason"]
        for path in (FOLDER / "testdata").iterdir()
        for condition in read(f"testdata/{path.name}").get("status", {}).get("conditions", ())
    }
    assert shown == {reason.value for reason in Reason} | {NEWER}


def test_every_reason_that_ready_can_have_is_documented_with_its_health() -> None:
    expected: dict[str, set[str]] = {}
    for one in health_tests():
        reason, _, message = one["healthStatus"]["message"].partition(": ")
        if message and reason != NEWER and reason in set(Reason):
            expected.setdefault(reason, set()).add(one["healthStatus"]["status"])
    table = DOCS.split("\n## Health\n")[1].split("\n## ")[0]
    told: dict[str, set[str]] = {}
    for reasons, states in re.findall(r"^\| (`.+?) \| (.+?) \|", table, re.MULTILINE):
        for reason in re.findall(r"`(\w+)`", reasons):
            told.setdefault(reason, set()).update(re.findall(r"\b(Healthy|Progressing|Degraded|Suspended)\b", states))
    assert told == expected


def health(world: World, *, generation: int | None = None) -> tuple[str, str]:
    """The health of what the operator would say in a world."""
    suspend = {"suspend": True} if world.spec.suspend else {}
    obj = {
        "metadata": {"name": "prices", "generation": generation or world.generation},
        "spec": {"registry": {}, "serving": {}, **suspend},
        **({"status": dict(world.status)} if world.status else {}),
    }
    found = run("health.lua", obj)
    return found["status"], found["message"]


def test_a_promotion_is_followed_from_the_first_version_to_one_that_is_given_up() -> None:
    world = World(answer=Absent(Absence.MODEL_MISSING, "register a version"))
    assert health(world)[0] == "Progressing"
    world.look()
    assert health(world)[0] == "Progressing"
    world.answer = Found(1)
    world.look()
    assert health(world) == ("Progressing", "RollingOut: version 1 is being rolled out, nothing serves yet")
    world.pods_ready()
    world.look()
    assert health(world) == ("Healthy", "Serving: version 1 serves with 1 of 1 replicas")
    world.answer = Found(2)
    world.look()
    world.pods_starting()
    world.look(1)
    assert health(world)[0] == "Progressing"
    world.pods = (broken(2),)
    world.look(1)
    world.pods = ()
    world.pods_ready()
    world.look(1)
    state, message = health(world)
    assert state == "Degraded"
    assert message.startswith("VersionFailed: version 1 goes on serving")
    assert "for example 3 of 20 within 0.001, the model says 112,000.00" in message


def test_a_changed_spec_is_progressing_until_the_operator_has_looked_at_it() -> None:
    world = World().serving()
    assert health(world, generation=2)[0] == "Progressing"
    world.change(image="relevo/serving:2")
    world.look()
    world.pods_ready()
    world.look()
    assert health(world)[0] == "Healthy"


def test_a_suspended_one_is_suspended_and_says_what_serves() -> None:
    world = World().serving()
    world.change(suspend=True)
    world.look()
    assert health(world) == ("Suspended", "Serving: version 1 serves, suspended; the alias marks version 1")


def test_a_registry_that_is_away_degrades_only_what_never_served() -> None:
    away = Absent(Absence.UNREACHABLE, "MLflow does not answer: bring it back")
    never = World(answer=away)
    never.look()
    assert health(never) == ("Degraded", "Unreachable: MLflow does not answer: bring it back")
    serving = World().serving()
    serving.answer = away
    serving.look(30)
    state, message = health(serving)
    assert state == "Healthy"
    assert "MLflow does not answer" in message


def test_a_suspended_one_whose_name_is_taken_is_degraded() -> None:
    world = World(spec=replace(World().spec, suspend=True))
    world.deployment = {"kind": "Deployment", "metadata": {"name": "prices", "generation": 1}, "spec": {}}
    world.look()
    assert health(world)[0] == "Degraded"
