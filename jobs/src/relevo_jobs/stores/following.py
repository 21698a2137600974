"""A data set's columns come and go, and its tables follow: from what is there and declared to what is to be done. Pure.

A column that is declared and not there is added: rows that are there have it empty. One that is there and not declared
any more stays, with its values, and is not written: RAW is never changed, and an older release may still write it. One
that is of another type by now is read anew: RAW has the rows as they came, so it stays as it is and CLEAN is derived
again; what customers asked becomes text, which holds values of every type. What cannot follow is refused before
anything is done: another target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from relevo_contract.data_set import KEYS
from relevo_jobs.stores.tables import TEXT, quoted

MOST: Final = 1600
"""Columns of a table, PostgreSQL's limit."""
REMARK: Final = "Not of the data set any more: no longer written."
"""The comment on a column that is not declared."""
_UNCHANGED: Final = "Nothing was changed"


class Retyped(ValueError):
    """A column that is there is of another type than is declared; the table holds rows that were derived by that."""


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
    kept: bool = False
    """Whether its rows can be derived from nothing else: a column of another type becomes text."""


There = Mapping[str, Column]
"""A table's columns by name; empty if there is no such table."""


def former(declared: Declared, there: There) -> dict[str, str]:
    """The columns, with their types, that were declared once and are not any more."""
    return {name: column.kind for name, column in there.items() if name not in {*declared.columns, *KEYS}}


def retyped(declared: Declared, there: There) -> dict[str, str]:
    """The columns, with the types that are declared, whose values the type that is there does not hold."""
    return {
        name: kind
        for name, kind in declared.columns.items()
        if name in there and there[name].kind != kind and not (declared.kept and there[name].kind == TEXT)
    }


def retyping(schema: str, declared: Declared, there: There) -> list[str]:
    """The statements that give the columns of a table without rows the types that are declared."""
    table = _qualified(schema, declared)
    return [
        f"alter table {table} alter column {quoted(name)} type {kind} using null"
        for name, kind in retyped(declared, there).items()
    ]


def changes(schema: str, declared: Declared, there: There) -> list[str]:
    """The statements that have the table follow.

    Raises ValueError if it cannot; Retyped if it can only once its rows are derived anew.
    """
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
    other = retyped(declared, there)
    if other and not declared.kept:
        told = ", ".join(f"{name} to be {kind}, found {there[name].kind}" for name, kind in other.items())
        raise Retyped(
            f"expected of {table} the types that the use case declares, {told}: relevo-job prepare or clean derives it "
            f"anew from RAW; let one of them end, and run this step again. {_UNCHANGED}"
        )
    added = {name: kind for name, kind in declared.columns.items() if name not in there}
    if len(there) + len(added) > MOST:
        raise ValueError(
            f"expected at most {MOST} columns in {table}, PostgreSQL's limit, those no longer declared and "
            f"{len(KEYS.intersection(there))} of its own among them, got {len(there) + len(added)}. {_UNCHANGED}"
        )
    altered = _qualified(schema, declared)
    return [
        *(f"alter table {altered} alter column {quoted(name)} type {TEXT}" for name in other),
        *(f"alter table {altered} add column {quoted(name)} {kind}" for name, kind in added.items()),
    ]


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
