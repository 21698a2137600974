"""The use case that ships: house prices."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from relevo_contract import names
from relevo_contract.listing import LISTINGS
from relevo_jobs.clean.rules import clean_rows
from relevo_jobs.errors import SettingsError
from relevo_jobs.use_case import Lesson, Scorer, SharedLesson, Trained, TrainedVersion, UseCase


def _train(folder: Path, lesson: Lesson) -> Trained:
    from relevo_jobs.train import bundle, fitting  # noqa: PLC0415  # heavy, and of this step alone

    fitted = fitting.fit(lesson.rows, seed=lesson.seed, threads=lesson.threads)
    written = bundle.write(
        folder, fitted, lesson.rows, holdout_columns=lesson.held_out, batches=lesson.batches, seed=lesson.seed
    )
    return Trained(written.predicted, written.promised, fitted.parameters, written.onnx_difference)


def _train_together(folder: Path, lesson: SharedLesson) -> TrainedVersion:
    try:
        from relevo_jobs.train.partitioned import training  # noqa: PLC0415  # heavy, and Dask may not be installed
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"RELEVO_DASK is set: expected Dask to be installed, got: {error}; use the relevo/jobs image, or install "
            "relevo-jobs[dask]"
        ) from error
    return training.train(folder, lesson)


def _load(folder: Path) -> Scorer:
    from relevo_jobs.scoring import Scorer as Onnx  # noqa: PLC0415  # collect and clean score nothing

    return Onnx(folder)


HOUSES: Final = UseCase(
    LISTINGS, clean_rows, _train, _load, (names.ENCODER_FILE, names.ONNX_FILE), train_together=_train_together
)
