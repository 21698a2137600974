"""XGBoost to ONNX: what serving runs."""

from __future__ import annotations

import xgboost


def to_onnx(booster: xgboost.Booster, features: int) -> bytes:
    """The booster as an ONNX graph: input `features` float32 (n, features), output `log_price` float32 (n, 1)."""
    from onnxmltools.convert import convert_xgboost  # noqa: PLC0415
    from onnxmltools.convert.common.data_types import FloatTensorType  # noqa: PLC0415

    from relevo_contract import names  # noqa: PLC0415

    nameless = booster.copy()
    nameless.feature_names = None  # the converter wants f0, f1, ...
    model = convert_xgboost(nameless, initial_types=[(names.ONNX_INPUT, FloatTensorType([None, features]))])
    (old,) = (output.name for output in model.graph.output)
    model.graph.output[0].name = names.ONNX_OUTPUT
    for node in model.graph.node:
        node.output[:] = [names.ONNX_OUTPUT if name == old else name for name in node.output]
    return bytes(model.SerializeToString())
