"""One champion's judge: a batch's rows, what is known of earlier batches, and the verdict on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import numpy as np

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.identity import things
from relevo_contract.profile import Profile
from relevo_contract.record import BatchRef, DecisionRecord, TrainVerdict
from relevo_contract.tasks import Floats
from relevo_contract.version import Residuals
from relevo_jobs.decide.asking import Ask, Lesson, honour, refusal
from relevo_jobs.decide.before import Before
from relevo_jobs.decide.case import Case, Champion
from relevo_jobs.decide.declared import declared_since
from relevo_jobs.decide.gain import MOST, Measured, measured
from relevo_jobs.decide.live import LiveInputs
from relevo_jobs.decide.policy import decide, judged_together
from relevo_jobs.needs import Sides, lacking_things
from relevo_jobs.past import INSIDE, Past
from relevo_jobs.registry import Registry
from relevo_jobs.rereading import reread
from relevo_jobs.roll_backs import RollBacks
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import DecideSettings
from relevo_jobs.stores import inferences
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.use_case import UseCase

PAGE = 20
"""Batches read at a time."""


def newest_first(store: CleanStore, below: int | None = None) -> Iterator[BatchRef]:
    """The cleaned batches, newest first, read as far as they are asked for."""
    while page := store.newest_first(PAGE, below):
        yield from page
        below = page[-1].number


class Judge:
    """Judges batches against one champion."""

    def __init__(
        self, registry: Registry, store: CleanStore, folder: Path, settings: DecideSettings, use_case: UseCase
    ) -> None:
        self._store, self._limits = store, settings.limits(use_case)
        self._data, self._needs = use_case.data, use_case.least
        self._use_case, self._registry = use_case, registry
        self._champion = champion = registry.champion()
        self._airflow_run = settings.airflow_run or None
        self._excluded = registry.excluded(settings.group)
        self._included = registry.included(settings.group)
        self._profile: Profile | None = None
        self._live: LiveInputs | None = None
        if champion is not None:
            if settings.raw_url is not None:
                self._live = inferences.newest(settings.raw_url, settings.model or use_case.name, use_case.data)
            registry.download(champion.run_id, [names.PROFILE_FILE, names.RESIDUALS_FILE, *Scorer.FILES], folder)
            self._profile = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes())
            residuals = Residuals.model_validate_json((folder / names.RESIDUALS_FILE).read_bytes())
            self._quantile = residuals.at(INSIDE) if use_case.data.predicts.interval(0.0) else None
            self._stretch = residuals.stretch
            self._scorer = Scorer(folder)
            if self._live is not None:
                self._live = replace(self._live, columns=reread(self._scorer.data, self._live.columns))
            self._rule = settings.roll_back_rule()
            backs = RollBacks(settings.tracking_uri, settings.model or use_case.name)
            self._before = Before(registry, backs, champion, folder / "before", use_case=use_case)

    def record(self, ref: BatchRef) -> DecisionRecord:
        """The batch's record, as the data alone call for."""
        return DecisionRecord(
            batch=ref,
            champion_version=None if self._champion is None else self._champion.number,
            decided_at=datetime.now(UTC),
            decision=self._verdict(ref),
            origin=self._store.origin(ref.number),
            rejected=self._store.rejected(ref.number),
            airflow_run=self._airflow_run,
        )

    def asked(self, ask: Ask, record: DecisionRecord) -> tuple[DecisionRecord, str | None]:
        """The record with the training that is asked for; as it was, with the reason, if that cannot be."""
        lesson = self._lesson(record.batch)
        if (refused := refusal(lesson)) is not None:
            return record, refused
        verdict = honour(ask, record.decision, lesson)
        return record.model_copy(update={"decision": verdict, "decided_at": datetime.now(UTC)}), None

    def _lesson(self, ref: BatchRef) -> Lesson:
        last = self._last_trained()
        untrained = self._untrained_before(ref)
        if self._is_new(ref):
            untrained.append(ref)
        left_out = [number for number in self._excluded if last < number <= ref.number]
        rows = sum(b.kept for b in untrained)
        return Lesson(rows, left_out, first=self._champion is None, lacking=self._needs.lacking(self._sides(ref)))

    def _sides(self, ref: BatchRef) -> Sides:
        """The rows that a training on all there is up to this batch would have."""
        return self._store.sides(ref.number, self._excluded)

    def _verdict(self, ref: BatchRef) -> TrainVerdict:
        untrained = [ref, *self._untrained_before(ref)]
        batches = judged_together(untrained, self._limits.rows)
        columns = self._store.columns([b.number for b in batches])
        sides = self._sides(ref)
        case = Case(
            columns,
            tuple(b.number for b in batches),
            sum(b.kept for b in untrained),
            self._data,
            self._live,
            self._needs.lacking(sides) or self._unjudged(untrained),
            self._use_case.identity_of(columns),
        )
        if self._champion is None or self._profile is None:
            return decide(None, case, self._limits)
        predicted, learnt, version = self._scorer.predict(columns), self._scorer.data, self._champion.number
        champion = Champion(version, self._profile, predicted, self._quantile, self._stretch)
        case = replace(
            case,
            columns=reread(learnt, columns),  # as its profile has them
            learns=max(0, sides.training - self._profile.rows),
            measured=self._measured(columns, predicted, untrained[len(batches) :]),
            past=Past.of((one.decision, one.promotion) for one in self._registry.history(ref)),
        )
        verdict = decide(champion, case, self._limits)
        self._excluded |= set(verdict.excluded)
        sentence, previous = verdict.sentence, None
        if ref.number not in verdict.excluded and ref.number not in self._trained and ref.kept:
            # Judged together with small ones, it is the last of them.
            own = {name: column[-ref.kept :] for name, column in columns.items()}
            previous = self._before.evidence(ref, own, predicted[-ref.kept :], self._rule)
            sentence += f"; {previous.sentence}" if previous and previous.better else ""
        sentence += declared_since(version, learnt, self._data)
        return verdict.model_copy(update={"previous": previous, "sentence": sentence})

    def _unjudged(self, untrained: Sequence[BatchRef]) -> str | None:
        """What the first version would lack to be judged: a training that nobody can judge is for nothing."""
        if self._champion is not None:
            return None
        held_out = self._store.columns([b.number for b in untrained], holdout=True)
        return lacking_things(things(self._use_case.identity_of(held_out), len(held_out[self._data.target])))

    def _measured(self, judged: Columns, predicted: Floats, earlier: Sequence[BatchRef]) -> Measured | None:
        """What a correction takes off, tried on the rows judged and, while these are few, on those waiting before."""
        chosen: list[int] = []
        rows, waiting, said = len(predicted), judged, predicted
        for ref in earlier:
            if rows >= MOST:
                break
            chosen.append(ref.number)
            rows += ref.kept
        if chosen:
            before = self._store.columns(sorted(chosen))
            waiting = {name: np.concatenate([before[name], column]) for name, column in judged.items()}
            said = np.concatenate([self._scorer.predict(before), predicted])
        identity = self._use_case.identity_of(waiting)
        return measured(waiting, said, self._data, self._use_case.options, identity)

    def _untrained_before(self, ref: BatchRef) -> list[BatchRef]:
        """Batches before this one that the champion was not trained on and a training would use, newest first."""
        # Of those before the last that it was trained on, it was trained on all but those that were left out then.
        first = min([self._last_trained() + 1, *(self._included - self._trained)])
        later = takewhile(lambda b: b.number >= first, newest_first(self._store, ref.number))
        return [b for b in later if self._is_new(b)]

    def _is_new(self, ref: BatchRef) -> bool:
        return ref.number not in self._excluded and ref.number not in self._trained

    @property
    def _trained(self) -> frozenset[int]:
        return frozenset(() if self._profile is None else self._profile.batches)

    def _last_trained(self) -> int:
        return max(self._trained, default=0)
