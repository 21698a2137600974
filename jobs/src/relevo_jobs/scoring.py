"""Score rows with a version's graph, as serving does: ONNX Runtime, no XGBoost, no MLflow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relevo_contract import data_set, names
from relevo_contract.data_set import Columns
from relevo_contract.graph_inputs import Feeds, graph_inputs
from relevo_jobs.errors import StepError
from relevo_jobs.rereading import reread


class Scorer:
    """A model version, loaded from its `FILES`, or a folder that holds them. Raises StepError if they are none."""

    FILES = (names.ONNX_FILE, names.DATA_SET_FILE)

    def __init__(self, files: Path | Mapping[str, bytes]) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its makers otherwise
        import onnxruntime  # noqa: PLC0415  # half a second: only who scores pays it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # a broken file is told by the exception, once
        try:
            # From bytes: a graph in a file may name other files beside it.
            read = {name: (files / name).read_bytes() for name in self.FILES} if isinstance(files, Path) else files
            self.data = data_set.from_json(read[names.DATA_SET_FILE])
            graph = read[names.ONNX_FILE]
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise StepError(
                f"expected {names.ONNX_FILE} and {names.DATA_SET_FILE} of a version, got: {first}"
            ) from error

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """The target of each of n >= 0 rows on its task's scale, (n,)."""
        return self.data.predicts.scaled(self.answer(columns))

    def answer(self, columns: Columns) -> NDArray[np.float64]:
        """The target in its unit, (n,).

        A column that the version learnt and the table no longer has is empty: so it is asked from now on, and so it is
        judged. One that is of another type by now is read as the version does.
        """
        rows = len(next(iter(columns.values())))
        gone = {name: np.full(rows, None) for name in self.data.inputs if name not in columns}
        return self.run(graph_inputs(self.data, {**reread(self.data, columns), **gone}))

    def run(self, feeds: Feeds) -> NDArray[np.float64]:
        """The same of rows as the graph takes them."""
        if not len(next(iter(feeds.values()))):
            return np.empty(0)
        return np.asarray(self._session.run([self.data.target], feeds)[0], dtype=np.float64)
