"""From a declaration to the data set that the steps, the server and the UI work on. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Literal

from relevo_contract.data_set import DataSet
from relevo_contract.use_case.columns import ColumnDeclaration, Target
from relevo_contract.use_case.declaration import Declaration
from relevo_contract.values import AnyRule, Boolean, Day, Either, Identifier, Number, Text, ZipCode


def data_set(declared: Declaration) -> DataSet:
    """The data set. Raises ValueError if the type of a column is still to be found."""
    if declared.unresolved:
        raise ValueError(
            f"expected the type of every column, got auto for {', '.join(declared.unresolved)}: run `relevo check "
            "--write`, which writes what the first batch shows, and look at what it wrote"
        )
    target = declared.target
    order = declared.order
    columns = {name: declared.columns[name] for name in order if name != target.column}
    of_type: dict[str, list[str]] = {"number": [], "category": [], "date": []}
    aside, ignored, compared = [], [], []
    for name, column in columns.items():
        if column.role == "ignored":
            ignored.append(name)
        elif column.role in {"key", "time"}:
            aside.append(name)
        else:
            of_type[_KINDS[column.type]].append(name)
            if column.type in {"category", "boolean"}:
                compared.append(name)
    place = next(iter(declared.of_role("place")), None)
    places = () if place is None else (place, *columns[place].within)
    rules = {name: rule_of(column) for name, column in columns.items() if column.role != "ignored"}
    given: dict[str, ColumnDeclaration | Target] = {**columns, target.column: target}
    return DataSet(
        name=declared.tables,
        columns=order,
        target=target.column,
        numeric=tuple(of_type["number"]),
        categorical=tuple(of_type["category"]),
        dates=tuple(of_type["date"]),
        compared=(*places, *(name for name in compared if name not in places)),
        place=place,
        within=places[1:],
        rules=rules | {target.column: rule_of_target(target)},
        task=target.task,
        aside=tuple(aside),
        ignored=tuple(ignored),
        source_names={name: one.source_name for name, one in given.items() if one.source_name is not None},
        labels={name: _labels(one.label) for name, one in given.items() if one.label is not None},
        units={name: _labels(one.unit) for name, one in given.items() if isinstance(one.unit, dict)},
        value_labels={
            name: {value: _labels(label) for value, label in one.values.items()}
            for name, one in given.items()
            if one.values
        },
        groups={name: _labels(one.group) for name, one in columns.items() if one.group is not None},
    )


_KINDS = {
    "number": "number", "integer": "number", "category": "category", "text": "category", "boolean": "category",
    "date": "date",
}  # fmt: skip


def _labels(label: str | Mapping[Literal["en", "es"], str]) -> dict[str, str]:
    return {"en": label} if isinstance(label, str) else {str(one): words for one, words in label.items()}


def _unit(column: ColumnDeclaration | Target) -> str:
    """As texts that are in English alone tell it."""
    if column.unit is None:
        return ""
    told = _labels(column.unit)
    return told.get("en") or next(iter(told.values()), "")


def rule_of(column: ColumnDeclaration) -> AnyRule:
    """What the values of a column are."""
    unknown = frozenset(column.unknown)
    low, high = column.range or (None, None)
    if column.role == "key":
        return Identifier()
    if column.type == "date":
        first = low if isinstance(low, date) else date.min
        return Day(first, high if isinstance(high, date) else date.max, format=column.format)
    if column.type in {"number", "integer"}:
        figures = frozenset(float(one) for one in unknown)
        return Number(*_ends(low, high), figures, unit=_unit(column), whole=column.type == "integer")
    if column.type == "boolean":
        return Boolean()
    if column.spelling == "zip-code":
        return ZipCode(unknown=unknown) if unknown else ZipCode()
    return Identifier(unknown=unknown) if column.spelling == "identifier" else Text(unknown=unknown)


def _ends(low: object, high: object) -> tuple[float, float]:
    return (
        float(low) if isinstance(low, float | int) else -math.inf,
        float(high) if isinstance(high, float | int) else math.inf,
    )


def rule_of_target(target: Target) -> AnyRule:
    """What the values of the target are."""
    if target.positive is not None:
        return Either(target.positive, target.negative)
    return Number(*_ends(*(target.range or (None, None))), unit=_unit(target))
