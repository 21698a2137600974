"""The actions that Argo CD offers on a ModelDeployment: each sets one annotation to a new value, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from relevo_operator import names
from tests.argocd.customizations import ACTIONS, LuaError, act, action_tests, read, run, untimed


@pytest.mark.parametrize("expected", action_tests("discoveryTests"), ids=lambda one: one["inputPath"])
def test_what_is_offered_fits_the_object(expected: dict[str, Any]) -> None:
    found = run("actions/discovery.lua", read(f"actions/{expected['inputPath']}"))
    assert found == {one.pop("name"): one for one in map(dict, expected["result"])}
    assert set(found) == set(ACTIONS)


@pytest.mark.parametrize(
    "expected", action_tests("actionTests"), ids=lambda one: f"{one['action']}-{one['inputPath'].split('/')[-1]}"
)
def test_what_an_action_does(expected: dict[str, Any]) -> None:
    before = read(f"actions/{expected['inputPath']}")
    if words := expected.get("expectedErrorMessage"):
        with pytest.raises(LuaError, match=f"^{re.escape(words)}$"):
            act(expected["action"], before)
    else:
        assert untimed(act(expected["action"], before)) == read(f"actions/{expected['expectedOutputPath']}")


def test_the_annotations_are_those_that_the_operator_acts_upon() -> None:
    obj = read("actions/testdata/given_up.yaml")
    obj["metadata"]["annotations"] = {}
    assert set(act("refresh", obj)["metadata"]["annotations"]) == {names.REFRESH}
    assert set(act("retry", obj)["metadata"]["annotations"]) == {names.RETRY}


def test_every_action_is_tested_and_the_reason_of_a_training_says_who_asked() -> None:
    assert {one["action"] for one in action_tests("actionTests")} == set(ACTIONS)
    asked = act("retrain", read("actions/testdata/given_up.yaml"))["metadata"]["annotations"]["relevo.dev/retrain"]
    assert re.fullmatch(r"asked in Argo CD at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked)
