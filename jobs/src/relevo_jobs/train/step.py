"""`relevo-job train`: train and register the version that `decide` asked for.

Nothing is written before the registration, and that is made once for a run: killed anywhere, run again, it trains the
same model from the same rows and seed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relevo_contract import names
from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.record import BatchRef, Training
from relevo_contract.version import Entry, Vocabulary
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.outcome import Outcome
from relevo_jobs.past import Past
from relevo_jobs.registry import Registry
from relevo_jobs.roll_backs import RollBacks
from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train.holdout import holdout_predictions, inputs_of, told
from relevo_jobs.use_case import Context, UseCase

if TYPE_CHECKING:
    from relevo_jobs.train.measuring import Made


Say = Callable[[str], None]
"""Tells whoever watches what is being done."""


def run(settings: TrainSettings, use_case: UseCase) -> Outcome:
    """Train the newest version asked for. Done also if one is registered that promote has not settled yet: a step that
    was killed after its registration says so when it is run again; or if promote is to give the alias back. Nothing to
    do otherwise.

    Raises StepError if the rows cannot carry a model, Unavailable if CLEAN, MLflow or a Dask cluster is away.
    """
    registry = Registry(settings.tracking_uri, settings.model or use_case.name)
    pending = registry.pending_training(settings.group)
    if pending is None:
        registered = registry.pending_promotion(settings.group)
        if registered is not None and (training := registered[1].training) is not None:
            return _done(registered[0], registered[1].batch.number, training, "registered already")
        due = RollBacks(settings.tracking_uri, settings.model or use_case.name).pending(settings.group)
        if due is not None:  # done, and not nothing to do, so that promote runs after it
            return Outcome.done("train", "nothing to train; the alias is to be given back", due[1].batch.number)
        return Outcome.nothing("train", "no training was asked for that is not registered already")
    run_id, record = pending
    batch = record.batch.number

    def say(what: str) -> None:
        print(f"train: batch {batch}: {what}", file=sys.stderr, flush=True)  # noqa: T201

    started, task = time.monotonic(), use_case.data.predicts
    store = CleanStore(settings.clean_url, settings.group, data=use_case.data)
    excluded = registry.excluded(settings.group)
    batches = tuple(ref for ref in store.batches() if ref.number <= batch and ref.number not in excluded)
    numbers = tuple(ref.number for ref in batches)
    use_case.least.expect(store.sides(batch, excluded))
    with tempfile.TemporaryDirectory(prefix="relevo-train-") as name:
        folder = Path(name)
        try:
            decided = [*registry.history(record.batch), record]
            stretch = Past.of((one.decision, one.promotion) for one in decided).stretch
            if settings.dask:
                made = on_workers(settings, use_case, batches, folder, say=say, stretch=stretch)
            else:
                made = here(settings, use_case, numbers, folder, say=say, stretch=stretch)
            counts, found = store.held_out(numbers), made.measured
            kept = holdout_predictions(counts, found.actual, found.predicted, found.identity)
            kept = kept.model_copy(update={"inputs": _inputs(store, use_case.data, counts)})
            (folder / names.HOLDOUT_FILE).write_text(kept.model_dump_json())
            if use_case.data.within:
                vocabulary = Vocabulary(within=store.within(numbers))
                (folder / names.VOCABULARY_FILE).write_text(vocabulary.model_dump_json())
        except OSError as error:
            raise Unavailable(
                f"expected room for a version's files (some 10 MB) in {tempfile.gettempdir()}, got: {error.strerror}; "
                "free some, or name another folder with TMPDIR, and run again: nothing was registered"
            ) from error
        training = Training(
            version=None,
            batches=numbers,
            rows=made.rows,
            seed=settings.seed,
            parameters=made.parameters,
            seconds=round(time.monotonic() - started, 3),
            onnx_difference=found.difference,
        )
        say("registering it")
        version = registry.register(run_id, folder, record.model_copy(update={"training": training}))
    return _done(
        run_id,
        batch,
        training.model_copy(update={"version": version}),
        f"{task.figure} on its {len(found.actual)} held-out rows {task.told(made.promised, use_case.data.unit)}",
    )


def _inputs(store: CleanStore, data: DataSet, counts: Mapping[int, int]) -> dict[str, tuple[Entry, ...]]:
    """What the newest held-out rows are of, read a batch at a time."""
    found: dict[str, tuple[Entry, ...]] = {}
    for batch, places in told(counts, len(data.inputs)).items():
        for name, values in inputs_of(data, store.columns([batch], holdout=True), places).items():
            found[name] = (*found.get(name, ()), *values)
    return found


def here(
    settings: TrainSettings, use_case: UseCase, batches: tuple[int, ...], folder: Path, *, say: Say, stretch: float
) -> Made:
    """Fit the use case's model to the batches' rows, in this process, and write the version into the folder."""
    import pandas as pd  # noqa: PLC0415  # heavy, and so is what writes; a step with nothing to do needs neither

    from relevo_jobs.train.fitting import fit  # noqa: PLC0415
    from relevo_jobs.train.measuring import Made  # noqa: PLC0415
    from relevo_jobs.train.writing import write  # noqa: PLC0415

    data = use_case.data
    store = CleanStore(settings.clean_url, settings.group, data=data)
    training, held_out = (store.columns(batches, holdout=held) for held in (False, True))
    rows, held = (len(side[data.target]) for side in (training, held_out))
    say(f"fitting {rows} rows of {len(batches)} batches, {held} held out")
    context = Context(data, settings.seed, settings.threads)
    x, y = pd.DataFrame(graph_inputs(data, training)), data.predicts.scaled(training[data.target])
    fitted = fit(x, y, context, use_case.options) if use_case.fit is None else use_case.fit(x, y, context)
    say("writing the version")
    identity = use_case.identity_of(held_out)
    measured, promised = write(
        folder,
        fitted,
        data,
        training,
        held_out=held_out,
        batches=batches,
        seed=settings.seed,
        identity=identity,
        options=use_case.options,
        stretch=stretch,
    )
    return Made(rows, measured, promised, dict(getattr(fitted, "parameters_", {})))


def on_workers(
    settings: TrainSettings, use_case: UseCase, batches: tuple[BatchRef, ...], folder: Path, *, say: Say, stretch: float
) -> Made:
    """The same on the workers of a Dask cluster, which read the rows themselves."""
    if use_case.fit is not None:
        raise SettingsError(
            f"RELEVO_DASK: the use case of {use_case.data.name} has a model of its own (fit), and a Dask cluster "
            "trains the default one alone: leave RELEVO_DASK away, or the use case's fit"
        )
    try:
        from relevo_jobs.train.on_dask import train  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"RELEVO_DASK is set: expected Dask to be installed, as it is in the image relevo/jobs, got: {error}; "
            "install relevo-jobs[dask], or leave RELEVO_DASK away"
        ) from error
    return train(folder, settings, use_case, batches, say=say, stretch=stretch)


def _done(run_id: str, batch: int, training: Training, more: str) -> Outcome:
    return Outcome.done(
        "train",
        f"version {training.version} trained on {training.rows} rows of {len(training.batches)} batches in "
        f"{training.seconds:.1f} s; {more}",
        batch,
        version=training.version,
        run_id=run_id,
        rows=training.rows,
        seconds=training.seconds,
        onnx_difference=training.onnx_difference,
    )
