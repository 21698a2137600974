"""Versions to serve: trained by relevo_jobs on drawn listings, registered in a real MLflow."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.version import Vocabulary
from relevo_jobs.train.fitting import fit
from relevo_jobs.train.holdout import holdout_predictions, inputs_of
from relevo_jobs.train.writing import write
from relevo_jobs.use_case import Context
from tests.houses import LISTINGS, OPTIONS

PLACES = (
    ("Puerto Rico", "Adjuntas", "00601", 11.2),
    ("Puerto Rico", "San Juan", "00907", 12.3),
    ("Massachusetts", "Boston", "02108", 13.4),
    ("Connecticut", "Hartford", "06103", 12.5),
)


def draw_listings(rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Listings with every kind of gap; the price follows place and size."""
    draw = np.random.default_rng(seed)
    place = draw.integers(0, len(PLACES), rows)
    size = draw.lognormal(7.3, 0.4, rows)
    table: dict[str, NDArray[Any]] = {
        "bed": draw.integers(1, 7, rows).astype(float),
        "bath": draw.integers(1, 5, rows).astype(float),
        "acre_lot": draw.lognormal(-1.5, 1, rows),
        "house_size": size,
        "prev_sold_date": np.datetime64("2010-01-01", "D") + draw.integers(0, 4000, rows),
        "price": np.exp(
            np.array([PLACES[p][3] for p in place]) + 0.8 * np.log(size / 1500) + draw.normal(0, 0.2, rows)
        ),
    }
    for name, values in {
        "state": [PLACES[p][0] for p in place],
        "city": [PLACES[p][1] for p in place],
        "zip_code": [PLACES[p][2] for p in place],
        "status": ["for_sale"] * rows,
        "brokered_by": [str(b) for b in draw.integers(1, 30, rows)],
        "street": [str(s) for s in draw.integers(1, 10_000, rows)],
    }.items():
        table[name] = np.array(values, dtype=object)
        table[name][draw.random(rows) < 0.1] = None
    for name in ("bed", "bath", "acre_lot", "house_size"):
        table[name][draw.random(rows) < 0.2] = np.nan
    table["prev_sold_date"][draw.random(rows) < 0.5] = np.datetime64("NaT")
    return table


@cache
def trained() -> tuple[Path, Path]:
    """Two versions' folders, of different data; trained once a run and deleted at its end."""
    above = Path(tempfile.mkdtemp(prefix="relevo-tests-"))
    atexit.register(shutil.rmtree, above, ignore_errors=True)
    for seed in (1, 2):
        columns = draw_listings(500, seed)
        frame = pd.DataFrame(graph_inputs(LISTINGS, columns))
        fitted = fit(frame, np.log(columns["price"]), Context(LISTINGS, seed, 2), OPTIONS)
        (above / str(seed)).mkdir()
        held_out = draw_listings(200, 100)  # the same for both, as rows of one batch are
        measured, _ = write(above / str(seed), fitted, LISTINGS, columns, held_out=held_out, batches=(1,), seed=seed)
        kept = holdout_predictions({1: 200}, measured.actual, measured.predicted)
        kept = kept.model_copy(update={"inputs": inputs_of(LISTINGS, held_out, np.arange(200))})
        (above / str(seed) / names.HOLDOUT_FILE).write_text(kept.model_dump_json())
        within: dict[str, dict[str, tuple[str, ...]]] = {"city": {}, "zip_code": {}}
        for state, city, code, _ in PLACES[1:]:
            within["city"][state.lower()], within["zip_code"][state.lower()] = (city.lower(),), (code,)
        (above / str(seed) / names.VOCABULARY_FILE).write_text(Vocabulary(within=within).model_dump_json())
    return above / "1", above / "2"


@dataclass
class Versions:
    """A registered model of one test's own."""

    tracking_uri: str
    model: str
    runs: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  # after the switch above, which it reads at import

        self.client = MlflowClient(self.tracking_uri, self.tracking_uri)
        self.experiment = self.client.create_experiment(self.model)
        self.client.create_registered_model(self.model)

    def register(self, folder: Path) -> int:
        run = self.client.create_run(self.experiment)
        self.client.log_artifacts(run.info.run_id, str(folder), names.MODEL_FOLDER)
        source = f"{run.info.artifact_uri}/{names.MODEL_FOLDER}"
        manifest = folder / names.MANIFEST_FILE  # a version that Relevo did not train has none
        tags = {names.TAG_MANIFEST: hashlib.sha256(manifest.read_bytes()).hexdigest()} if manifest.is_file() else {}
        version = int(self.client.create_model_version(self.model, source, run.info.run_id, tags).version)
        self.runs[version] = run.info.run_id
        return version

    def register_broken(self, folder: Path) -> int:
        """A version whose model is cut off in the middle."""
        with tempfile.TemporaryDirectory(prefix="relevo-tests-") as cut:
            copy = shutil.copytree(folder, Path(cut) / "version")
            model = copy / names.ONNX_FILE
            model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
            return self.register(copy)

    def register_empty(self) -> int:
        """A version without files, where nobody will load it."""
        run = self.client.create_run(self.experiment)
        return int(self.client.create_model_version(self.model, str(run.info.artifact_uri), run.info.run_id).version)

    def tags(self, version: int) -> dict[str, str]:
        return dict(self.client.get_model_version(self.model, str(version)).tags)

    def promote(self, version: int) -> None:
        self.client.set_registered_model_alias(self.model, names.ALIAS, str(version))
