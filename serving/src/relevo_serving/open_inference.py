"""The Open Inference Protocol, version 2, as JSON: what KServe's, MLServer's and Triton's clients speak.

Specification: https://github.com/kserve/open-inference-protocol, "Predict Protocol - Version 2". A column is an input,
a tensor of n values; the version's prediction is the output. Values are read as everywhere else.
"""

# Without `from __future__ import annotations`: FastAPI reads the annotations of functions within a function.

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from relevo_contract.graph_check import MOST_INPUTS
from relevo_serving.answering import Answering
from relevo_serving.bodies import JsonRoute
from relevo_serving.mlflow_model import OF_TENSORS
from relevo_serving.problems import Refusal, documented, wrong
from relevo_serving.schema import Answer
from relevo_serving.tables import Records

Datatype = Literal[
    "BYTES", "BOOL", "FP64", "FP32", "FP16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8"
]
OF_COLUMNS: Final[dict[str, Datatype]] = {
    "double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL", "string": "BYTES",
}  # fmt: skip
"""By MLflow's types."""
Responses = dict[int | str, dict[str, Any]]
NO_SUCH: Final[Responses] = {
    404: documented("another model or version serves", "expected house-prices or its version 3, which serves, …")
}


class Tensor(BaseModel):
    """One input: n values of a column, or the n rows of all columns if it is the only one."""

    name: str
    shape: Annotated[list[int], Field(min_length=1, max_length=2)]
    datatype: Datatype
    data: list[Any]


class InferRequest(BaseModel):
    """Rows as columns; what the protocol allows beside that is taken and not used."""

    id: str | None = None
    inputs: Annotated[list[Tensor], Field(min_length=1, max_length=MOST_INPUTS)]


class TensorMetadata(Answer):
    """An input or the output; -1 is any number of rows."""

    name: str
    shape: list[int]
    datatype: str


class OutputTensor(TensorMetadata):
    """The predictions."""

    data: list[Any]


class InferResponse(Answer):
    """Predictions in the rows' order."""

    model_name: str
    model_version: str
    id: str
    outputs: list[OutputTensor]


class ModelMetadata(Answer):
    """What the version takes and gives."""

    name: str
    versions: list[str]
    platform: str = "onnxruntime_onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(Answer):
    """Who answers."""

    name: str = "relevo-serving"
    version: str = "0.1.0"
    extensions: tuple[str, ...] = ()


class ModelReady(Answer):
    """The version is loaded and passed its self-test."""

    name: str
    ready: bool = True


def records_of(asked: InferRequest, columns: Sequence[str]) -> Records:
    """The rows by column. Raises Refusal, naming the input that is wrong."""
    first, data = asked.inputs[0], [_values(tensor, place) for place, tensor in enumerate(asked.inputs)]
    if len(data) == 1 and first.name not in columns and len(first.shape) == 2:
        if first.shape[1] != len(columns):
            raise wrong("inputs.0.shape", f"expected {len(columns)} columns, got {first.shape[1]}")
        return [dict(zip(columns, row, strict=True)) for row in zip(*[iter(data[0])] * len(columns), strict=True)]
    for place, tensor in enumerate(asked.inputs):
        if tensor.shape[1:] not in ([], [1]) or tensor.shape[0] != first.shape[0]:
            raise wrong(f"inputs.{place}.shape", f"expected [{first.shape[0]}], one value a row, got {tensor.shape}")
    found = [tensor.name for tensor in asked.inputs]
    if len(set(found)) != len(found):
        raise wrong("inputs", "expected each input once")
    return [dict(zip(found, row, strict=True)) for row in zip(*data, strict=True)]


def _values(tensor: Tensor, place: int) -> list[Any]:
    """The tensor's data, flat, which may have come nested. Raises Refusal if they are not what its shape says."""
    data, where = tensor.data, f"inputs.{place}.data"
    if data and isinstance(data[0], list):
        data = list(chain.from_iterable(one if isinstance(one, list) else [one] for one in data))
    if min(tensor.shape) < 1 or len(data) != prod(tensor.shape):
        raise wrong(where, f"expected as many values as the shape {tensor.shape} has, got {len(data)}")
    textual = tensor.datatype == "BYTES"
    for number, value in enumerate(data):
        if value is not None and isinstance(value, str) != textual:
            got = "a number" if textual else "a text"
            raise wrong(f"{where}.{number}", f"expected {tensor.datatype}, got {got}")
    return data


def routes(serving: Answering | None, refusals: Responses) -> APIRouter:
    """All of them; without a version those of the server alone."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"], route_class=JsonRoute)

    @router.get("", summary="the server")
    async def server() -> ServerMetadata:
        return ServerMetadata()

    @router.get("/health/live", summary="is the process alive")
    async def live() -> dict[Literal["live"], bool]:
        return {"live": True}

    if serving is None:
        return router
    ref, model = serving.ref, serving.served.model
    predicted = OF_COLUMNS[OF_TENSORS[model.dtype.name]]

    async def named(name: str, version: str | None = None) -> None:
        if name != ref.name or version not in {None, str(ref.version)}:
            came = (name if version is None else f"{name}, version {version}")[:200]
            raise Refusal(404, f"expected {ref.name} or its version {ref.version}, which serves, got {came}")

    away: Responses = {503: refusals[503]}
    told: dict[str, Any] = {
        "responses": away | NO_SUCH | {422: refusals[422]}, "dependencies": [Depends(named)]
    }  # fmt: skip
    asked: dict[str, Any] = told | {"responses": refusals | NO_SUCH}
    one, version = "/models/{name}", "/models/{name}/versions/{version}"

    @router.get("/health/ready", summary="can it predict", responses=away)
    async def health() -> dict[Literal["ready"], bool]:
        return {"ready": True}

    @router.get(one, summary="the model", **told)
    @router.get(version, summary="the version", **told)
    async def metadata() -> ModelMetadata:
        # Where rules read a column, as its kind is written: a day is a text.
        texts = () if model.data is None else model.data.dates
        datatypes = {one.name: "BYTES" if one.name in texts else OF_COLUMNS[one.type] for one in model.columns}
        inputs = [TensorMetadata(name=name, datatype=kind, shape=[-1]) for name, kind in datatypes.items()]
        output = TensorMetadata(
            name=model.output, datatype=predicted, shape=[-1] if model.single else [-1, model.width]
        )
        return ModelMetadata(name=ref.name, versions=[str(ref.version)], inputs=inputs, outputs=[output])

    @router.get(f"{one}/ready", summary="can the model predict", **told)
    @router.get(f"{version}/ready", summary="can the version predict", **told)
    async def model_ready() -> ModelReady:
        return ModelReady(name=ref.name)

    @router.post(f"{one}/infer", summary="predict rows", **asked)
    @router.post(f"{version}/infer", summary="predict rows by this version", **asked)
    async def infer(request: InferRequest) -> InferResponse:
        outcome = await serving.outcome(serving.rows.of(records_of(request, serving.rows.names), "inputs"))
        data = [one["prediction"] for one in outcome.predicted.predictions]
        shape = [len(data)] if model.single else [len(data), len(data[0])]
        flat = data if model.single else list(chain.from_iterable(data))
        output = OutputTensor(name=model.output, shape=shape, datatype=predicted, data=flat)
        told_id = request.id or outcome.request.decode()
        return InferResponse(model_name=ref.name, model_version=str(ref.version), id=told_id, outputs=[output])

    return router
