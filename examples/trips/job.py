"""`python -m examples.trips.job STEP`: Relevo's steps, told of the trips."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import numpy as np

from examples.trips import model
from examples.trips.cleaning import clean
from examples.trips.data import MODEL, TRIPS
from relevo_contract import names
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.profiling import build_profile
from relevo_jobs import cli
from relevo_jobs.use_case import Lesson, Trained, UseCase


def train(folder: Path, lesson: Lesson) -> Trained:
    """Fit a model, measure it on the held-out rows, and write a version's files."""
    fitted = model.TripModel.fit(lesson.rows)
    predicted = fitted.predict(lesson.held_out)
    promised = median_error(percentage_errors(np.log(lesson.held_out[TRIPS.target]), predicted))
    profile = build_profile(TRIPS, lesson.rows, lesson.batches, promised)
    (folder / names.PROFILE_FILE).write_text(profile.model_dump_json())
    model.save(folder, fitted, dict(lesson.held_out))
    return Trained(predicted, promised, {"ridge": model.RIDGE})


TRIP_MINUTES: Final = UseCase(TRIPS, clean, train, model.load, (model.MODEL_FILE,))

if __name__ == "__main__":
    os.environ.setdefault("RELEVO_MODEL", MODEL)
    sys.exit(cli.main(use_case=TRIP_MINUTES))
