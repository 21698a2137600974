"""Score houses with a version's files, as serving does: the encoder and ONNX Runtime; no XGBoost, no MLflow."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.encoder import Encoder


class Scorer:
    """A model version, loaded from a folder that holds `encoder.json` and `model.onnx`."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its makers otherwise
        import onnxruntime  # noqa: PLC0415  # half a second: only who scores pays it

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.encoder = Encoder.model_validate_json((folder / names.ENCODER_FILE).read_bytes())
        self._session = onnxruntime.InferenceSession(
            folder / names.ONNX_FILE, options, providers=["CPUExecutionProvider"]
        )

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """Natural logarithm of the price in US dollars, (n,)."""
        return self.predict_features(self.encoder.transform(columns))

    def predict_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The same of houses that are encoded already, (n, features); (n,)."""
        if not len(features):
            return np.empty(0)
        (output,) = self._session.run([names.ONNX_OUTPUT], {names.ONNX_INPUT: features})
        return np.asarray(output, dtype=np.float64).ravel()
