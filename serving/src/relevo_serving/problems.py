"""What a client is told when there is no other answer: which field is wrong, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from relevo_contract.texts import legible
from relevo_serving.schema import Answer

FIELDS: Final = 10_000
"""Wrong fields that an answer has at most: a table of a thousand rows is told whole, so that nobody asks row by row."""
FIELDS_NAMED: Final = 20
"""Wrong fields that the answer's sentence names."""
LONGEST_NAME: Final = 60
"""Characters that are repeated of each part of a field's name, which a client may have made up."""
LISTED: Final = 40
"""Columns that are listed where one is asked that there is not."""


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str = Field(description="such as instances.0.bed; empty: the body as a whole")
    problem: str


class Problem(Answer):
    """Why there is no other answer."""

    error: str = Field(description="what was expected, what came, what to do")
    fields: list[FieldProblem] = Field(default=[])


class Refusal(HTTPException):
    """A request that is answered with a problem."""

    def __init__(self, status: int, error: str, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__(status, error)
        body = Problem(error=error, fields=list(fields)).model_dump_json()
        self.response = Response(body, status, media_type="application/json")


def documented(description: str, error: str, *fields: dict[str, str]) -> dict[str, Any]:
    """A problem as OpenAPI tells it, with an example."""
    example = {"error": error, "fields": list(fields)}
    return {"model": Problem, "description": description, "content": {"application/json": {"example": example}}}


def wrong(field: str, said: str) -> Refusal:
    """A refusal for one field."""
    return Refusal(422, said, [FieldProblem(field=field, problem=said)])


def wrong_fields(details: Sequence[Mapping[str, Any]], columns: Sequence[str], *above: str) -> Refusal:
    """A refusal for what pydantic found below `above` in rows of these columns.

    What came is not repeated but by a rule, which cuts it: it may be huge.
    """
    fields = [_field(detail, columns, above) for detail in details[:FIELDS]]
    named = [field.field or "the body" for field in fields[:FIELDS_NAMED]]
    more = f" and {len(details) - len(named):,} more" if len(details) > len(named) else ""
    return Refusal(422, f"expected what /docs describes, wrong: {', '.join(named)}{more}", fields)


def _field(detail: Mapping[str, Any], columns: Sequence[str], above: Sequence[str]) -> FieldProblem:
    where: Sequence[Any] = (*above, *detail["loc"])
    where = where[1:] if where[:1] == ("body",) and not above else where  # where FastAPI found it
    kind, said = detail["type"], detail["msg"]
    if kind == "extra_forbidden" and len(where) > 1 and isinstance(where[-2], int):
        listed = ", ".join(columns[:LISTED]) + (", …" if len(columns) > LISTED else "")
        said = f"no such input; a row has {listed}"
    elif kind == "too_long":
        said = f"expected at most {detail['ctx']['max_length']:,} rows in a request: send them in parts"
    elif kind == "too_short":
        said = "expected at least one row, got none"
    elif isinstance(detail.get("input"), bytes):
        said = "expected JSON, said by the header Content-Type: application/json"
    cut = (part if len(part) <= LONGEST_NAME else f"{part[:LONGEST_NAME]}…" for part in map(str, where))
    return FieldProblem(field=legible(".".join(cut)), problem=said)


def handlers(columns: Sequence[str]) -> dict[int | type[Exception], Any]:
    """FastAPI's exception handlers, for rows of these columns."""

    async def refused(_: Request, refusal: Refusal) -> Response:
        return refusal.response

    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return wrong_fields(error.errors(), columns).response

    async def no_route(request: Request, error: HTTPException) -> Response:
        said = f"{request.method} {request.url.path}: {error.detail}; /docs lists what there is"
        return Refusal(error.status_code, said).response

    async def unforeseen(_: Request, __: Exception) -> Response:  # uvicorn logs it
        return Refusal(500, "the inference API failed; its log says why").response

    return {Refusal: refused, RequestValidationError: invalid, HTTPException: no_route, Exception: unforeseen}
