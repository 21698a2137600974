"""What the form asks for and what it sends, by the data set's columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import floor, isfinite, log10
from typing import Any, Final, Literal

from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import spelling, values_of
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_contract.values import Boolean, Day, Number
from relevo_contract.version import Example, Vocabulary
from relevo_ui.wording import Wording

MOST_OFFERED: Final = 2000
FEW: Final = 60
"""Categories of a column, up to which the typical row's is a likely one: of more, each is rare."""
MOST_FIELDS: Final = 100
"""Of the form; a wider row is a CSV's."""
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
"""What a calendar offers at most: it draws every year."""


DIGITS: Final = 4
"""Of a number that the form begins with."""
LARGEST: Final = 2.0**53
"""Beyond it a browser's numbers have gaps."""


@dataclass(frozen=True)
class Field:
    """An input as the form asks for it."""

    name: str
    kind: Literal["number", "integer", "category", "boolean", "date", "text"]
    default: Any = None
    """None: it is left empty."""
    options: tuple[str, ...] = ()
    """Of a category, those that the version knows, the most frequent first."""
    step: float = 1.0
    low: Any = None
    """The smallest value that is believed, if there is one."""
    high: Any = None


@dataclass(frozen=True)
class Group:
    """Fields that are asked for together."""

    title: str
    """Empty: there is nothing to tell them from."""
    fields: tuple[Field, ...]


def grouped(asked: Sequence[Field], say: Wording) -> list[Group]:
    """The fields as the declaration groups them; what it does not group by what it is: a place, a day, or another."""
    groups: dict[str, list[Field]] = {}
    for field in asked:
        groups.setdefault(say.group(field.name) or _kind(field, say), []).append(field)
    rest = groups.pop("", [])
    found = [Group(title, tuple(of)) for title, of in groups.items()]
    return [*found, Group(say("what else is known") if found else "", tuple(rest))] if rest else found


def _kind(field: Field, say: Wording) -> str:
    return say("where") if field.name in say.data.places else say("when") if field.kind == "date" else ""


def fields(data: DataSet, profile: Profile | None, typical: Example | None) -> list[Field]:
    """The inputs, with the typical row's values where they are likely; places first, then numbers, free texts last."""
    usual = {} if typical is None else values_of(data, typical.inputs)
    ordered = (data.numeric, (*data.compared, *data.dates), data.categorical)
    names = list(dict.fromkeys([*data.places, *(name for of in ordered for name in data.columns if name in of)]))
    return [_field(data, name, usual.get(name), profile) for name in names[:MOST_FIELDS]]


def _field(data: DataSet, name: str, usual: Any, profile: Profile | None) -> Field:
    rule = data.rule(name)
    if isinstance(rule, Number):
        low, high = (end if isfinite(end) else None for end in (rule.low, rule.high))
        usual = float(f"{usual:.{DIGITS}g}") if isinstance(usual, float) and abs(usual) < LARGEST else None
        usual = float(round(usual)) if rule.whole and usual is not None else usual
        return Field(name, "integer" if rule.whole else "number", usual, step=_step(usual), low=low, high=high)
    if isinstance(rule, Day):
        first, last = max(rule.first, FIRST_DAY), min(rule.last, LAST_DAY)
        return Field(name, "date", usual if usual and first <= usual <= last else None, low=first, high=last)
    if isinstance(rule, Boolean):
        return Field(name, "boolean", usual, options=("true", "false"))
    if name not in data.compared:
        return Field(name, "text")
    options = offered(profile, name)
    same = next((one for one in options if spelling(one) == spelling(usual)), None)
    return Field(name, "category", same if len(options) <= FEW and name not in data.within else None, tuple(options))


def _step(usual: Any) -> float:
    """What a click adds to a number of this size: 1 to 3, 100 to 1,500, 0.1 to 0.2."""
    if not isinstance(usual, float) or not usual:
        return 1.0
    size = floor(log10(abs(usual)))
    return float(10.0 ** (size - 1 if size > 0 else size))


def offered(profile: Profile | None, name: str) -> list[str]:
    """The categories of an input that the model knows, the most frequent first; empty if that is not known."""
    known = profile.columns.get(name) if profile is not None else None
    if not isinstance(known, CategoricalProfile):
        return []
    frequent = sorted(known.counts, key=lambda category: (-known.counts[category], category))
    return [category for category in frequent[:MOST_OFFERED] if category]


def within(field: Field, vocabulary: Vocabulary | None, place: str | None) -> Field:
    """The field of a finer place with the categories of this place alone; as it is where those are not known."""
    found = vocabulary.within.get(field.name, {}) if vocabulary is not None else {}
    return replace(field, options=found.get(spelling(place or ""), field.options))


def refused(data: DataSet, row: Mapping[str, Any]) -> dict[str, str]:
    """By input why its value cannot be: the page says so beside the field rather than predict as if it were unknown."""
    _, doubts, errors = data.understand(row)
    return doubts | errors


def hint(field: Field, say: Wording) -> str | None:
    """Which values of a number are believed."""
    if field.kind not in {"number", "integer"} or (field.low is None and field.high is None):
        return None
    low, high = (None if end is None else f"{end:,.10g}" for end in (field.low, field.high))
    if high is None:
        return say("from {low} up", low=low)
    return say("up to {high}", high=high) if low is None else say("{low} to {high}", low=low, high=high)


def row(data: DataSet, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The row to be sent: what was left empty is left out."""
    filled = {name: value.strip() if isinstance(value, str) else value for name, value in inputs.items()}
    return {name: _sent(data, name, value) for name, value in filled.items() if value not in (None, "")}


def _sent(data: DataSet, name: str, value: Any) -> Any:
    rule = data.rule(name)
    if isinstance(value, date):
        return value.strftime(rule.format) if isinstance(rule, Day) and rule.format else value.isoformat()
    return value
