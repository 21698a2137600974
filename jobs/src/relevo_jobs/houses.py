"""The use case that ships: house prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from relevo_contract import names
from relevo_contract.listing import DATES, LISTINGS, TARGET
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.clean.rules import Listing, clean_rows
from relevo_jobs.errors import SettingsError
from relevo_jobs.use_case import Lesson, Scorer, SharedLesson, Trained, TrainedVersion, UseCase


def _kept(listing: Listing) -> Kept:
    values = {**listing.numbers, TARGET: listing.price, **listing.texts, DATES[0]: listing.prev_sold_date}
    return Kept(values, listing.holdout, listing.blanked)


def _clean(rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
    return (_kept(fate) if isinstance(fate, Listing) else fate for fate in clean_rows(rows))


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


HOUSES: Final = UseCase(LISTINGS, _clean, _train, _load, (names.ENCODER_FILE, names.ONNX_FILE), _train_together)
