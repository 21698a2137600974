"""What the steps keep in a real MLflow, as the operator reads it for Prometheus."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from relevo_contract.record import (
    BatchRef,
    ColumnEvidence,
    DecisionRecord,
    ErrorEvidence,
    Estimate,
    TrainReason,
    TrainVerdict,
)
from relevo_demo.servers import MlflowServer
from relevo_jobs.registry import Registry as Steps
from relevo_operator.batches import BatchFacts, batch_facts
from relevo_operator.registry import Registry
from tests.operator.registry.hub import Hub, ask

DECIDED = datetime(2026, 11, 26, 7, 0, tzinfo=UTC)
SMALL = Estimate(value=0.2, low=0.18, high=0.22)
LARGE = Estimate(value=0.5, low=0.4, high=0.6)


def record(number: int, reason: TrainReason, *, train: bool) -> DecisionRecord:
    moved = ColumnEvidence(
        column="state", method="jensen_shannon", distance=0.75, limit=0.1, moved=True, missing_before=0, missing_now=0
    )
    return DecisionRecord(
        batch=BatchRef(group=6, number=number, sha256=f"{number:064x}", rows=500, kept=490),
        champion_version=1,
        decided_at=DECIDED,
        decision=TrainVerdict(
            train=train,
            reason=reason,
            sentence="why",
            columns=(moved,),
            error=ErrorEvidence(now=LARGE, promised=SMALL, rows=490, worse=True),
        ),
    )


def facts(mlflow: MlflowServer, model: str) -> BatchFacts | None:
    async def question(registry: Registry) -> BatchFacts | None:
        await registry.newest_batches(model)  # the experiment is looked up once
        return batch_facts(await registry.newest_batches(model))

    return ask(mlflow.url, question)


def test_what_decide_wrote_is_what_is_told(mlflow: MlflowServer) -> None:
    model = f"prices-{secrets.token_hex(4)}"
    assert facts(mlflow, model) is None, "no experiment yet"
    steps = Steps(mlflow.url, model)
    steps.save_decision(record(1, TrainReason.QUIET, train=False))
    steps.save_decision(record(2, TrainReason.NEW_STATE, train=True))
    assert facts(mlflow, model) == BatchFacts(
        number=2,
        decided=DECIDED.timestamp(),
        reason="new_state",
        outcome="pending",
        rows={"came": 500.0, "kept": 490.0},
        errors={"on_batch": 0.5, "promised": 0.2},
        distances={"state": 0.75},
    )


def test_an_experiment_that_is_deleted_tells_nothing_and_the_next_one_is_found(hub: Hub, mlflow: MlflowServer) -> None:
    model = f"prices-{secrets.token_hex(4)}"
    Steps(mlflow.url, model).save_decision(record(1, TrainReason.QUIET, train=False))

    async def question(registry: Registry) -> list[int]:
        counts = [len(await registry.newest_batches(model))]
        experiment = hub.ask("GET", "experiments/get-by-name", params={"experiment_name": model})["experiment"]
        hub.ask("POST", "experiments/delete", json={"experiment_id": experiment["experiment_id"]})
        counts.append(len(await registry.newest_batches(model)))
        hub.ask("POST", "experiments/restore", json={"experiment_id": experiment["experiment_id"]})
        counts.append(len(await registry.newest_batches(model)))
        return counts

    assert ask(mlflow.url, question) == [1, 0, 1]
