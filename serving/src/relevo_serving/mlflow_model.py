"""What MLflow's `MLmodel` says of a version: by its signature, the columns it takes and what it gives. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import yaml
from pydantic import AliasPath, BaseModel, Field, Json, ValidationError

from relevo_contract import names
from relevo_contract.graph_check import MOST_INPUTS
from relevo_contract.texts import shown
from relevo_serving.errors import BrokenVersion

LARGEST: Final = 2**20
"""Bytes of an MLmodel: a signature of a thousand columns has a tenth."""
EARLIER: Final = (
    f"expected {names.MLMODEL_FILE} in the version, it has none: it was trained before release 0.4; ask for a training "
    "(docs/operating.md) so that one of this format takes over"
)
Type = Literal["double", "float", "long", "integer", "string", "boolean"]
"""MLflow's names of a column's type."""
OF_TENSORS: Final[dict[str, Type]] = {
    "float64": "double", "float32": "float", "int64": "long", "int32": "integer", "bool": "boolean",
    "str": "string", "object": "string",
}  # fmt: skip
"""By numpy's, which tensors have."""


class Column(NamedTuple):
    """One column that a version is asked with, and whether every row must have it."""

    name: str
    type: Type
    required: bool


class _ColumnSpec(BaseModel):
    type: Type
    name: str | None = None
    required: bool = True


class _TensorSpec(BaseModel):
    type: Literal["tensor"]
    name: str | None = None
    dtype: Literal["float64", "float32", "int64", "int32", "bool", "str", "object"] = Field(
        validation_alias=AliasPath("tensor-spec", "dtype")
    )
    shape: list[int] = Field(min_length=1, max_length=2, validation_alias=AliasPath("tensor-spec", "shape"))


_Spec = Annotated[_ColumnSpec | _TensorSpec, Field(discriminator="type")]


class _Output(BaseModel):
    name: str | None = None


class _Signature(BaseModel):
    inputs: Json[Annotated[list[_Spec], Field(min_length=1, max_length=MOST_INPUTS)]]
    outputs: Json[list[_Output]] | None = None


class _Document(BaseModel):
    file: Literal["model.onnx"] = Field(validation_alias=AliasPath("flavors", "onnx", "data"))
    signature: _Signature


class Signature(NamedTuple):
    """What a version takes, and the name of its first output, if it has one."""

    columns: tuple[Column, ...]
    output: str | None


def read(body: bytes) -> Signature:
    """Read an MLmodel. Raises BrokenVersion, saying what of it serving cannot use."""
    try:
        found = _Document.model_validate(yaml.safe_load(body))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problem = first(error) if isinstance(error, ValidationError) else "it is no YAML"
        raise BrokenVersion(
            f"expected {names.MLMODEL_FILE} of a model with MLflow's flavor onnx and a signature of columns, "
            f"{problem}; log it by mlflow.onnx.log_model with signature and input_example"
        ) from None
    columns = tuple(_columns(found.signature.inputs))
    twice = [name for name, count in Counter(column.name for column in columns).items() if count > 1]
    if twice:
        raise BrokenVersion(f"expected a signature with each column once, got twice: {', '.join(map(shown, twice))}")
    outputs = found.signature.outputs or []
    return Signature(columns, outputs[0].name if outputs else None)


def _columns(specs: Sequence[_ColumnSpec | _TensorSpec]) -> Iterator[Column]:
    """The columns; one without a name is named by its place, as pandas names it."""
    for place, spec in enumerate(specs):
        name = str(place) if spec.name is None else spec.name
        if isinstance(spec, _ColumnSpec):
            yield Column(name, spec.type, spec.required)
        elif spec.shape[1:] in ([], [1]):
            yield Column(name, OF_TENSORS[spec.dtype], True)
        elif len(specs) > 1:
            raise BrokenVersion(f"expected one value a row of {shown(name)}, it has the shape {spec.shape}")
        elif 1 <= spec.shape[1] <= MOST_INPUTS:
            yield from (Column(str(number), OF_TENSORS[spec.dtype], True) for number in range(spec.shape[1]))
        else:
            raise BrokenVersion(
                f"expected a tensor of 1 to {MOST_INPUTS:,} columns, the signature's has {spec.shape[1]}"
            )


def first(error: ValidationError) -> str:
    """The first of what pydantic found wrong, and where."""
    found: Any = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'it'}: {found['msg']}"
