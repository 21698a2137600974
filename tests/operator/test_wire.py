"""A ModelDeployment's JSON to values and back."""

from __future__ import annotations

import pytest

from relevo_operator import wire
from relevo_operator.errors import InvalidSpec
from relevo_operator.values import Found
from tests.operator.worlds import World, broken


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1m30s", 90), ("1h", 3600), ("250ms", 0.25), ("1.5m", 90), ("1h1m1s", 3661)]
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert wire.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "30 s", "1d", "-5s", "30s!", "１s"])
def test_what_is_no_duration_is_refused_with_what_came(text: str) -> None:
    with pytest.raises(InvalidSpec, match="expected a duration"):
        wire.seconds(text)


def test_the_least_spec_gets_the_defaults() -> None:
    spec = wire.spec_of({"spec": {"registry": {"trackingUri": "http://m", "model": "m"}, "serving": {"image": "i"}}})
    assert (spec.registry.alias, spec.replicas, spec.port, spec.poll_seconds) == ("production", 1, 8000, 30)
    assert (spec.progress_deadline, spec.on_failure, spec.suspend) == (300, "Rollback", False)


def test_a_spec_without_its_model_is_refused_by_name() -> None:
    with pytest.raises(InvalidSpec, match="model"):
        wire.spec_of({"spec": {"registry": {"trackingUri": "http://m"}, "serving": {"image": "i"}}})


def test_status_read_back_is_the_past_it_was_written_from() -> None:
    world = World().serving(1).serving(2)
    world.answer = Found(3)
    world.look(1)
    world.pods = (broken(3),)
    world.pods_starting()
    world.look(1)
    past = wire.past_of({"status": world.status})
    again = wire.status_of(
        past,
        generation=1,
        endpoint=world.status["endpoint"],
        replicas=world.status["replicas"],
        ready_replicas=world.status["readyReplicas"],
        selector=world.status["selector"],
    )
    assert again == world.status
