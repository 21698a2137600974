"""What a graph may be made of, checked before it is run: a stranger's version is data, and must not reach beyond it.

The operators below compute on what they are given and nothing else. Control flow is not among them, for a graph that
loops needs no input to run for ever, nor is what makes large tensors of small ones, nor external data, for it reads
files by name. The graph is what `onnx` parsed; this module does not import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

LARGEST_GRAPH: Final = 200 * 2**20
"""Bytes of model.onnx."""
MOST_NODES: Final = 10_000
MOST_INPUTS: Final = 1_000

_TENSORS: Final = frozenset(
    """
    Abs Add And ArgMax ArgMin Cast Ceil Clip Concat Constant Div Equal Erf Exp Flatten Floor Gather GatherElements Gemm
    Greater GreaterOrEqual Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log MatMul Max Mean Min Mod Mul Neg Not Or
    Pow Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum RegexFullMatch Relu Reshape Round Shape Sigmoid
    Sign Slice Softmax Softplus Split Sqrt Squeeze StringConcat Sub Sum Tanh TopK Transpose Unsqueeze Where Xor
    """.split()  # noqa: SIM905  # names as a table are read sooner
)
_LEARNING: Final = frozenset(
    """
    ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder LinearClassifier
    LinearRegressor Normalizer OneHotEncoder Scaler SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier
    TreeEnsembleRegressor
    """.split()  # noqa: SIM905
)
ALLOWED: Final = {"": _TENSORS, "ai.onnx": _TENSORS, "ai.onnx.ml": _LEARNING}
"""By domain the operators that are run."""


def problem(model: Any) -> str | None:
    """Say why an `onnx.ModelProto` is not run; None if it may be."""
    graph = model.graph
    if len(model.functions):
        return "expected operators alone, the graph has functions of its own"
    if len(graph.node) > MOST_NODES or len(graph.input) > MOST_INPUTS:
        return (
            f"expected at most {MOST_NODES:,} operators and {MOST_INPUTS:,} inputs, the graph has "
            f"{len(graph.node):,} and {len(graph.input):,}"
        )
    for node in graph.node:
        if node.op_type not in ALLOWED.get(node.domain, frozenset()):
            name = ".".join(filter(None, (node.domain, node.op_type)))[:60]
            return f"expected operators that only compute on their inputs, the graph has {name!r}"
        if any(attribute.HasField("g") or len(attribute.graphs) for attribute in node.attribute):
            return f"expected no graph within the graph, {node.op_type} has one"
    if any(len(tensor.external_data) or tensor.data_location for tensor in _tensors(graph)):
        return "expected all data within the file, the graph names other files"
    return None


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
