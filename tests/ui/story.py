"""A history with every kind of batch, written into MLflow by the steps' own registry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from relevo_contract.record import (
    BatchRef,
    ColumnEvidence,
    Criterion,
    DecisionRecord,
    ErrorEvidence,
    Estimate,
    Promotion,
    StateComparison,
    Training,
    TrainReason,
    TrainVerdict,
)
from relevo_jobs.registry import Registry

GROUP = 6


def near(value: float, by: float) -> Estimate:
    return Estimate(value=value, low=value - by, high=value + by)


def columns(*moved: str) -> tuple[ColumnEvidence, ...]:
    evidence = []
    for place, name in enumerate(("city", "state", "zip_code", "house_size", "bed", "bath", "acre_lot", "price")):
        text = name in {"city", "state", "zip_code"}
        new = ("massachusetts", "connecticut") if name == "state" else ("boston", "hartford")
        evidence.append(
            ColumnEvidence(
                column=name,
                method="jensen_shannon" if text else "wasserstein",
                distance=0.41 - 0.04 * place if name in moved else 0.03 + 0.001 * place,
                limit=0.05,
                moved=name in moved,
                missing_before=0.1,
                missing_now=0.12,
                unseen=(0.63 if name in moved else 0.01) if text else None,
                new_categories=new if text and name in moved else (),
            )
        )
    return tuple(evidence)


def decided(
    number: int,
    reason: TrainReason,
    sentence: str,
    *,
    moved: tuple[str, ...] = (),
    champion: int | None = None,
    rows: int = 1500,
    error: ErrorEvidence | None = None,
) -> DecisionRecord:
    train = reason in {TrainReason.BASELINE, TrainReason.NEW_STATE, TrainReason.ERROR, TrainReason.DRIFT}
    return DecisionRecord(
        batch=BatchRef(group=GROUP, number=number, sha256=f"{number:064x}", rows=rows, kept=rows - rows // 50),
        champion_version=champion,
        decided_at=datetime(2026, 11, 4, 15, tzinfo=UTC) + timedelta(minutes=number),
        decision=TrainVerdict(
            train=train,
            reason=reason,
            sentence=sentence,
            moved=moved,
            columns=columns(*moved) if champion else (),
            error=error,
        ),
    )


def trained(record: DecisionRecord) -> DecisionRecord:
    training = Training(
        version=None,
        batches=tuple(range(1, record.batch.number + 1)),
        rows=1200 * record.batch.number,
        seed=0,
        parameters={"max_depth": 6},
        seconds=8.4,
        onnx_difference=3e-6,
    )
    return record.model_copy(update={"training": training})


def judged(record: DecisionRecord, version: int, criterion: Criterion, sentence: str) -> DecisionRecord:
    first = criterion is Criterion.FIRST_BEATS_BASELINE
    promoted = first or criterion is Criterion.BETTER
    difference = -0.06 if promoted else 0.004
    states = () if first else (
        StateComparison(
            state="Massachusetts", rows=210, champion=0.41, challenger=0.24, difference=near(-0.17, 0.04), worse=False
        ),
        StateComparison(
            state="Puerto Rico", rows=320, champion=0.22, challenger=0.23, difference=near(0.01, 0.02), worse=False
        ),
        StateComparison(
            state="Virgin Islands", rows=60, champion=0.3, challenger=0.39, difference=near(0.09, 0.04), worse=True
        ),
    )  # fmt: skip
    promotion = Promotion(
        promoted=promoted,
        criterion=criterion,
        sentence=sentence,
        rows=590,
        champion_version=None if first else record.champion_version,
        challenger_version=version,
        champion=near(0.61 if first else 0.29, 0.02),
        challenger=near(0.29 + difference if not first else 0.24, 0.02),
        difference=near(difference, 0.01),
        states=states,
    )
    return record.model_copy(update={"promotion": promotion})


def save(
    registry: Registry,
    record: DecisionRecord,
    bundle: Path,
    criterion: Criterion,
    sentence: str,
    *,
    places: bool = True,
) -> int:
    """Decide, train and settle one batch; returns the version."""
    run_id = registry.save_decision(record)
    version = registry.register(run_id, bundle, trained(record))
    found = registry.pending_promotion(GROUP)
    assert found is not None
    settled = judged(found[1], version, criterion, sentence)
    if not places and settled.promotion is not None:
        settled = settled.model_copy(update={"promotion": settled.promotion.model_copy(update={"states": ()})})
    registry.settle(run_id, settled)
    return version


def tell(registry: Registry, bundles: tuple[Path, Path]) -> None:
    """Six batches: promoted, quiet, promoted, rejected, too few rows, and one whose training is still to come."""
    one, two = bundles
    save(
        registry,
        decided(1, TrainReason.BASELINE, "No model yet: batch 1 (1,470 rows) becomes the baseline."),
        one,
        Criterion.FIRST_BEATS_BASELINE,
        "Version 1 errs by 24.0 % where the median price errs by 61.0 %.",
    )
    kept = ErrorEvidence(now=near(0.25, 0.03), promised=near(0.24, 0.02), rows=1400, worse=False)
    registry.save_decision(decided(2, TrainReason.QUIET, "Nothing moved beyond noise.", champion=1, error=kept))
    broken = ErrorEvidence(now=near(0.48, 0.03), promised=near(0.24, 0.02), rows=1400, worse=True)
    save(
        registry,
        decided(
            3,
            TrainReason.NEW_STATE,
            "63 % of the rows come from Massachusetts and Connecticut, which version 1 never saw; houses cost $410,000 "
            "there against $180,000, and its error is 48.0 % where it promised 24.0 %.",
            moved=("city", "state", "zip_code", "house_size", "price"),
            champion=1,
            error=broken,
        ),
        two,
        Criterion.BETTER,
        "Version 2 errs by 23.0 % where version 1 errs by 29.0 %: 6.0 points less (5.0 to 7.0).",
    )
    save(
        registry,
        decided(4, TrainReason.DRIFT, "house_size moved.", moved=("house_size",), champion=2, error=kept),
        one,
        Criterion.NOT_BETTER,
        "Version 3 errs by 29.4 % where version 2 errs by 29.0 %: not better beyond noise.",
    )
    registry.save_decision(
        decided(5, TrainReason.TOO_FEW_ROWS, "17 rows are too few to tell a change from noise.", champion=2, rows=17)
    )
    registry.save_decision(decided(6, TrainReason.ERROR, "The error is worse than promised.", champion=2, error=broken))
