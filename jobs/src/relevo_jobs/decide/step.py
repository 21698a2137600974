"""`relevo-job decide`: whether the newest batch calls for a training; writes the batch's decision record.

Reads the batch and the champion's files, never the rows of older batches (save the few that were too small to be judged
alone), so that it costs the same whatever has been collected before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from relevo_contract import names
from relevo_contract.profile import Profile
from relevo_contract.record import BatchRef, DecisionRecord, TrainVerdict
from relevo_jobs.decide.asking import Ask, Lesson, honour, refusal
from relevo_jobs.decide.declared import declared_since
from relevo_jobs.decide.live import LiveInputs
from relevo_jobs.decide.policy import Case, Champion, decide, judged_together, rows_needed
from relevo_jobs.errors import SettingsError
from relevo_jobs.include.step import taken_back
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry
from relevo_jobs.rereading import reread
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import DecideSettings
from relevo_jobs.stores import inferences
from relevo_jobs.stores.clean import CleanStore, open_clean
from relevo_jobs.use_case import UseCase

PAGE = 20

Decided = tuple[str, DecisionRecord]
"""A batch's run and its record."""


def run(settings: DecideSettings, use_case: UseCase) -> Outcome:
    """Decide on every batch that has no complete decision yet, oldest first, and honour an ask for a training, once.

    Done if a training is due (or one that was asked for earlier is not settled yet), nothing to do if not. Raises
    Unavailable if CLEAN or MLflow is away.
    """
    registry = Registry(settings.tracking_uri, settings.model or use_case.name)
    included, told = _take_back(registry, settings)
    outcome = _decided(registry, settings, use_case)
    if included and outcome.code:
        return Outcome.done("decide", told + outcome.sentence, outcome.batch, **outcome.details)
    return replace(outcome, sentence=told + outcome.sentence)


def _take_back(registry: Registry, settings: DecideSettings) -> tuple[tuple[int, ...], str]:
    """Take back what is asked for, before anything is decided; a refusal is told, and does not stop the loop."""
    if not settings.include:
        return (), ""
    try:
        batches, sentence = taken_back(registry, settings)
    except SettingsError as error:
        return (), f"{error}; "
    return batches, f"{sentence}; "


def _decided(registry: Registry, settings: DecideSettings, use_case: UseCase) -> Outcome:
    ask, refused = settings.ask(), None
    honoured = None if ask is None else registry.honoured(settings.group, ask.id)
    open_ask = ask if honoured is None else None
    saved: list[Decided] = []
    with open_clean(settings.clean_url, settings.group, use_case.data) as store:
        waiting, newest = _undecided(registry, store)
        # A batch that was kept may be decided again; of the others a training was asked for already.
        kept = newest[1] if newest is not None and not newest[1].decision.train else None
        if waiting or (open_ask is not None and kept is not None):
            with tempfile.TemporaryDirectory(prefix="relevo-decide-") as folder:
                judge = _Judge(registry, store, Path(folder), settings, use_case)
                for ref in reversed(waiting):
                    record = judge.record(ref)
                    if open_ask is not None and ref is waiting[0]:
                        record, refused = judge.asked(open_ask, record)
                    saved.append((registry.save_decision(record), record))
                if not waiting and open_ask is not None and kept is not None:
                    record, refused = judge.asked(open_ask, kept)
                    if refused is None:
                        saved.append((registry.save_decision(record), record))
    due = registry.pending_training(settings.group) or registry.pending_promotion(settings.group)
    if saved:
        # Of several, the one that asks for a training is what comes next.
        told = max(saved, key=lambda d: (d[1].decision.train, d[1].batch.number))
        return _outcome(*told, due=due is not None, before=_but(ask, refused))
    if due is not None:
        already = f"{open_ask.words}, and a training is due already; " if open_ask is not None else ""
        return _outcome(*due, due=True, before=_but(ask, refused) or already)
    return Outcome.nothing("decide", _nothing(ask, refused, honoured, newest), train=False)


def _but(ask: Ask | None, refused: str | None) -> str:
    """How the outcome's sentence starts where an ask could not be honoured."""
    return f"{ask.words}, but {refused}; " if ask is not None and refused is not None else ""


def _undecided(registry: Registry, store: CleanStore) -> tuple[list[BatchRef], Decided | None]:
    """The batches without a complete decision, newest first, and the newest that has one."""
    waiting: list[BatchRef] = []
    for ref in _newest_first(store):
        if (decided := registry.decided(ref)) is not None:
            return waiting, decided
        waiting.append(ref)
    return waiting, None


def _nothing(ask: Ask | None, refused: str | None, honoured: Decided | None, newest: Decided | None) -> str:
    """Why there is nothing to do."""
    if ask is None:
        return "every batch in CLEAN is decided and no training is due"
    if refused is not None:
        return f"{ask.words}, but {refused}"
    if honoured is not None:
        return f"{ask.words}: done already, with batch {honoured[1].batch.number}"
    if newest is None:
        return f"{ask.words}, but there is no batch in CLEAN yet"
    number = newest[1].batch.number
    return f"{ask.words}, but batch {number}, the newest, was trained on already: there is nothing new to learn from"


def _newest_first(store: CleanStore, below: int | None = None) -> Iterator[BatchRef]:
    """The cleaned batches, newest first, read as far as they are asked for."""
    while page := store.newest_first(PAGE, below):
        yield from page
        below = page[-1].number


class _Judge:
    """Judges batches against one champion."""

    def __init__(
        self, registry: Registry, store: CleanStore, folder: Path, settings: DecideSettings, use_case: UseCase
    ) -> None:
        self._store, self._limits, self._data, self._needs = store, settings.limits(), use_case.data, use_case.least
        self._use_case = use_case
        self._champion = champion = registry.champion()
        self._airflow_run = settings.airflow_run or None
        self._excluded = registry.excluded(settings.group)
        self._included = registry.included(settings.group)
        self._profile: Profile | None = None
        self._live: LiveInputs | None = None
        if champion is not None:
            if settings.raw_url is not None:
                self._live = inferences.newest(settings.raw_url, settings.model or use_case.name, use_case.data)
            registry.download(champion.run_id, [names.PROFILE_FILE, *Scorer.FILES], folder)
            self._profile = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes())
            self._scorer = Scorer(folder)
            if self._live is not None:
                self._live = replace(self._live, columns=reread(self._scorer.data, self._live.columns))

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
        return Lesson(rows, left_out, first=self._champion is None, lacking=self._lacking(ref))

    def _lacking(self, ref: BatchRef) -> str | None:
        """What a training on all there is up to this batch would lack."""
        return self._needs.lacking(self._store.sides(ref.number, self._excluded))

    def _verdict(self, ref: BatchRef) -> TrainVerdict:
        untrained = [ref, *self._untrained_before(ref)]
        batches = judged_together(untrained, rows_needed(self._profile, self._limits))
        columns = self._store.columns([b.number for b in batches])
        numbers, kept = tuple(b.number for b in batches), sum(b.kept for b in untrained)
        identity = self._use_case.identity_of(columns)
        champion, since = None, ""
        if self._champion is not None and self._profile is not None:
            number, learnt = self._champion.number, self._scorer.data
            predicted = self._scorer.predict(columns)
            champion = Champion(number, self._profile, predicted)
            columns = reread(learnt, columns)  # as its profile has them
            since = declared_since(number, learnt, self._data)
        case = Case(columns, numbers, kept, self._data, self._live, self._lacking(ref), identity)
        verdict = decide(champion, case, self._limits)
        self._excluded |= set(verdict.excluded)
        return verdict.model_copy(update={"sentence": verdict.sentence + since})

    def _untrained_before(self, ref: BatchRef) -> list[BatchRef]:
        """Batches before this one that the champion was not trained on and a training would use, newest first."""
        # Of those before the last that it was trained on, it was trained on all but those that were left out then.
        first = min([self._last_trained() + 1, *(self._included - self._trained)])
        later = takewhile(lambda b: b.number >= first, _newest_first(self._store, ref.number))
        return [b for b in later if self._is_new(b)]

    def _is_new(self, ref: BatchRef) -> bool:
        return ref.number not in self._excluded and ref.number not in self._trained

    @property
    def _trained(self) -> frozenset[int]:
        return frozenset(() if self._profile is None else self._profile.batches)

    def _last_trained(self) -> int:
        return max(self._trained, default=0)


def _outcome(run_id: str, record: DecisionRecord, *, due: bool, before: str = "") -> Outcome:
    decision, error = record.decision, record.decision.error
    tell = Outcome.done if due else Outcome.nothing
    return tell(
        "decide",
        before + decision.sentence,
        record.batch.number,
        train=decision.train,
        reason=decision.reason.value,
        moved=list(decision.moved),
        champion_version=record.champion_version,
        error=error and error.now.model_dump(),
        asked=decision.asked and decision.asked.id,
        run_id=run_id,
    )
