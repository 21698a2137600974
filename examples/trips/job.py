"""`python -m examples.trips.job STEP`: Relevo's steps, told of the trips."""

from __future__ import annotations

import os
import sys
from typing import Final

from examples.trips.cleaning import clean
from examples.trips.data import MODEL, TRIPS
from relevo_jobs import cli
from relevo_jobs.use_case import UseCase

TRIP_MINUTES: Final = UseCase(TRIPS, clean)

if __name__ == "__main__":
    os.environ.setdefault("RELEVO_MODEL", MODEL)
    sys.exit(cli.main(use_case=TRIP_MINUTES))
