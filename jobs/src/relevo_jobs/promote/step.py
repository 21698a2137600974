"""`relevo-job promote`: whether the newest version takes over; sets the alias and the tags, or says why not.

The verdict is written before anything is moved, and a verdict found written is carried out, not made anew: killed
between the two, the step would otherwise compare the challenger with itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from relevo_contract import names
from relevo_contract.data_set import Columns, DataSet
from relevo_contract.previous import RolledBack
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord, Promotion
from relevo_jobs.outcome import Outcome
from relevo_jobs.promote.answering import answered, predicted, speeds, spread_out
from relevo_jobs.promote.comparison import Floats, HeldOut, by_age, compare
from relevo_jobs.promote.rehearsal import after_rehearsal, rehearse
from relevo_jobs.registry import Registry
from relevo_jobs.roll_backs import RollBacks, Version
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import PromoteSettings
from relevo_jobs.stores import inferences
from relevo_jobs.stores.clean import CleanStore, open_clean
from relevo_jobs.use_case import UseCase


def run(settings: PromoteSettings, use_case: UseCase) -> Outcome:
    """Give the alias back where decide asks for it, and settle the version that waits; nothing to do if there is none.

    Raises Unavailable if CLEAN, RAW or MLflow is away.
    """
    model = settings.model or use_case.name
    registry, backs = Registry(settings.tracking_uri, model), RollBacks(settings.tracking_uri, model)
    pending = registry.pending_promotion(settings.group)
    if pending is not None and pending[1].promotion is not None:  # cut short: it comes before what was decided later
        registry.settle(*pending)
        return _outcome(*pending, _roll_back(registry, backs, settings.group))
    rolled_back = _roll_back(registry, backs, settings.group)
    if pending is not None:
        run_id, record = pending
        with open_clean(settings.clean_url, settings.group, use_case.data) as store:
            promotion = _judge(registry, store, run_id, record, settings=settings, use_case=use_case)
            record = record.model_copy(update={"promotion": promotion})
        registry.settle(run_id, record)
        return _outcome(run_id, record, rolled_back)
    if rolled_back is None:
        return Outcome.nothing("promote", "every version is promoted or rejected already")
    return Outcome.done(
        "promote",
        _told(rolled_back[2]),
        rolled_back[1],
        version=rolled_back[2].to_version,
        rolled_back_from=rolled_back[2].from_version,
        run_id=rolled_back[0],
    )


Given = tuple[str, int, RolledBack]
"""The run and batch by whose evidence the alias was given back, and what was done."""


def _roll_back(registry: Registry, backs: RollBacks, group: int) -> Given | None:
    """Carry out what decide asks for; of several asks the newest, for then the alias has moved on from the others."""
    done = None
    while (pending := backs.pending(group)) is not None:
        run_id, record = pending
        champion = registry.champion()
        told = backs.settle(run_id, record, None if champion is None else champion.number)
        if told is not None:
            done = (run_id, record.batch.number, told)
    return done


def _told(done: RolledBack) -> str:
    return f"version {done.to_version} has the alias back from version {done.from_version}: {done.why}"


def _judge(
    registry: Registry,
    store: CleanStore,
    run_id: str,
    record: DecisionRecord,
    *,
    settings: PromoteSettings,
    use_case: UseCase,
) -> Promotion:
    training, data = record.training, use_case.data
    task, target = data.predicts, data.target
    if training is None or training.version is None:
        raise ValueError(f"expected run {run_id}, which has a version, to tell its training, it does not")
    champion = registry.champion()
    # Before anything is computed: where RAW is away, the step is tried again.
    requests = None
    if champion is not None and settings.raw_url is not None:
        requests = inferences.newest(settings.raw_url, settings.model or use_case.name, data)
    with tempfile.TemporaryDirectory(prefix="relevo-promote-") as folder:
        known = _known_batches(registry, champion, Path(folder))
        batches = sorted(training.batches)
        rows, counts = store.columns(batches, holdout=True), store.held_out(batches)
        batch = np.repeat(list(counts), list(counts.values()))
        challenger = _scorer(registry, Path(folder), run_id)
        if champion is None:
            learnt_from = task.scaled(store.columns(training.batches, holdout=False)[target])
            before = None
            champion_scores: Floats = np.full(len(rows[target]), task.baseline(learnt_from))
        else:
            before = _scorer(registry, Path(folder), champion.run_id)
            champion_scores = predicted(before, rows)
    held_out = HeldOut(
        actual=task.scaled(rows[target]),
        state=[None] * len(rows[target]) if data.place is None else list(rows[data.place]),
        new=~np.isin(batch, list(known)),
        champion=champion_scores,
        challenger=predicted(challenger, rows),
        task=task,
        target=target,
        unit=data.unit,
        identity=use_case.identity_of(rows),
        weight=by_age(len(batches) - 1 - np.searchsorted(batches, batch)),
    )
    verdict = compare(
        held_out,
        champion_version=None if champion is None else champion.number,
        challenger_version=training.version,
        limits=settings.limits(use_case),
        seed=settings.seed,
    )
    if before is None:
        return verdict
    newest = spread_out(store.columns([record.batch.number]))
    versions = (before, challenger)
    every = newest if requests is None else _together(newest, requests.columns, data)
    found = rehearse(
        None if requests is None else answered(versions, requests.columns, requests.since, requests.until),
        answered(versions, newest),
        data,
        spread=task.spread(held_out.actual),
        speeds=speeds(versions, every),
        version=training.version,
    )
    return after_rehearsal(verdict, found, settings.rehearsal_most)


def _together(some: Columns, others: Columns, data: DataSet) -> Columns:
    """The inputs of both."""
    return {name: np.concatenate([some[name], others[name]]) for name in data.inputs}


def _known_batches(registry: Registry, champion: Version | None, folder: Path) -> frozenset[int]:
    """The batches the champion was trained on."""
    if champion is None:
        return frozenset()
    registry.download(champion.run_id, [names.PROFILE_FILE], folder)
    return frozenset(Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes()).batches)


def _scorer(registry: Registry, folder: Path, run_id: str) -> Scorer:
    """A version, loaded; its files replace another's in the folder."""
    registry.download(run_id, Scorer.FILES, folder)
    return Scorer(folder)


def _outcome(run_id: str, record: DecisionRecord, rolled_back: Given | None) -> Outcome:
    promotion = record.promotion
    assert promotion is not None
    return Outcome.done(
        "promote",
        promotion.sentence if rolled_back is None else f"{_told(rolled_back[2])}; {promotion.sentence}",
        record.batch.number,
        version=promotion.challenger_version,
        promoted=promotion.promoted,
        criterion=promotion.criterion.value,
        champion_version=promotion.champion_version,
        champion_error=promotion.champion.model_dump(),
        challenger_error=promotion.challenger.model_dump(),
        difference=promotion.difference.model_dump(),
        run_id=run_id,
    )
