"""What a use case declares otherwise than when a version was trained. Pure."""

from __future__ import annotations

from typing import Final

from relevo_contract.data_set import DataSet
from relevo_jobs.wording import listed

MOST_NAMED: Final = 4
"""Columns that are named of those that came, went or changed their type; the others are counted."""
_TYPES: Final = {"number": "a number", "day": "a date", "boolean": "true or false", "either": "an outcome"}
"""By what a rule reads; all others read texts."""


def declared_since(version: int, learnt: DataSet, now: DataSet) -> str:
    """Which inputs came, went or changed their type since a version learnt, as a sentence's end; empty if none did."""
    added = [name for name in now.inputs if name not in learnt.inputs]
    gone = [name for name in learnt.inputs if name not in now.inputs]
    types = {name: (_type(learnt, name), _type(now, name)) for name in now.inputs if name in learnt.inputs}
    retyped = [f"{name} ({before}, now {after})" for name, (before, after) in types.items() if before != after]
    told = {"added": added, "taken out": gone, "of another type": retyped}
    said = [f"{what}: {_named(columns)}" for what, columns in told.items() if columns]
    return f"; use_case.yaml has changed since version {version} learnt, {'; '.join(said)}" if said else ""


def _named(columns: list[str]) -> str:
    more = [f"{len(columns) - MOST_NAMED} more"] if len(columns) > MOST_NAMED else []
    return listed([*columns[:MOST_NAMED], *more])


def _type(data: DataSet, name: str) -> str:
    return _TYPES.get(data.rule(name).kind, "a text")
