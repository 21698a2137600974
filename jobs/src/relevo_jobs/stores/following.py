"""A data set's columns come and go, and its tables follow: from what is there and declared to what is to be done. Pure.

A column that is declared and not there is added: rows that are there have it empty. One that is there and not declared
any more stays, with its values, and is not written: RAW is never changed, and an older release may still write it. What
cannot follow is refused before anything is done: a column of another type, and another target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from relevo_contract.data_set import KEYS
from relevo_jobs.stores.tables import quoted

MOST: Final = 1600
"""Columns of a table, PostgreSQL's limit."""
REMARK: Final = "Not of the data set any more: no longer written."
"""The comment on a column that is not declared."""
_UNCHANGED: Final = "Nothing was changed"


@dataclass(frozen=True)
class Column:
    """A column that is there."""

    kind: str
    """Its type as PostgreSQL spells it."""
    remark: str | None = None
    """The comment on it."""


@dataclass(frozen=True)
class Declared:
    """What a data set wants of one of its tables."""

    table: str
    """Its name within the schema."""
    columns: Mapping[str, str]
    """With their types."""
    target: str
    """Of the data set; a table of inputs alone does not have it."""


There = Mapping[str, Column]
"""A table's columns by name; empty if there is no such table."""


def former(declared: Declared, there: There) -> dict[str, str]:
    """The columns, with their types, that were declared once and are not any more."""
    return {name: column.kind for name, column in there.items() if name not in {*declared.columns, *KEYS}}


def changes(schema: str, declared: Declared, there: There) -> list[str]:
    """The statements that have the table follow. Raises ValueError if it cannot."""
    table = f"{schema}.{declared.table}"
    if not there:
        raise ValueError(
            f"expected the table {table}, found none: this database is of another data set; a data set keeps its name, "
            f"and another one has databases and a registered model (RELEVO_MODEL) of its own. {_UNCHANGED}"
        )
    if (declared.target in there) != (declared.target in declared.columns):
        found = "has as an input" if declared.target in there else "does not have"
        raise ValueError(
            f"expected the target of the data set to stay what it was, got {declared.target}, which {table} {found}: "
            "what is predicted cannot be renamed or exchanged; a data set with another target has databases and a "
            f"registered model (RELEVO_MODEL) of its own. {_UNCHANGED}"
        )
    for name, kind in declared.columns.items():
        if name in there and there[name].kind != kind:
            raise ValueError(
                f"expected column {name} of {table} to be {kind}, as its DataSet says, found {there[name].kind}: a "
                f"column keeps its kind, also one that comes back; give the new one another name. {_UNCHANGED}"
            )
    added = {name: kind for name, kind in declared.columns.items() if name not in there}
    if len(there) + len(added) > MOST:
        raise ValueError(
            f"expected at most {MOST} columns in {table}, PostgreSQL's limit, those no longer declared and "
            f"{len(KEYS.intersection(there))} of its own among them, got {len(there) + len(added)}. {_UNCHANGED}"
        )
    altered = _qualified(schema, declared)
    return [f"alter table {altered} add column {quoted(name)} {kind}" for name, kind in added.items()]


def remarks(schema: str, declared: Declared, there: There) -> list[str]:
    """The statements that say of a column, to people who look, that it is not written any more, or is again."""
    gone = former(declared, there)
    unmarked = [name for name in gone if there[name].remark is None]
    back = [name for name, column in there.items() if column.remark == REMARK and name not in gone]
    saying = dict.fromkeys(unmarked, f"'{REMARK}'") | dict.fromkeys(back, "null")
    table = _qualified(schema, declared)
    return [f"comment on column {table}.{quoted(name)} is {words}" for name, words in saying.items()]


def _qualified(schema: str, declared: Declared) -> str:
    return f"{quoted(schema)}.{quoted(declared.table)}"
