"""Rows as a version takes them, read by its rules if it has any, else by its signature.

Of a Relevo version each value is read by the rule that CLEAN reads it by: what is no value of its kind is refused, what
cannot be believed is taken as missing, and the answer says so. Else the signature's types are pydantic's. A column may
have any name: `date`, `class`, `House Size`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BeforeValidator, Field, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from relevo_contract.graph_inputs import spelling
from relevo_contract.values import LONGEST, AnyRule, Value
from relevo_serving.mlflow_model import Column
from relevo_serving.model import Model
from relevo_serving.problems import wrong_fields


def _there(came: Any) -> Any:
    """None for NaN, which pandas writes where there is nothing."""
    return None if isinstance(came, float) and math.isnan(came) else came


_FLOATS: Final = Annotated[Annotated[float, Field(allow_inf_nan=False)] | None, BeforeValidator(_there)]
_KINDS: Final[dict[str, Any]] = {
    "double": _FLOATS, "float": _FLOATS,
    "long": Annotated[int, Field(ge=-(2**63), lt=2**63)], "integer": Annotated[int, Field(ge=-(2**31), lt=2**31)],
    "string": str | None, "boolean": bool,
}  # fmt: skip
"""By a column's type what may be sent."""
_OF_RULES: Final = [{"type": "number"}, {"type": "string"}, {"type": "null"}]
UNKNOWN: Final = 100
"""Columns that the version does not have that are told of a row."""
REMEMBERED: Final = 1_024
"""Values of a column whose reading is remembered, as far as they are no longer than a category."""


class Understood(NamedTuple):
    """A row, read."""

    values: dict[str, Value]
    """By column; what is missing is not there."""
    missing: list[str]
    blanked: dict[str, str]
    """By column why something came that is not believed."""
    unseen: list[str]
    """The columns whose category training never saw."""


class _Seen(NamedTuple):
    """A value, read; see Read."""

    value: Value | None = None
    doubt: str = ""
    error: str = ""
    unseen: bool = False


_Remembered = dict[type, dict[Any, _Seen]]


class _Reader(NamedTuple):
    """How a column's values are read."""

    remembered: _Remembered
    """Values that were read before, by their type."""
    read: Callable[[Any], _Seen]


class Rows:
    """How rows of one version are read."""

    def __init__(self, model: Model, most: int) -> None:
        """`most` is the most rows in a request."""
        columns, data = model.columns, model.data
        self.names: Final = model.names
        self._known = frozenset(self.names)
        self._required = frozenset() if data else frozenset(column.name for column in columns if column.required)
        shape: dict[str, Any] = {
            "title": "Row", "description": "One row, by the version's columns.", "type": "object",
            "additionalProperties": False, "required": sorted(self._required),
        }  # fmt: skip
        if data is not None:
            rules = {name: data.rule(name) for name in self.names}
            self._readers = {name: _by_rule(rule, model.known.get(name)) for name, rule in rules.items()}
            shape["properties"] = {n: {"anyOf": _OF_RULES, "description": r.described} for n, r in rules.items()}
        else:
            kinds = {column.name: _kind(column) for column in columns}
            self._readers = {name: _by_kind(kind) for name, kind in kinds.items()}
            shape["properties"] = {name: kind.json_schema() for name, kind in kinds.items()}
        self._row = Annotated[Understood, PlainValidator(self._read), WithJsonSchema(shape)]
        self._many: TypeAdapter[Any] = TypeAdapter(self.many(most))

    def many(self, most: int) -> Any:
        """The type of so many rows at most, for pydantic's models."""
        row: Any = self._row
        return Annotated[list[row], Field(min_length=1, max_length=most, description="in the answer's order")]

    def of(self, records: Sequence[Any], *above: str) -> list[Understood]:
        """Rows of dictionaries by column. Raises Refusal, naming fields below `above`."""
        try:
            rows: list[Understood] = self._many.validate_python(records)
        except ValidationError as error:
            raise wrong_fields(error.errors(include_url=False, include_input=False), self.names, *above) from None
        return rows

    def _read(self, came: Any) -> Understood:
        if type(came) is not dict:
            raise PydanticCustomError("row", "expected an object, a value for each column")
        values: dict[str, Value] = {}
        missing: list[str] = []
        blanked: dict[str, str] = {}
        unseen: list[str] = []
        errors: dict[str, str] = {}
        for name, (remembered, read) in self._readers.items():
            given = came.get(name)
            ours = remembered.get(type(given))
            value, doubt, error, new = (ours.get(given) if ours is not None else None) or read(given)
            if value is not None:
                values[name] = value
                if new:
                    unseen.append(name)
            elif error:
                errors[name] = error
            else:
                missing.append(name)
                if doubt:
                    blanked[name] = doubt
        if errors or not self._known.issuperset(came) or not self._required.issubset(came):
            raise self._refusal(came, errors)
        return Understood(values, missing, blanked, unseen)

    def _refusal(self, came: dict[Any, Any], errors: dict[str, str]) -> ValidationError:
        said = errors | dict.fromkeys(self._required.difference(came), "expected a value, it is missing")
        told = [
            InitErrorDetails(type=_error(said[name]), loc=(name,), input=None) for name in self.names if name in said
        ]
        unknown = islice((name for name in came if name not in self._known), UNKNOWN)
        more = [InitErrorDetails(type="extra_forbidden", loc=(name,), input=None) for name in unknown]
        return ValidationError.from_exception_data("Row", told + more)


def _error(said: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{said}", {"said": said})


def _by_rule(rule: AnyRule, known: Mapping[str, int] | None) -> _Reader:
    """Read a column by its rule; `known` are the categories of training, if it has any."""
    # Rows share most of their values: a state, three bedrooms. 3, 3.0 and "3" are not the same to every rule.
    remembered: _Remembered = {str: {}, int: {}, float: {}, type(None): {None: _Seen()}}

    def read(came: Any) -> _Seen:
        ours = remembered.get(type(came))
        if ours is None:
            said = "a list" if isinstance(came, list) else "an object" if isinstance(came, dict) else "true or false"
            return _Seen(error=f"expected a number, a text or null, got {said}")
        value, doubt, error = rule.read(came)
        found = _Seen(value, doubt, error, known is not None and value is not None and spelling(value) not in known)
        if len(ours) >= REMEMBERED:
            ours.clear()
        if not isinstance(came, str) or len(came) <= LONGEST:
            ours[came] = found
        return found

    return _Reader(remembered, read)


def _kind(column: Column) -> TypeAdapter[Any]:
    kind = _KINDS[column.type]
    return TypeAdapter(kind if column.required else kind | None)


def _by_kind(kind: TypeAdapter[Any]) -> _Reader:
    def read(came: Any) -> _Seen:
        try:
            return _Seen(kind.validate_python(came))
        except ValidationError as error:
            return _Seen(error=error.errors(include_url=False, include_input=False)[0]["msg"])

    return _Reader({}, read)


def as_json(value: Value | None) -> Any:
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value
