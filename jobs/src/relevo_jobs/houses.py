"""The use case that ships: house prices."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.identity import Identity
from relevo_contract.listing import CATEGORICAL, LISTINGS, NUMERIC
from relevo_jobs.clean import rules
from relevo_jobs.clean.rules import clean_rows
from relevo_jobs.errors import SettingsError
from relevo_jobs.use_case import Lesson, Scorer, SharedLesson, Trained, TrainedVersion, UseCase


def identity(columns: Columns) -> Identity:
    """Which rows are of one house, by what holds them out; (n,)."""
    told = (*CATEGORICAL, *NUMERIC)
    rows = zip(*(columns[name].tolist() for name in told), strict=True)
    return np.array([rules.identity(dict(zip(told, map(_or_none, row), strict=True))) for row in rows], dtype=np.uint64)


def _or_none(value: str | float | None) -> str | float | None:
    return None if isinstance(value, float) and np.isnan(value) else value


def _train(folder: Path, lesson: Lesson) -> Trained:
    from relevo_jobs.train import bundle, fitting  # noqa: PLC0415  # heavy, and of this step alone

    fitted = fitting.fit(lesson.rows, seed=lesson.seed, threads=lesson.threads)
    written = bundle.write(
        folder,
        fitted,
        lesson.rows,
        holdout_columns=lesson.held_out,
        batches=lesson.batches,
        seed=lesson.seed,
        identity=lesson.identity,
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
    LISTINGS,
    clean_rows,
    _train,
    _load,
    (names.ENCODER_FILE, names.ONNX_FILE),
    train_together=_train_together,
    identity=identity,
)
