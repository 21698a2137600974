"""A history of hundreds of batches in MLflow, written by its API: what a search finds of each is as the steps leave it,
the files of all but the newest are left out.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric

from relevo_contract import names
from relevo_contract.record import Criterion, DecisionRecord, TrainReason
from relevo_jobs.registry import Registry, _decision_figures, _promotion_figures, _training_figures
from tests.ui import judgement, story

WRITERS = 4


def _record(number: int, every: int) -> DecisionRecord:
    """Every so manieth batch trained, every second of these promoted."""
    version = 1 + number // every
    sentence = (
        "house_size (0.21, noise 0.05), city (0.33, noise 0.06) and 3 more moved, not enough to train: "
        f"version {version} errs by 24.0 % (22.0 to 26.0) here, promised 24.0 % (22.0 to 26.0), and 1,200 rows wait "
        "untrained beside 9,000 trained on"
    )
    trains = number % every == 0
    error = judgement.error(0.25 if number % 9 else 0.36)
    reason = TrainReason.DRIFT if trains else TrainReason.QUIET
    record = story.decided(number, reason, sentence, moved=("city", "house_size"), champion=version, error=error)
    before = judgement.previous(version - 1, story.near(0.01, 0.02), number) if version > 1 else None
    weighed = record.decision.model_copy(update={"expected": judgement.EXPECTED, "previous": before})
    record = record.model_copy(update={"decision": weighed})
    record = record.model_copy(update={"origin": {"Massachusetts": 900, "Vermont": 570}, "rejected": {"duplicate": 30}})
    if not trains:
        return record
    criterion = Criterion.BETTER if number // every % 2 else Criterion.NOT_BETTER
    return judgement.promoted(record, number // every, criterion=criterion)


def write(mlflow_url: str, model: str, bundle: Path, *, batches: int = 200, versions: int = 50) -> None:
    """As many batches, of which as many were trained; the newest whole, with its files, and in production."""
    client = MlflowClient(mlflow_url, mlflow_url)
    experiment = client.create_experiment(model)
    client.create_registered_model(model)
    every = batches // versions

    def one(number: int) -> None:
        record = _record(number, every)
        tags = {
            names.TAG_GROUP: str(story.GROUP),
            names.TAG_BATCH: str(number),
            names.TAG_BATCH_SHA256: record.batch.sha256,
            names.TAG_TRAIN: "true" if record.decision.train else "false",
            names.TAG_WHY: record.decision.sentence,
            names.TAG_REASON: record.decision.reason.value,
            names.TAG_OUTLINE: record.outline().model_dump_json(),
        }
        figures = _decision_figures(record)
        if record.promotion is not None and record.training is not None:
            figures |= _training_figures(record.training) | _promotion_figures(record.promotion)
            tags[names.TAG_OUTCOME] = "promoted" if record.promotion.promoted else "rejected"
            tags[names.TAG_VERSION] = str(record.promotion.challenger_version)
        else:
            tags[names.TAG_OUTCOME] = names.OUTCOME_KEPT
        run = client.create_run(experiment, run_name=f"batch {number}", tags=tags).info
        client.log_batch(run.run_id, [Metric(key, float(v), number, number) for key, v in figures.items()])
        if record.promotion is not None:
            told = {names.TAG_OUTCOME: tags[names.TAG_OUTCOME], names.TAG_WHY: record.decision.sentence}
            told[names.TAG_BATCHES_SEEN] = json.dumps(list(range(1, number + 1)))
            source = f"{run.artifact_uri}/{names.MODEL_FOLDER}"
            client.create_model_version(model, source, run.run_id, told, await_creation_for=0)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(one, range(1, batches)))
    later = {"training": None, "promotion": None, "champion_version": versions - 1}
    newest = _record(batches, 1).model_copy(update=later)
    story.save(Registry(mlflow_url, model), newest, bundle, Criterion.BETTER, "The newest is better.")
