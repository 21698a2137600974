"""The forms in which MLflow's clients send a table (/invocations), turned into records. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from relevo_serving.problems import wrong

Records = list[dict[str, Any]]


class DataframeSplit(BaseModel):
    """A table, columns and rows apart."""

    columns: list[str]
    data: list[list[Any]]
    index: list[Any] | None = None


class InvocationsRequest(BaseModel):
    """Rows as MLflow's clients send them: exactly one of the four."""

    model_config = ConfigDict(extra="forbid")

    dataframe_split: DataframeSplit | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[Any] | None = None
    inputs: dict[str, list[Any]] | list[Any] | None = None


def records_of(asked: InvocationsRequest, columns: Sequence[str]) -> tuple[Records, str]:
    """The rows by column, and where in the body they stand. Raises Refusal."""
    given = [name for name, value in asked if value is not None]
    if len(given) != 1:
        raise wrong("", "expected exactly one of dataframe_split, dataframe_records, instances and inputs")
    (where,) = given
    rows: Any = getattr(asked, where)
    if isinstance(rows, DataframeSplit):
        where, columns, rows = "dataframe_split.data", rows.columns, rows.data
        if len(set(columns)) != len(columns):
            raise wrong("dataframe_split.columns", "expected each column once")
    elif isinstance(rows, dict):  # of columns, (n,) or (n, 1) each
        columns, tensors = list(rows), rows.values()
        if len({len(values) for values in tensors}) != 1:
            raise wrong("inputs", "expected as many values in each column as in the others")
        flat = [[v[0] if isinstance(v, list) and len(v) == 1 else v for v in values] for values in tensors]
        rows = [list(row) for row in zip(*flat, strict=True)]
    elif all(isinstance(row, dict) for row in rows):
        return rows, where
    rows = [row if isinstance(row, list) else [row] for row in rows]
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            said = f"expected {len(columns)} values, as many as there are columns, got {len(row)}"
            raise wrong(f"{where}.{number}", said)
    return [dict(zip(columns, row, strict=True)) for row in rows], where
