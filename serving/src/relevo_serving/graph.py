"""A version's graph: checked before it runs, then run by ONNX Runtime on columns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract import graph_check, names
from relevo_contract.graph_inputs import Feeds
from relevo_contract.texts import line, shown
from relevo_serving.errors import BrokenVersion, GraphFailed
from relevo_serving.mlflow_model import Column

_TYPES: Final[dict[str, type]] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_, "tensor(string)": np.object_,
}  # fmt: skip


class Graph:
    """A graph that takes these columns and gives one prediction a row. `run` may be called from many threads."""

    def __init__(self, body: bytes, columns: Sequence[Column], output: str | None) -> None:
        """Load a graph; `output` is the signature's name of what it predicts. Raises BrokenVersion."""
        self._session = _session(body)
        self.names: Final = [column.name for column in columns]
        inputs = {one.name: one for one in self._session.get_inputs()}
        outputs = {one.name: one for one in self._session.get_outputs()}
        self.output = output if output is not None and output in outputs else next(iter(outputs))
        """What the graph calls its prediction."""
        predicted = outputs[self.output]
        self.dtype: np.dtype[Any] = np.dtype(_dtype(predicted))
        width = predicted.shape[1] if len(predicted.shape) > 1 else 1
        self.width = width if isinstance(width, int) else -1
        """Values of a prediction; -1: as many as there are."""
        self._matrix = next(iter(inputs)) if len(inputs) == 1 and set(inputs) != set(self.names) else None
        """The input that takes all columns as one tensor, if there is one."""
        shapes = [one.shape for one in inputs.values()]
        if self._matrix:
            self._dtypes = dict.fromkeys(self.names, _dtype(inputs[self._matrix]))
            fits = len(shapes[0]) == 2 and (shapes[0][1] == len(columns) or not isinstance(shapes[0][1], int))
        else:
            self._dtypes = {name: _dtype(one) for name, one in inputs.items()}
            fits = set(inputs) == set(self.names) and all(len(one) == 1 or one[1:] == [1] for one in shapes)
        if not fits:
            taken = ", ".join(f"{shown(name)} {one.shape}" for name, one in list(inputs.items())[:20])
            columns_told = ", ".join(map(shown, self.names[:20])) + (" and others" if len(columns) > 20 else "")
            raise BrokenVersion(
                "expected the graph to take the signature's columns, each by its name with one value a row, or all of "
                f"them as one tensor; the signature has {columns_told}, the graph takes {taken}"
            )
        self._upright = [] if self._matrix else [name for name, one in inputs.items() if len(one.shape) == 2]
        """Inputs of shape (n, 1)."""
        for column in columns:
            if (column.type == "string") != (self._dtypes[column.name] is np.object_):
                raise BrokenVersion(
                    f"expected the graph to take {shown(column.name)} as the signature's {column.type}, it takes "
                    f"{np.dtype(self._dtypes[column.name]).name}"
                )

    def filled(self, columns: Mapping[str, Sequence[Any]]) -> Feeds:
        """Columns of values, (n,) each, None where missing, as the graph takes them."""
        feeds: Feeds = {}
        for name in self.names:
            values, dtype = columns[name], self._dtypes[name]
            if dtype is np.object_:
                feeds[name] = np.empty(len(values), dtype=object)
                feeds[name][:] = ["" if value is None else value for value in values]
            else:
                feeds[name] = np.asarray(values, dtype=np.float64 if None in values else dtype).astype(dtype)
        return feeds

    def run(self, feeds: Feeds) -> NDArray[Any]:
        """Predictions of n rows, (n,), or (n, k) if the width is not 1. Raises GraphFailed if it cannot take them."""
        if self._matrix:
            given = {self._matrix: np.stack([feeds[name] for name in self.names], axis=1)}
        else:
            given = feeds if not self._upright else feeds | {n: feeds[n].reshape(-1, 1) for n in self._upright}
        try:
            (found,) = self._session.run([self.output], given)
        except MemoryError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no class of their own
            raise GraphFailed(f"the version's graph cannot take these rows: {line(str(error), 300)}") from error
        rows = len(next(iter(feeds.values())))
        if found.shape not in ((rows,), (rows, 1)) if self.width == 1 else found.ndim != 2 or len(found) != rows:
            raise GraphFailed(f"expected one prediction for each of {rows:,} rows, the graph gives {found.shape}")
        return found.ravel() if self.width == 1 else found  # type: ignore[no-any-return]  # ONNX Runtime has no types


def _dtype(tensor: Any) -> type:
    if tensor.type not in _TYPES:
        raise BrokenVersion(
            f"expected tensors of {', '.join(_TYPES)}, the graph's {shown(tensor.name)} is {tensor.type}"
        )
    return _TYPES[tensor.type]


def _session(body: bytes) -> Any:
    """Refuse what is no graph, or one that could do more than compute; else make it ready. Raises BrokenVersion."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its makers otherwise
    import onnx  # noqa: PLC0415  # slow to import; the process answers its first probe meanwhile
    import onnxruntime  # noqa: PLC0415  # likewise

    try:
        problem = graph_check.problem(onnx.ModelProto.FromString(body))
    except Exception as error:  # protobuf's
        raise BrokenVersion(f"expected {names.ONNX_FILE} to be an ONNX model, it cannot be read: {error}") from None
    if problem is not None:
        raise BrokenVersion(f"{names.ONNX_FILE}: {problem}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # a broken file is told by the exception, once
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    try:
        return onnxruntime.InferenceSession(body, options, providers=["CPUExecutionProvider"])
    except MemoryError:  # says nothing about the version
        raise
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        raise BrokenVersion(
            f"expected {names.ONNX_FILE} to be an ONNX model, ONNX Runtime says: {line(str(error), 300)}"
        ) from None
