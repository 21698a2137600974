"""A scikit-learn pipeline becomes the graph that is served: raw columns in, the prediction in the target's unit out.

skl2onnx converts what scikit-learn has and onnxmltools XGBoost's trees; `TabularFeatures` is converted here. Around it
come what makes the graph anybody's: inputs of rank 1, for MLflow's pyfunc passes columns so, and the task's link, for a
model of positive numbers learns logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import to_onnx, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from xgboost import XGBRegressor

from relevo_contract import graph_check
from relevo_contract.data_set import DataSet
from relevo_jobs.errors import StepError
from relevo_jobs.train.features import CODE, TabularFeatures

OPSETS: Final = {"": 20, "ai.onnx.ml": 3}
"""20 has RegexFullMatch; ONNX Runtime reads both since 2024."""
_LEARNT: Final = "relevo_learnt"


def to_graph(fitted: BaseEstimator, data: DataSet) -> bytes:
    """Convert a fitted estimator of the data set's target on its task's scale, or of log odds, or a classifier.

    Inputs: each of the data set's inputs by name, rank 1, float32 or string. Output: the target by name, rank 1,
    float32; of two outcomes, the positive one's probability. Raises StepError if it cannot be converted, or becomes
    what serving would not run.
    """
    kinds = [(name, FloatTensorType if name not in data.categorical else StringTensorType) for name in data.inputs]
    flat = isinstance(fitted, Pipeline) and isinstance(fitted[0], TabularFeatures)
    shape = [None] if flat else [None, 1]
    try:
        zipped = {id(_last(fitted)): {"zipmap": False}} if hasattr(fitted, "predict_proba") else None
        types = [(name, kind(shape)) for name, kind in kinds]
        model = to_onnx(fitted, initial_types=types, target_opset=OPSETS, options=zipped)
    except Exception as error:  # each estimator's converter has errors of its own
        raise StepError(
            f"expected the fitted model to become an ONNX graph, got {type(error).__name__}: {str(error)[:500]}; use "
            "estimators that skl2onnx and onnxmltools convert (docs/model.md)"
        ) from error
    _take_columns(model.graph, data, flat=flat)
    _give_target(model.graph, data, classifier=hasattr(fitted, "predict_proba"))
    model.ir_version = 10
    if (wrong := graph_check.problem(model)) is not None:
        raise StepError(f"the fitted model became a graph that serving does not run: {wrong}; change the model")
    onnx.checker.check_model(model)
    body: bytes = model.SerializeToString()
    if len(body) > graph_check.LARGEST_GRAPH:
        raise StepError(
            f"expected a graph of at most {graph_check.LARGEST_GRAPH:,} bytes, it has {len(body):,}: use fewer trees"
        )
    return body


def _take_columns(graph: Any, data: DataSet, *, flat: bool) -> None:
    """Have every input of the data set, of rank 1; a Reshape makes it the column that converters take."""
    taken = {} if flat else {name: f"{name}__column" for name in data.inputs}
    _rename(graph, taken)
    kinds = {one.name: one.type.tensor_type.elem_type for one in graph.input}
    del graph.input[:]
    used = {name for node in graph.node for name in node.input}.intersection(taken.values())
    if used:
        graph.initializer.append(numpy_helper.from_array(np.array([-1, 1], dtype=np.int64), "relevo_column"))
    for name in reversed(data.inputs):
        if taken.get(name) in used:
            graph.node.insert(0, helper.make_node("Reshape", [name, "relevo_column"], [taken[name]]))
    for name in data.inputs:
        kind = kinds.get(name, TensorProto.STRING if name in data.categorical else TensorProto.FLOAT)
        graph.input.append(helper.make_tensor_value_info(name, kind, [None]))


def _last(fitted: BaseEstimator) -> BaseEstimator:
    return fitted[-1] if isinstance(fitted, Pipeline) else fitted


def _give_target(graph: Any, data: DataSet, *, classifier: bool) -> None:
    """Make the prediction the only output, of rank 1, under the target's name: what was learnt, through the link."""
    target, link = data.target, None if classifier else data.predicts.link
    _rename(graph, {graph.output[1 if classifier else 0].name: _LEARNT})
    del graph.output[:]
    learnt = _LEARNT
    if classifier:  # its second output has a column for each outcome
        graph.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "relevo_positive"))
        graph.node.append(helper.make_node("Gather", [_LEARNT, "relevo_positive"], ["relevo_probability"], axis=1))
        learnt = "relevo_probability"
    graph.initializer.append(numpy_helper.from_array(np.array([-1], dtype=np.int64), "relevo_row"))
    flat = target if link is None else "relevo_flat"
    graph.node.append(helper.make_node("Reshape", [learnt, "relevo_row"], [flat]))
    if link is not None:
        graph.node.append(helper.make_node(link, [flat], [target]))
    graph.output.append(helper.make_tensor_value_info(target, TensorProto.FLOAT, [None]))


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    for node in graph.node:
        for places in (node.input, node.output):
            for place, name in enumerate(places):
                places[place] = names.get(name, name)


def _features_shape(operator: Any) -> None:
    operator.outputs[0].type = FloatTensorType([None, None])


def _convert_features(scope: Any, operator: Any, container: Any) -> None:
    """Write TabularFeatures as ONNX: the same float32 arithmetic as its `transform`."""
    features: TabularFeatures = operator.raw_operator
    columns = {one.raw_name: one.onnx_name for one in operator.inputs}

    def constant(name: str, value: Any) -> str:
        unique = scope.get_unique_variable_name(name)
        tensor = numpy_helper.from_array(np.asarray(value), unique)
        container.add_initializer(unique, tensor.data_type, list(tensor.dims), np.asarray(value).ravel().tolist())
        return str(unique)

    def node(kind: str, inputs: list[str], domain: str = "", version: int = 20, **attributes: Any) -> str:
        out = scope.get_unique_variable_name(kind.lower())
        name = scope.get_unique_operator_name(kind)
        container.add_node(kind, inputs, [out], op_domain=domain, op_version=version, name=name, **attributes)
        return str(out)

    def side_by_side(names: Sequence[str]) -> str:
        """Columns of rank 1 as one, each behind the other."""
        return node("Concat", list(names), version=13, axis=0)

    # An operator costs a microsecond whatever it works on: what is done to several columns is done to them as one.
    made = [columns[name] for name in features.numbers]
    count = len(made) + len(features.codes) + len(features.ratios)
    if features.codes:
        text = side_by_side([columns[name] for name in features.codes])
        is_code = node("RegexFullMatch", [text], pattern=CODE)
        code = node("Where", [is_code, text, constant("nothing", np.array("nan", dtype=object))], version=16)
        made.append(node("Cast", [code], version=13, to=TensorProto.FLOAT))
    if features.ratios:
        over, under = (side_by_side([columns[pair[side]] for pair in features.ratios]) for side in (0, 1))
        there = node("Greater", [under, constant("zero", np.float32(0))], version=13)
        divisor = node("Where", [there, under, constant("nan", np.float32("nan"))], version=16)
        made.append(node("Div", [over, divisor], version=14))
    parts = []
    if made:
        shaped = [side_by_side(made), constant("shape", np.array([count, -1], dtype=np.int64))]
        table = node("Reshape", shaped, version=14)
        parts.append(node("Transpose", [table], version=13, perm=[1, 0]))
    for column, known, worth in zip(features.categories, features.known_, features.tables_, strict=True):
        place = node(
            "LabelEncoder",
            [columns[column]],
            domain="ai.onnx.ml",
            version=2,
            keys_strings=list(known),
            values_int64s=list(range(len(known))),
            default_int64=len(known),
        )
        parts.append(node("Gather", [constant(column, worth), place], version=13, axis=0))
    name = scope.get_unique_operator_name("Concat")
    container.add_node("Concat", parts, operator.outputs[0].full_name, op_version=13, name=name, axis=1)


update_registered_converter(TabularFeatures, "RelevoTabularFeatures", _features_shape, _convert_features)
update_registered_converter(
    XGBRegressor, "XGBoostXGBRegressor", calculate_linear_regressor_output_shapes, convert_xgboost
)
