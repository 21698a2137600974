"""`relevo-job decide`: whether the newest batch calls for a training; writes the batch's decision record.

Reads the batch and the champion's files, never the rows of older batches (save the few that were too small to be judged
alone), so that it costs the same whatever has been collected before.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from relevo_contract.record import BatchRef, DecisionRecord
from relevo_jobs.decide.asking import Ask
from relevo_jobs.decide.judge import Judge, newest_first
from relevo_jobs.errors import SettingsError
from relevo_jobs.include.step import taken_back
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry
from relevo_jobs.roll_backs import RollBacks
from relevo_jobs.settings import DecideSettings
from relevo_jobs.stores.clean import CleanStore, open_clean
from relevo_jobs.use_case import UseCase

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
                judge = Judge(registry, store, Path(folder), settings, use_case)
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
    due = due or RollBacks(settings.tracking_uri, settings.model or use_case.name).pending(settings.group)
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
    for ref in newest_first(store):
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
