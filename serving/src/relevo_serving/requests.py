"""Bodies to houses: what a client sent, understood, or refused with the field that is wrong. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from relevo_contract.listing import INPUTS, House
from relevo_serving import schema

NO_SUCH_INPUT: Final = f"no such input; a house has {', '.join(INPUTS)}"
FIELDS_NAMED: Final = 20
"""A body with a thousand wrong fields is answered with the first ones."""
_HOUSES: Final = TypeAdapter(list[House])


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, error: str, fields: list[schema.FieldProblem] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.problem = schema.Problem(error=error, fields=fields or [])


def houses_of(body: bytes, most: int) -> list[House]:
    """The houses of a request for /predict or /explain. Raises Refusal, naming the fields that are wrong."""
    try:
        houses = schema.PredictRequest.model_validate_json(body).houses
    except ValidationError as error:
        raise _wrong("expected houses as /docs describes them", error) from None
    return _at_most(houses, most, "houses")


def table_of(body: bytes, most: int) -> list[House]:
    """The houses of a request for /invocations. Raises Refusal."""
    try:
        given = schema.InvocationsRequest.model_validate(from_json(body))  # takes NaN, which pandas may send
    except ValidationError as error:
        raise _wrong("expected dataframe_split or dataframe_records as MLflow describes them", error) from None
    except ValueError as error:
        raise _problem("", f"expected JSON, got something else: {error}") from None
    split, records = given.dataframe_split, given.dataframe_records
    if (split is None) == (records is None):
        raise _problem("", "expected exactly one of dataframe_split and dataframe_records")
    if split is not None:
        where = "dataframe_split.data"
        for number, row in enumerate(split.data):
            if len(row) != len(split.columns):
                said = f"expected {len(split.columns)} values, as many as there are columns, got {len(row)}"
                raise _problem(f"{where}.{number}", said)
        if len(set(split.columns)) != len(split.columns):
            raise _problem("dataframe_split.columns", "expected each column once")
        records = [dict(zip(split.columns, row, strict=True)) for row in split.data]
    else:
        where = "dataframe_records"
    if not records:
        raise _problem(where, "expected at least one row, got none")
    try:
        houses = _HOUSES.validate_python([{k: _value(v) for k, v in record.items()} for record in records])
    except ValidationError as error:
        raise _wrong("expected rows of houses", error, where) from None
    return _at_most(houses, most, where)


def _value(value: Any) -> Any:
    """A table's NaN is a missing value."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _at_most(houses: list[House], most: int, where: str) -> list[House]:
    if len(houses) > most:
        raise _problem(where, f"expected at most {most} houses in a request, got {len(houses)}: send them in parts")
    return houses


def _problem(field: str, said: str) -> Refusal:
    return Refusal(422, said, [schema.FieldProblem(field=field, problem=said)])


def _wrong(expected: str, error: ValidationError, above: str = "") -> Refusal:
    fields = problems_of(error, above)
    names = ", ".join(field.field or "the body" for field in fields)
    return Refusal(422, f"{expected}, wrong: {names}", fields)


def problems_of(error: ValidationError, above: str = "") -> list[schema.FieldProblem]:
    """A validation error by field; what came is not repeated: it may be huge, or no JSON at all."""
    details: Sequence[Any] = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        schema.FieldProblem(
            field=".".join(str(part) for part in (above, *detail["loc"]) if part != ""),
            problem=NO_SUCH_INPUT if detail["type"] == "extra_forbidden" else detail["msg"],
        )
        for detail in details[:FIELDS_NAMED]
    ]
