"""`relevo-job train`: train and register the version that `decide` asked for.

Nothing is written before the registration, and that is made once for a run: killed anywhere, run again, it trains the
same model from the same rows and seed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from relevo_contract import names
from relevo_contract.record import BatchRef, Training
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.houses import HOUSES
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry
from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train.holdout import holdout_predictions
from relevo_jobs.use_case import Lesson, SharedLesson, TrainedVersion, UseCase
from relevo_jobs.wording import estimate


def run(settings: TrainSettings, use_case: UseCase = HOUSES) -> Outcome:
    """Train the newest version asked for. Done also if one is registered that promote has not settled yet: a step that
    was killed after its registration says so when it is run again. Nothing to do otherwise.

    Raises StepError if the rows cannot carry a model, Unavailable if CLEAN, MLflow or a Dask cluster is away.
    """
    registry = Registry(settings.tracking_uri, settings.model)
    pending = registry.pending_training(settings.group)
    if pending is None:
        registered = registry.pending_promotion(settings.group)
        if registered is not None and (training := registered[1].training) is not None:
            return _done(registered[0], registered[1].batch.number, training, "registered already")
        return Outcome.nothing("train", "no training was asked for that is not registered already")
    run_id, record = pending
    batch = record.batch.number

    def say(what: str) -> None:
        print(f"train: batch {batch}: {what}", file=sys.stderr, flush=True)  # noqa: T201

    started = time.monotonic()
    store = CleanStore(settings.clean_url, settings.group, data=use_case.data)
    excluded = registry.excluded(settings.group)
    batches = tuple(ref for ref in store.batches() if ref.number <= batch and ref.number not in excluded)
    numbers = tuple(ref.number for ref in batches)
    use_case.needs.expect(store.sides(batch, excluded))
    with tempfile.TemporaryDirectory(prefix="relevo-train-") as name:
        folder = Path(name)
        try:
            made = (on_workers if settings.dask else here)(settings, use_case, batches, folder, say)
            trained, held_out = made.trained, len(made.actual)
            use_case.expect_whole(folder, trained, held_out)
            counts = store.held_out(numbers)
            kept = holdout_predictions(counts, made.actual, trained.predicted, made.identity)
            (folder / names.HOLDOUT_FILE).write_text(kept.model_dump_json())
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
            parameters=dict(trained.parameters),
            seconds=round(time.monotonic() - started, 3),
            onnx_difference=trained.onnx_difference,
        )
        say("registering it")
        version = registry.register(run_id, folder, record.model_copy(update={"training": training}))
    return _done(
        run_id,
        batch,
        training.model_copy(update={"version": version}),
        f"median error on its {held_out} held-out rows {estimate(trained.promised)}",
    )


def here(
    settings: TrainSettings, use_case: UseCase, batches: tuple[BatchRef, ...], folder: Path, say: Callable[[str], None]
) -> TrainedVersion:
    """Train in this process."""
    store = CleanStore(settings.clean_url, settings.group, data=use_case.data)
    numbers = tuple(ref.number for ref in batches)
    training_rows = store.columns(numbers, holdout=False)
    holdout = store.columns(numbers, holdout=True)
    actual = np.log(holdout[use_case.data.target])
    rows = len(training_rows[use_case.data.target])
    say(f"fitting {rows} rows of {len(numbers)} batches, {len(actual)} held out")
    identity = use_case.identity_of(holdout)
    lesson = Lesson(training_rows, holdout, numbers, settings.seed, settings.threads, identity)
    return TrainedVersion(rows, actual, use_case.train(folder, lesson), identity)


def on_workers(
    settings: TrainSettings, use_case: UseCase, batches: tuple[BatchRef, ...], folder: Path, say: Callable[[str], None]
) -> TrainedVersion:
    """The same on the workers of a Dask cluster, which read the rows themselves."""
    if use_case.train_together is None:
        raise SettingsError(
            f"RELEVO_DASK: the use case of {use_case.data.name} has no train_together, so that no Dask cluster can "
            "train it: leave RELEVO_DASK away, or give it one (docs/your-own.md)"
        )
    lesson = SharedLesson(settings.dask, settings.group, batches, settings.seed, settings.threads, say)
    return use_case.train_together(folder, lesson)


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
