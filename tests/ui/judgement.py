"""A history whose records have what a training was expected to gain, how promises were kept, and rehearsals."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from relevo_contract import names
from relevo_contract.previous import PairedBatch, Previous, RolledBack
from relevo_contract.profile import LearningCurve, Profile
from relevo_contract.record import (
    Criterion,
    DecisionRecord,
    ErrorEvidence,
    Estimate,
    ExpectedGain,
    Promotion,
    TrainReason,
)
from relevo_contract.rehearsal import Changed, Gathering, Rehearsal, Speed
from relevo_jobs.registry import Registry
from tests.ui import story

CURVE = LearningCurve(rows=(2250, 4500, 9000), losses=(0.29, 0.26, 0.24), last=story.near(-0.02, 0.008))
EXPECTED = ExpectedGain(
    measured=story.near(0.06, 0.03),
    learnt_from=882,
    tried_on=588,
    by_curve=story.near(0.02, 0.01),
    believed=0.8,
    worth=0.04,
    waiting=1470,
    trained_on=9000,
)
AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
REHEARSAL = Rehearsal(
    requests=Changed(rows=2000, some=0.11, much=0.031),
    since=AT,
    until=AT.replace(hour=17),
    batch=Changed(rows=1470, some=0.14, much=0.05),
    told=Changed(rows=2000, some=0.11, much=0.031),
    segments=(
        Gathering(column="state", value="Vermont", rows=120, changed=40),
        Gathering(column="state", value="Puerto Rico", rows=1500, changed=12),
    ),
    gathered=(
        Gathering(column="state", value="Vermont", rows=120, changed=40),
        Gathering(column="house_size", value="1,210 to below 1,800", rows=500, changed=45),
        Gathering(column="bed", value="missing", rows=90, changed=30),
    ),
    champion=Speed(single_ms=0.91, all_ms=21.4),
    challenger=Speed(single_ms=1.24, all_ms=35.2),
    sentence="Of the last 2,000 requests 3.1 % would be answered more than 25 % differently.",
)


def error(now: float, *, low: float = 0.2, high: float = 0.3, coverage: float | None = 0.88) -> ErrorEvidence:
    """An error on a batch whose promise of 24 % was expected to come to `low` to `high`."""
    return ErrorEvidence(
        now=story.near(now, 0.02),
        promised=story.near(0.24, 0.02),
        rows=1400,
        worse=now > high,
        expected=Estimate(value=(low + high) / 2, low=low, high=high),
        kept=now <= high,
        coverage=coverage,
        stretch=None if coverage is None else 1.2,
    )


def previous(version: int, difference: Estimate, batch: int = 1) -> Previous:
    """The version before on the batches since."""
    return Previous(
        version=version,
        headline=story.near(0.27, 0.02),
        champion=story.near(0.25, 0.02),
        this=PairedBatch(batch=batch, rows=1400, things=1300, mean=difference.value, variance=1e-4),
        batches=3,
        rows=4200,
        things=3900,
        difference=difference,
        between=0.01,
        better=difference.high < 0,
        sentence="It would not have been better.",
    )


def decided(
    number: int,
    reason: TrainReason = TrainReason.QUIET,
    *,
    champion: int = 1,
    now: float = 0.25,
    before: Previous | None = None,
    expected: ExpectedGain | None = EXPECTED,
    coverage: float | None = 0.88,
) -> DecisionRecord:
    """A batch's record with the evidence that is judged by."""
    found = story.decided(
        number, reason, f"What batch {number} is like.", champion=champion, error=error(now, coverage=coverage)
    )
    more = {"previous": before, "expected": expected, "train": reason is not TrainReason.QUIET}
    return found.model_copy(update={"decision": found.decision.model_copy(update=more)})


def promoted(
    record: DecisionRecord, version: int, gain: float | None = 0.05, criterion: Criterion = Criterion.BETTER
) -> DecisionRecord:
    """The record of a batch whose version was judged after a rehearsal."""
    settled = story.judged(story.trained(record), version, criterion, "So it is.")
    assert settled.promotion is not None
    return settled.model_copy(update={"promotion": _rehearsed(settled.promotion, gain)})


def _rehearsed(promotion: Promotion, gain: float | None) -> Promotion:
    return promotion.model_copy(update={"gain": gain, "rehearsal": REHEARSAL})


def given_back(record: DecisionRecord, lost: int, gained: int) -> DecisionRecord:
    """The same, after which the alias was given back."""
    back = RolledBack(from_version=lost, to_version=gained, at=AT, why="It did worse.")
    return record.model_copy(update={"rolled_back": back})


def tell(registry: Registry, bundle: Path, folder: Path) -> None:
    """Two versions, both with a learning curve, and batches of every kind of promise."""
    learnt = shutil.copytree(bundle, folder / "learnt")
    profile = learnt / names.PROFILE_FILE
    curved = Profile.model_validate_json(profile.read_bytes()).model_copy(update={"learning": CURVE})
    profile.write_text(curved.model_dump_json())
    first = story.decided(1, TrainReason.BASELINE, "No model yet.")
    story.save(registry, first, learnt, Criterion.FIRST_BEATS_BASELINE, "Version 1 errs by 24.0 %.")
    registry.save_decision(decided(2))
    registry.save_decision(decided(3, now=0.17, coverage=0.93))
    learning = decided(4, TrainReason.LEARNING)
    run_id = registry.save_decision(learning)
    version = registry.register(run_id, learnt, story.trained(learning))
    registry.settle(run_id, promoted(learning, version))
    for number in (5, 6, 7):
        before = previous(1, story.near(0.02, 0.01), number)
        registry.save_decision(decided(number, champion=2, before=before, coverage=0.84 + 0.02 * number))
    worse = decided(8, TrainReason.ERROR, champion=2, now=0.41, before=previous(1, story.near(0.03, 0.01), 8))
    registry.save_decision(worse)
