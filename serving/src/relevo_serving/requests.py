"""Bodies to houses: what a client sent, understood, or refused with the field that is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from relevo_contract.listing import INPUTS, House, house
from relevo_contract.texts import legible
from relevo_serving import schema

NO_SUCH_INPUT: Final = f"no such input; a house has {', '.join(INPUTS)}"
FIELDS: Final = 10_000
"""Wrong fields that an answer has at most: a table of a thousand rows is told whole, so that nobody asks row by row."""
FIELDS_NAMED: Final = 20
"""Wrong fields that the answer's sentence names."""
LONGEST_NAME: Final = 60
"""Characters of a field's name that are repeated."""
_HOUSES: Final = TypeAdapter(list[schema.House])


class Refusal(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, error: str, fields: list[schema.FieldProblem] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.problem = schema.Problem(error=error, fields=fields or [])


def houses_of(body: bytes, most: int) -> list[House]:
    """The houses of a request for /predict or /explain. Raises Refusal, naming the fields that are wrong."""
    try:
        asked = schema.PredictRequest.model_validate(_json(body, numbers_alone=True)).houses
    except ValidationError as error:
        raise _wrong("expected houses as /docs describes them", error) from None
    return _at_most(asked, most, "houses")


def _json(body: bytes, *, numbers_alone: bool) -> Any:
    """What the body says; with `numbers_alone` NaN and Infinity, which are no JSON, are refused. Raises Refusal."""
    try:
        return from_json(body, allow_inf_nan=not numbers_alone)
    except ValueError as error:
        raise _problem("", f"expected JSON, got something else: {error}") from None


def table_of(body: bytes, most: int) -> list[House]:
    """The houses of a request for /invocations. Raises Refusal."""
    try:
        # pandas writes a missing value as NaN, and clients of MLflow send what pandas writes.
        given = schema.InvocationsRequest.model_validate(_json(body, numbers_alone=False))
    except ValidationError as error:
        raise _wrong("expected dataframe_split or dataframe_records as MLflow describes them", error) from None
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
        asked = _HOUSES.validate_python(records)
    except ValidationError as error:
        raise _wrong("expected rows of houses", error, where) from None
    return _at_most(asked, most, where)


def _at_most(asked: Sequence[BaseModel], most: int, where: str) -> list[House]:
    if len(asked) > most:
        raise _problem(where, f"expected at most {most} houses in a request, got {len(asked)}: send them in parts")
    return list(map(_understood, asked))


def _understood(asked: BaseModel) -> House:
    """A house of what the rules read of it."""
    reads = vars(asked)
    doubts = {name: read.doubt for name, read in reads.items() if read.doubt}
    return house({name: read.value for name, read in reads.items()}, doubts)


def _problem(field: str, said: str) -> Refusal:
    return Refusal(422, said, [schema.FieldProblem(field=field, problem=said)])


def _wrong(expected: str, error: ValidationError, above: str = "") -> Refusal:
    fields = problems_of(error, above)
    named = [field.field or "the body" for field in fields[:FIELDS_NAMED]]
    more = f" and {error.error_count() - len(named):,} more" if error.error_count() > len(named) else ""
    return Refusal(422, f"{expected}, wrong: {', '.join(named)}{more}", fields)


def problems_of(error: ValidationError, above: str = "") -> list[schema.FieldProblem]:
    """A validation error by field. What came is not repeated but by a rule, which cuts it: it may be huge."""
    details: Iterable[Any] = error.errors(include_url=False, include_context=False, include_input=False)[:FIELDS]
    return [
        schema.FieldProblem(
            field=legible(".".join(_part(part) for part in (above, *detail["loc"]) if part != "")),
            problem=NO_SUCH_INPUT if detail["type"] == "extra_forbidden" else detail["msg"],
        )
        for detail in details
    ]


def _part(part: str | int) -> str:
    """A part of a field's name; one that a client made up may be long."""
    text = str(part)
    return text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…"
