"""Write a version: an MLflow model whose graph takes the raw columns, and what Relevo's parts need beside it."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel

from relevo_contract import data_set, names
from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import entries, graph_inputs
from relevo_contract.identity import Identity, copies
from relevo_contract.profile import ColumnProfile, LearningCurve, Profile
from relevo_contract.profiling import column_profiles
from relevo_contract.record import Estimate
from relevo_contract.version import Example, Manifest, ManifestEntry, SelfTest
from relevo_jobs.errors import StepError
from relevo_jobs.scoring import Scorer
from relevo_jobs.train import explaining
from relevo_jobs.train.converting import to_graph
from relevo_jobs.train.holdout import residuals_of
from relevo_jobs.train.learning import curve
from relevo_jobs.train.measuring import Measured, compared, take
from relevo_jobs.use_case import ModelOptions

SELF_TEST_ROWS: Final = 12
LARGEST_DIFFERENCE: Final = 1e-3
"""Between the graph and the pipeline, as a share of the task's spread."""
SINGLE: Final = 1e-5
"""The same as a share of the largest target: the graph computes in float32."""
REQUIREMENTS: Final = [f"onnxruntime=={version('onnxruntime')}", f"onnx=={version('onnx')}", "pandas<3"]
"""Of who loads a version by MLflow, beside MLflow itself; ONNX Runtime takes no texts of pandas 3's own kind."""


def write(
    folder: Path,
    fitted: Any,
    data: DataSet,
    rows: Columns,
    *,
    held_out: Columns,
    batches: Sequence[int],
    seed: int,
    identity: Identity | None = None,
    options: ModelOptions | None = None,
    stretch: float = 1.0,
) -> tuple[Measured, Estimate]:
    """Write every file of the version into an empty folder; what it says of the rows, and the error it promises.

    `fitted` is an estimator of the task from a DataFrame of `graph_inputs` (`to_graph`); `held_out` (with the target)
    are rows it was not trained on, at least one: promise and residuals come of them; `identity` says which of them are
    of one thing. Prediction intervals are as many times as wide as `stretch`
    says (`relevo_jobs.past`). Raises StepError if it cannot be converted, or the graph and it disagree.
    """
    scorer = write_graph(folder, fitted, data, held_out)
    (_, known), (predicted, new) = (compared(fitted, scorer, table) for table in (rows, held_out))
    difference = float(np.max([known, new]))
    actual = data.predicts.scaled(held_out[data.target])
    measured = Measured(difference, actual, predicted, identity, held_out, rows)
    counted = len(rows[data.target]), column_profiles(data, rows)
    learning = curve(rows, held_out, data, options or ModelOptions(), seed=seed, identity=identity)
    files = write_files(
        folder, scorer, measured, *counted, batches=batches, seed=seed, learning=learning, stretch=stretch
    )
    return measured, files


def write_graph(folder: Path, fitted: Any, data: DataSet, example: Columns) -> Scorer:
    """Write the model itself, and load it; the first row of `example` is its input example."""
    _write_model(folder, to_graph(fitted, data), graph_inputs(data, take(example, np.arange(1))), data)
    (folder / "relevo").mkdir()
    (folder / names.DATA_SET_FILE).write_bytes(data_set.to_json(data))
    return Scorer(folder)


def write_files(
    folder: Path,
    scorer: Scorer,
    measured: Measured,
    rows: int,
    columns: Mapping[str, ColumnProfile],
    *,
    batches: Sequence[int],
    seed: int,
    learning: LearningCurve | None = None,
    stretch: float = 1.0,
) -> Estimate:
    """Write what belongs to a graph that is in the folder and was trained on so many rows with these columns.

    Returns the headline it promises. At least one row was held out. Raises StepError if the graph and the fitted model
    disagree.
    """
    task, actual, predicted, identity = scorer.data.predicts, measured.actual, measured.predicted, measured.identity
    allowed = max(LARGEST_DIFFERENCE * task.spread(actual), SINGLE * float(np.abs(actual).max()))
    if not measured.difference <= allowed:
        raise StepError(
            f"expected the graph and the fitted model to agree within {allowed:.3g}, they differ by "
            f"{measured.difference:.3g}: an estimator's converter does not fit it; use another, or the locked packages"
        )
    promised = task.headline(actual, predicted, identity)
    explained = take(measured.held_out, explaining.chosen(len(measured.held_out[scorer.data.target]), seed))
    answers = scorer.answer(explained)
    typical = explaining.typical(measured.sample, scorer, seed)
    shapley = explaining.explain(scorer, typical, explained)
    tested = [
        Example(inputs=entries(explained, scorer.data.inputs, row), prediction=float(answers[row]))
        for row in _spread(answers)
    ]
    served: dict[str, BaseModel] = {
        names.PROFILE_FILE: Profile(
            rows=rows,
            batches=tuple(batches),
            columns=columns,
            promised=promised,
            copies=copies(identity),
            learning=learning,
        ),
        names.SELF_TEST_FILE: SelfTest(examples=tuple(tested)),
        names.TYPICAL_FILE: typical,
        names.RESIDUALS_FILE: residuals_of(actual, predicted, identity, stretch),
    }
    for name, content in (served | {names.SHAPLEY_FILE: shapley}).items():
        (folder / name).write_text(content.model_dump_json())
    explaining.draw(shapley, folder)
    digests = {}
    for name in (names.MLMODEL_FILE, names.ONNX_FILE, names.DATA_SET_FILE, *served):
        body = (folder / name).read_bytes()
        digests[name] = ManifestEntry(size=len(body), sha256=hashlib.sha256(body).hexdigest())
    (folder / names.MANIFEST_FILE).write_text(Manifest(files=digests).model_dump_json(indent=1))
    return promised


def _write_model(folder: Path, graph: bytes, example: dict[str, Any], data: DataSet) -> None:
    """Write the graph as MLflow's onnx flavor does: any client of MLflow loads it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it looks for a pip that images do not have
    import mlflow.onnx  # noqa: PLC0415  # seconds of imports, of this step alone
    import onnx  # noqa: PLC0415
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, Schema  # noqa: PLC0415

    signature = ModelSignature(
        Schema([ColSpec("string" if name in data.categorical else "double", name) for name in data.inputs]),
        Schema([ColSpec("double", data.target)]),
    )
    frame = pd.DataFrame({n: v if v.dtype == object else v.astype(np.float64) for n, v in example.items()})
    mlflow.onnx.save_model(
        onnx.load_model_from_string(graph),
        folder,
        pip_requirements=REQUIREMENTS,
        signature=signature,
        input_example=frame,
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )


def _spread(predicted: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rows whose predictions, (n,), span their range, in that order."""
    order = np.argsort(predicted, kind="stable")
    return np.asarray(order[np.unique(np.linspace(0, len(order) - 1, SELF_TEST_ROWS).astype(int))], dtype=np.int64)
