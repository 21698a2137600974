"""What `auto` stands for, written into a declaration with all its comments. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from relevo_contract.use_case import Declaration
from relevo_contract.use_case.declaration import REST
from relevo_jobs.declaring import draft, roles
from relevo_jobs.declaring.guessing import Guess, Seen, guess
from relevo_jobs.declaring.naming import column_name
from relevo_jobs.declaring.tables import Batch
from relevo_jobs.errors import SettingsError


class _Change(NamedTuple):
    """Characters of the text, and what comes in their place."""

    begin: int
    end: int
    text: str


def resolved(text: str, declared: Declaration, batch: Batch) -> tuple[str, list[Guess]]:
    """The declaration with a type for each column, and what was guessed, by the first batch.

    Raises SettingsError if a column that is declared is not there, or the rest has none.
    """
    guesses = _guesses(declared, batch)
    root: Any = yaml.compose(text, yaml.SafeLoader)
    columns = next(value for key, value in root.value if key.value == "columns")
    changes: list[_Change] = []
    rest = [one for one in guesses.values() if one.name not in declared.columns]
    for key, value in columns.value:
        if key.value == REST:
            changes.append(_rest(text, key, value, rest, flow=bool(columns.flow_style)))
        elif key.value in guesses:
            changes.append(_one(value, guesses[key.value]))
    for change in sorted(changes, reverse=True):
        text = text[: change.begin] + change.text + text[change.end :]
    return text, list(guesses.values())


def _guesses(declared: Declaration, batch: Batch) -> dict[str, Guess]:
    """By name: the columns whose type is to be found, and those that nobody declared."""
    by_source = {column.source_name or name: name for name, column in declared.columns.items() if name != REST}
    target = declared.target.source_name or declared.target.column
    found: list[Guess] = []
    taken = {*declared.columns, declared.target.column}
    values = batch.columns()
    for place, source in enumerate(batch.names):
        name = by_source.get(source)
        if source == target or not source.strip():
            continue
        if name is None and REST in declared.columns:
            name = column_name(source, place, taken)
            taken.add(name)
            found.append(guess(Seen(source, values[source]), name))
        elif name is not None and declared.columns[name].type == "auto":
            found.append(guess(Seen(source, values[source]), name))
    gone = sorted(set(declared.unresolved) - {REST} - {one.name for one in found})
    if gone:
        raise SettingsError(
            f"expected a column {gone[0]} in {batch.title}, for its type is auto, got {', '.join(batch.names[:20])}: "
            "correct its name, or write from: with the source's"
        )
    if target in values:
        roles.assign([one for one in found if one.name not in declared.columns], Seen(target, values[target]))
    for one in found:  # what a person said stands
        if one.name in declared.columns or (one.role in {"key", "time", "place"} and declared.of_role(one.role)):
            one.role, one.within = "input" if one.role in {"time", "place"} else one.role, ()
    return {one.name: one for one in found}


def _one(value: Any, guessed: Guess) -> _Change:
    """A column that stands there: its type, and what belongs to it."""
    begin, end = value.start_mark.index, value.end_mark.index
    if isinstance(value, yaml.ScalarNode):
        return _Change(begin, end, draft.entry(_typed(guessed)))
    there = {key.value for key, _ in value.value}
    said = [(name, text) for name, text in draft.fields(_typed(guessed)) if name == "type" or name not in there]
    between = ", " if value.flow_style else "\n" + " " * value.start_mark.column
    written = between.join(f"{name}: {text}" for name, text in said)
    for key, kind in value.value:
        if key.value == "type":
            return _Change(key.start_mark.index, kind.end_mark.index, written)
    first = value.value[0][0].start_mark.index
    return _Change(first, first, f"{written}{between}")


def _typed(guessed: Guess) -> Guess:
    """What `auto` stands for is the type alone: role and name are the declaration's."""
    return Guess(Seen(guessed.name, ()), guessed.name, guessed.type, format=guessed.format, spelling=guessed.spelling)


def _rest(text: str, key: Any, value: Any, rest: list[Guess], *, flow: bool) -> _Change:
    """All others, a line each."""
    begin, end = key.start_mark.index, value.end_mark.index
    if isinstance(value, yaml.MappingNode) and not value.flow_style:  # which ends where the next thing begins
        end = value.value[-1][1].end_mark.index
    if flow:
        return _Change(begin, end, ", ".join(f"{one.name}: {draft.entry(one)}" for one in rest))
    indent = " " * key.start_mark.column
    ends = "\r\n" if "\r\n" in text else "\n"
    if not rest:
        return _Change(begin, end, "# nothing else came")
    lines: list[str] = []
    for one in rest:
        fact = f"   # {draft.comment(one.fact)}" if one.fact and one is not rest[-1] else ""
        lines += [
            *(line.lstrip() for line in draft.remarks(one.doubts, indent, one.name)),
            f"{one.name}: {draft.entry(one)}{fact}",
        ]
    return _Change(begin, end, f"{ends}{indent}".join(lines))
