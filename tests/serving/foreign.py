"""MLflow models that Relevo did not train, logged as anybody logs them."""

from __future__ import annotations

import os
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from onnx import ModelProto, TensorProto, helper

Input = tuple[str, int, list[int | None]]
"""Name, ONNX type, shape."""


def graph(
    inputs: list[Input], nodes: list[Any], output: Input, constants: dict[str, Any] | None = None, **more: Any
) -> ModelProto:
    """A graph of nodes."""
    made = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*output)],
        [
            helper.make_tensor(name, TensorProto.INT64 if isinstance(value, int) else TensorProto.FLOAT, [1], [value])
            for name, value in (constants or {}).items()
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3), *more.get("opsets", [])]
    return helper.make_model(made, opset_imports=opsets, ir_version=9, functions=more.get("functions", []))


def save(folder: Path, model: ModelProto, example: Any = None, signature: Any = None, **given: Any) -> Path:
    """Save a model by MLflow's own onnx flavor; its signature is the example's unless it is given."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow.onnx  # noqa: PLC0415  # after the switch above
    from mlflow.models import infer_signature  # noqa: PLC0415

    if signature is None and example is not None:
        signature = infer_signature(example)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.onnx.save_model(model, folder, signature=signature, input_example=example, pip_requirements=[], **given)
    return folder


ODD_NAMES = ("date", "class", "from", "House Size", "model_x", "body", "größe", "column_0")


def odd_names(folder: Path) -> Path:
    """The sum of columns whose names are Python's words, have spaces, or look like a field's."""
    columns: list[Input] = [(name, TensorProto.FLOAT, [None]) for name in ODD_NAMES]
    model = graph(columns, [helper.make_node("Sum", list(ODD_NAMES), ["sum"])], ("sum", TensorProto.FLOAT, [None]))
    return save(folder, model, pd.DataFrame({name: [1.0, float(place)] for place, name in enumerate(ODD_NAMES)}))


def matrix(folder: Path, *, named: bool) -> Path:
    """A linear model of one tensor (n, 2), of named columns or of none."""
    model = graph(
        [("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_node(
            "LinearRegressor", ["X"], ["y"], domain="ai.onnx.ml", coefficients=[2.0, -1.0], intercepts=[5.0]
        )],
        ("y", TensorProto.FLOAT, [None, 1]),
    )  # fmt: skip
    values = np.array([[1, 2], [3, 4]], dtype=np.float32)
    return save(folder, model, pd.DataFrame(values.astype(float), columns=["a", "b"]) if named else values)


def labels(folder: Path) -> Path:
    """From a text and a whole number to a text."""
    model = graph(
        [("color", TensorProto.STRING, [None]), ("count", TensorProto.INT64, [None])],
        [
            helper.make_node("LabelEncoder", ["count"], ["size"], domain="ai.onnx.ml",
                             keys_int64s=[1, 2], values_strings=["small", "large"], default_string="huge"),
            helper.make_node("StringConcat", ["size", "color"], ["label"]),
        ],
        ("label", TensorProto.STRING, [None]),
        opsets=[helper.make_opsetid("", 20)],
    )  # fmt: skip
    del model.opset_import[0]
    return save(folder, model, pd.DataFrame({"color": ["red", "blue"], "count": [1, 7]}))


def growing(folder: Path, times: int) -> Path:
    """A file of some hundred bytes whose graph doubles its input so many times on its way to an answer."""
    names = ["x", *(f"twice_{number}" for number in range(times))]
    doubled = [helper.make_node("Concat", [before, before], [after], axis=0) for before, after in pairwise(names)]
    reduced = [
        helper.make_node("ReduceMean", [names[-1]], ["mean"], keepdims=1),
        helper.make_node("Add", ["x", "mean"], ["y"]),
    ]
    model = graph([("x", TensorProto.FLOAT, [None])], doubled + reduced, ("y", TensorProto.FLOAT, [None]))
    return save(folder, model, pd.DataFrame({"x": [1.0, 2.0]}))
