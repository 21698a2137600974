"""One training as a process of its own, without MLflow: `python -m benchmarks.dask.once`, its settings as a step's.

Prints a line of JSON: seconds, the process's largest memory in bytes, the rows trained on, the median error on the
held-out ones.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train import step
from tests.houses import HOUSES, LISTINGS
from tests.jobs.train.on_dask.many_listings import GROUP


def main() -> None:
    """Train once."""
    settings = TrainSettings(
        group=GROUP,
        clean_url=os.environ["RELEVO_CLEAN_URL"],
        tracking_uri="http://nowhere.example",
        threads=int(os.environ.get("RELEVO_THREADS", "0")),
        dask=os.environ.get("RELEVO_DASK", ""),
    )
    say = partial(print, file=sys.stderr)
    batches = tuple(CleanStore(settings.clean_url, GROUP, LISTINGS).batches())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if settings.dask:
            made = step.on_workers(settings, HOUSES, batches, folder, say=say, stretch=1.0)
        else:
            made = step.here(settings, HOUSES, tuple(batch.number for batch in batches), folder, say=say, stretch=1.0)
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - began,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "rows": made.rows,
                "error": made.promised.value,
                "rounds": made.parameters["rounds"],
            }
        )
    )


if __name__ == "__main__":
    main()
