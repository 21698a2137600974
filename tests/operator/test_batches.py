"""What the operator tells Prometheus of the newest batches, from runs as MLflow answers them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from relevo_contract.mlflow_rest import MlflowError, Trouble
from relevo_contract.record import TrainReason
from relevo_operator.batch_polling import BatchPolling
from relevo_operator.batches import BatchFacts, batch_facts
from relevo_operator.following import Following
from relevo_operator.metrics import Metrics

STAMP = 1_764_150_000_000


def run(batch: int, figures: Mapping[str, float], stamp: int = STAMP, **tags: str) -> dict[str, Any]:
    told = {
        "relevo.batch": str(batch),
        "relevo.train": "true",
        **{f"relevo.{key}": value for key, value in tags.items()},
    }
    return {
        "info": {"run_id": f"run-{batch}"},
        "data": {
            "tags": [{"key": key, "value": value} for key, value in told.items()],
            "metrics": [{"key": key, "value": value, "timestamp": stamp} for key, value in figures.items()],
        },
    }


DECIDED = {"rows": 564.0, "kept": 563.0, "distance/state": 0.8, "error_on_batch": 0.566, "error_promised": 0.223}
COMPARED = DECIDED | {"champion_error": 0.297, "champion_error_low": 0.2, "challenger_error": 0.214}


def test_the_newest_batch_is_told_with_its_figures() -> None:
    newest = run(3, COMPARED, reason="new_state", outcome="promoted")
    assert batch_facts([newest, run(2, DECIDED, STAMP - 60_000, reason="quiet", outcome="kept")]) == BatchFacts(
        number=3,
        decided=STAMP / 1000,
        reason="new_state",
        outcome="promoted",
        rows={"came": 564.0, "kept": 563.0},
        errors={"on_batch": 0.566, "promised": 0.223},
        distances={"state": 0.8},
        judged={"champion": 0.297, "challenger": 0.214},
    )


def test_a_comparison_stays_until_the_next_one() -> None:
    quiet = run(4, DECIDED, reason="quiet", outcome="kept")
    facts = batch_facts([quiet, run(3, COMPARED, reason="new_state", outcome="rejected")])
    assert facts is not None
    assert (facts.number, facts.outcome, facts.judged) == (4, "kept", {"champion": 0.297, "challenger": 0.214})


def test_a_batch_decided_anew_is_no_newer_batch_but_a_newer_decision() -> None:
    facts = batch_facts([run(5, DECIDED, reason="quiet"), run(4, DECIDED, STAMP + 5000, reason="asked")])
    assert facts is not None
    assert (facts.number, facts.reason, facts.decided) == (5, "quiet", STAMP / 1000 + 5)


def test_a_training_under_way_is_pending_and_a_first_batch_has_no_errors() -> None:
    facts = batch_facts([run(1, {"rows": 1500.0, "kept": 1496.0}, reason="baseline")])
    assert facts is not None
    assert (facts.outcome, facts.errors, facts.distances, facts.judged) == ("pending", {}, {}, {})


def test_runs_of_another_kind_break_nothing() -> None:
    odd: list[Any] = [
        None,
        {},
        {"data": None},
        {"data": {"tags": "no", "metrics": [None, {"key": "rows", "value": "many"}]}},
        run(7, {}),  # decided, and its figures were deleted
    ]
    assert batch_facts(odd) is None
    facts = batch_facts([*odd, run(2, DECIDED, outcome="somebody's own")])
    assert facts is not None
    assert (facts.number, facts.reason, facts.outcome) == (2, "", "pending")


class FakeRegistry:
    def __init__(self, runs: Mapping[str, Any]) -> None:
        self.runs = dict(runs)
        self.asked: list[str] = []

    async def newest_batches(self, model: str) -> list[Any]:
        self.asked.append(model)
        if isinstance(found := self.runs[model], Exception):
            raise found
        return list(found)


class FakeFollowing:
    def __init__(self, registry: FakeRegistry, *models: str) -> None:
        self.registry, self.followed = registry, set(models)

    def models(self) -> list[tuple[str, set[str], Any]]:
        return [("http://mlflow:5000", self.followed, self.registry)]


def look(following: FakeFollowing, metrics: Metrics, *, times: int = 1) -> None:
    polling = BatchPolling(cast(Following, following), metrics, 60)

    async def looks() -> None:
        for _ in range(times):
            await polling.look()

    asyncio.run(looks())


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"registry": "http://mlflow:5000", "model": "prices", **labels})


def test_prometheus_is_told_and_figures_that_are_gone_are_removed() -> None:
    registry = FakeRegistry({"prices": [run(3, COMPARED, reason="new_state", outcome="promoted")]})
    metrics, following = Metrics(), FakeFollowing(registry, "prices")
    look(following, metrics)
    assert sample(metrics, "relevo_batch_number") == 3
    assert sample(metrics, "relevo_batch_decided_timestamp_seconds") == STAMP / 1000
    assert sample(metrics, "relevo_batch_drift_distance", column="state") == 0.8
    told = {reason: sample(metrics, "relevo_batch_decision", reason=reason.value) for reason in TrainReason}
    assert told == {reason: float(reason is TrainReason.NEW_STATE) for reason in TrainReason}
    registry.runs["prices"] = [run(4, {"rows": 9.0, "kept": 9.0}, reason="too_few_rows", outcome="kept")]
    look(following, metrics)
    assert sample(metrics, "relevo_batch_outcome", outcome="kept") == 1
    assert sample(metrics, "relevo_batch_outcome", outcome="promoted") == 0
    assert sample(metrics, "relevo_batch_drift_distance", column="state") is None


def test_a_model_that_nobody_follows_any_more_is_forgotten() -> None:
    registry = FakeRegistry({"prices": [run(1, DECIDED)]})
    metrics, following = Metrics(), FakeFollowing(registry, "prices")
    polling = BatchPolling(cast(Following, following), metrics, 60)
    asyncio.run(polling.look())
    following.followed = set()
    asyncio.run(polling.look())
    assert sample(metrics, "relevo_batch_number") is None


def test_a_registry_that_is_away_is_not_waited_for_once_a_model() -> None:
    away = MlflowError(Trouble.UNREACHABLE, "away")
    registry = FakeRegistry({"a": away, "b": away, "prices": away})
    metrics, following = Metrics(), FakeFollowing(registry, "a", "b", "prices")
    look(following, metrics)
    assert registry.asked == ["a"]
    registry.runs = {"a": MlflowError(Trouble.BAD_ANSWER, "no such thing"), "b": [], "prices": [run(1, DECIDED)]}
    look(following, metrics)
    assert sample(metrics, "relevo_batch_number") == 1


def test_the_last_answer_stays_while_the_registry_is_away() -> None:
    registry = FakeRegistry({"prices": [run(1, DECIDED)]})
    metrics, following = Metrics(), FakeFollowing(registry, "prices")
    look(following, metrics)
    registry.runs["prices"] = MlflowError(Trouble.UNREACHABLE, "away")
    look(following, metrics)
    assert sample(metrics, "relevo_batch_number") == 1
