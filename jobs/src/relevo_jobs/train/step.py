"""`relevo-job train`: train and register the version that `decide` asked for.

Nothing is written before the registration, and that is made once for a run: killed anywhere, run again, it trains the
same model from the same rows and seed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from relevo_contract.record import Training
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry
from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanStore


def _say(what: str) -> None:
    print(f"train: {what}", file=sys.stderr, flush=True)  # noqa: T201


def run(settings: TrainSettings) -> Outcome:
    """Train the newest version asked for; nothing to do if every one asked for is registered.

    Raises StepError if the rows cannot carry a model, Unavailable if CLEAN or MLflow is away.
    """
    registry = Registry(settings.tracking_uri, settings.model)
    pending = registry.pending_training(settings.group)
    if pending is None:
        # Killed after registering: the step says done again, so that the version is judged.
        run_id, record = registry.pending_promotion(settings.group) or (None, None)
        if record is not None and record.training is not None:
            told = record.training.model_dump(include={"version", "rows", "seconds", "onnx_difference"})
            sentence = f"version {told['version']} is registered already and waits to be judged"
            return Outcome.done("train", sentence, record.batch.number, run_id=run_id, **told)
        return Outcome.nothing("train", "no training was asked for that is not registered already")
    run_id, record = pending
    batch = record.batch.number

    # Heavy, and not needed to find that there is nothing to do.
    from relevo_jobs.train import bundle, fitting  # noqa: PLC0415

    started = time.monotonic()
    store = CleanStore(settings.clean_url, settings.group)
    excluded = registry.excluded(settings.group)
    batches = tuple(ref.number for ref in store.batches() if ref.number <= batch and ref.number not in excluded)
    training = store.columns(batches, holdout=False)
    holdout = store.columns(batches, holdout=True)
    rows = len(training["price"])
    _say(f"batch {batch}: {rows} rows of {len(batches)} batches, {len(holdout['price'])} held out")
    fitted = fitting.fit(training, seed=settings.seed, threads=settings.threads)
    with tempfile.TemporaryDirectory(prefix="relevo-train-") as name:
        folder = Path(name)
        _say("writing the version's files")
        written = bundle.write(folder, fitted, training, holdout_columns=holdout, batches=batches, seed=settings.seed)
        seconds = time.monotonic() - started
        trained = Training(
            version=None,
            batches=batches,
            rows=rows,
            seed=settings.seed,
            parameters=fitted.parameters,
            seconds=seconds,
            onnx_difference=written.onnx_difference,
        )
        _say("registering it")
        version = registry.register(run_id, folder, record.model_copy(update={"training": trained}))
    promised = written.promised
    return Outcome.done(
        "train",
        f"version {version} trained on {rows} rows of {len(batches)} batches in {seconds:.1f} s; median error on its "
        f"{len(holdout['price'])} held-out rows {promised.value:.1%} ({promised.low:.1%} to {promised.high:.1%})",
        batch,
        version=version,
        run_id=run_id,
        rows=rows,
        seconds=round(seconds, 3),
        onnx_difference=written.onnx_difference,
    )
