"""The trees, run by ONNX Runtime: features in, log prices out.

ONNX Runtime's own threads are not used: they share trees, not houses, among them, and a house's price would depend on
how many are priced with it. So many houses are cut into parts here, run while the asking thread goes on in Python.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_serving.errors import BrokenVersion

Features = NDArray[np.float32]
"""(n, features), NaN where missing."""

_PROCESSORS: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
THREADS: Final = min(4, _PROCESSORS)
_HELPERS: Final = ThreadPoolExecutor(THREADS - 1, thread_name_prefix="trees") if THREADS > 1 else None


class Scorer:
    """A loaded model. `log_price` may be called from many threads at once."""

    def __init__(self, onnx: bytes, width: int) -> None:
        """Load a model of so many features. Raises BrokenVersion if it is none."""
        self._session = _session(onnx)
        # One house goes through memory that is bound once: a third sooner than through arrays made each time.
        self._row = np.zeros((1, width), dtype=np.float32)
        self._price = np.zeros((1, 1), dtype=np.float32)
        self._bound = self._session.io_binding()
        for bind, name, array in (
            (self._bound.bind_input, names.ONNX_INPUT, self._row),
            (self._bound.bind_output, names.ONNX_OUTPUT, self._price),
        ):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._alone = threading.Lock()

    def log_price(self, features: Features) -> NDArray[np.float32]:
        """Log prices, (n,)."""
        if len(features) == 1:
            with self._alone:
                self._row[:] = features
                self._session.run_with_iobinding(self._bound)
                return self._price[0].copy()  # type: ignore[no-any-return]
        return self._run(features)

    def begin(self, features: Features) -> Callable[[], NDArray[np.float32]]:
        """Run in a thread that is free, or else when what is returned is called; it gives the log prices, (n,)."""
        if _HELPERS is None:
            return lambda: self._run(features)
        running = _HELPERS.submit(self._run, features)
        return lambda: self._run(features) if running.cancel() else running.result()

    def _run(self, features: Features) -> NDArray[np.float32]:
        (output,) = self._session.run([names.ONNX_OUTPUT], {names.ONNX_INPUT: features})
        return output.ravel()  # type: ignore[no-any-return]  # ONNX Runtime has no types


def _session(onnx: bytes) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its makers otherwise
    import onnxruntime  # noqa: PLC0415  # slow to import; the process answers its first probe meanwhile

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # a broken file is told by the exception, once
    try:
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except MemoryError:  # says nothing about the version
        raise
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        first = (str(error).splitlines() or ["no reason given"])[0]
        raise BrokenVersion(f"expected {names.ONNX_FILE} to be an ONNX model, ONNX Runtime says: {first}") from error
    inputs = {tensor.name for tensor in session.get_inputs()}
    outputs = {tensor.name for tensor in session.get_outputs()}
    if names.ONNX_INPUT not in inputs or names.ONNX_OUTPUT not in outputs:
        raise BrokenVersion(
            f"expected {names.ONNX_FILE} to take {names.ONNX_INPUT} and give {names.ONNX_OUTPUT}, it takes "
            f"{sorted(inputs)} and gives {sorted(outputs)}"
        )
    return session
