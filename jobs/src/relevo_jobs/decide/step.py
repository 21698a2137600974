"""`relevo-job decide`: whether the newest batch calls for a training; writes the batch's decision record.

Reads the batch and the champion's files, never the rows of older batches (save the few that were too small to be judged
alone), so that it costs the same whatever has been collected before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import numpy as np

from relevo_contract import names
from relevo_contract.listing import TARGET
from relevo_contract.profile import Profile
from relevo_contract.record import BatchRef, DecisionRecord, TrainVerdict
from relevo_jobs.decide.policy import Case, Champion, decide, judged_together, rows_needed
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry, Version
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import DecideSettings
from relevo_jobs.stores.clean import CleanStore, open_clean

PAGE = 20


def run(settings: DecideSettings) -> Outcome:
    """Decide on every batch that has no complete decision yet, oldest first.

    Done if a training is due (or one that was asked for earlier is not settled yet), nothing to do if not. Raises
    Unavailable if CLEAN or MLflow is away.
    """
    registry = Registry(settings.tracking_uri, settings.model)
    decided: list[tuple[str, DecisionRecord]] = []
    with open_clean(settings.clean_url, settings.group) as store:
        waiting: list[BatchRef] = []
        for ref in _newest_first(store):
            if registry.decided(ref) is not None:
                break
            waiting.append(ref)
        if waiting:
            champion = registry.champion()
            with tempfile.TemporaryDirectory(prefix="relevo-decide-") as folder:
                judge = _Judge(registry, store, champion, Path(folder), settings)
                for ref in reversed(waiting):
                    record = DecisionRecord(
                        batch=ref,
                        champion_version=None if champion is None else champion.number,
                        decided_at=datetime.now(UTC),
                        decision=judge.verdict(ref),
                    )
                    decided.append((registry.save_decision(record), record))
    due = registry.pending_training(settings.group) or registry.pending_promotion(settings.group)
    if decided:
        # Of several, the one that asks for a training is what comes next.
        return _outcome(*max(decided, key=lambda d: (d[1].decision.train, d[1].batch.number)), due=due is not None)
    if due is not None:
        return _outcome(*due, due=True)
    return Outcome.nothing("decide", "every batch in CLEAN is decided and no training is due", train=False)


def _newest_first(store: CleanStore, below: int | None = None) -> Iterator[BatchRef]:
    """The cleaned batches, newest first, read as far as they are asked for."""
    while page := store.newest_first(PAGE, below):
        yield from page
        below = page[-1].number


class _Judge:
    """Judges batches against one champion."""

    def __init__(
        self, registry: Registry, store: CleanStore, champion: Version | None, folder: Path, settings: DecideSettings
    ) -> None:
        self._store, self._champion, self._limits = store, champion, settings.limits()
        self._excluded = registry.excluded(settings.group)
        self._profile: Profile | None = None
        if champion is not None:
            registry.download(champion.run_id, [names.PROFILE_FILE, names.ENCODER_FILE, names.ONNX_FILE], folder)
            self._profile = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes())
            self._scorer = Scorer(folder)

    def verdict(self, ref: BatchRef) -> TrainVerdict:
        untrained = [ref, *self._untrained_before(ref)]
        batches = judged_together(untrained, rows_needed(self._profile, self._limits))
        columns = self._store.columns([b.number for b in batches])
        case = Case(columns, tuple(b.number for b in batches), sum(b.kept for b in untrained))
        champion = None
        if self._champion is not None and self._profile is not None:
            predicted = self._scorer.predict(columns) if len(columns[TARGET]) else np.empty(0)
            champion = Champion(self._champion.number, self._profile, predicted)
        verdict = decide(champion, case, self._limits)
        self._excluded |= set(verdict.excluded)
        return verdict

    def _untrained_before(self, ref: BatchRef) -> list[BatchRef]:
        """Batches before this one that the champion was not trained on and a training would use, newest first."""
        last = max(self._profile.batches, default=0) if self._profile is not None else 0
        later = takewhile(lambda b: b.number > last, _newest_first(self._store, ref.number))
        return [b for b in later if b.number not in self._excluded]


def _outcome(run_id: str, record: DecisionRecord, *, due: bool) -> Outcome:
    decision, error = record.decision, record.decision.error
    tell = Outcome.done if due else Outcome.nothing
    return tell(
        "decide",
        decision.sentence,
        record.batch.number,
        train=decision.train,
        reason=decision.reason.value,
        moved=list(decision.moved),
        champion_version=record.champion_version,
        error=error and error.now.model_dump(),
        run_id=run_id,
    )
