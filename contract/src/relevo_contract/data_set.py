"""A data set: which columns its rows have, and what each of them is. The listings are one, a team's own is another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pydantic_core
from numpy.typing import NDArray
from pydantic import TypeAdapter

from relevo_contract.tasks import TASKS, Task, TaskName
from relevo_contract.values import AnyRule, Came, Day, Either, Number, Text, Value

Columns = Mapping[str, NDArray[Any]]
"""A table by column, each of shape (n,): numbers as float64 with NaN where missing, text as object with None where
missing, dates as datetime64[D] with NaT where missing, the target as float64 where known."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
"""PostgreSQL cuts a longer one off."""
KEYS: Final = frozenset(
    {"batch_id", "group_number", "batch_number", "row_number", "holdout", "reason", "detail"}
    | {"request", "at", "model", "version", "run_id", "prediction", "low", "high", "unseen"}
)
"""Columns that RAW and CLEAN have beside a data set's own."""
RESERVED: Final = KEYS | {"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"}
"""Names that a column cannot have: those, and what every table of PostgreSQL's has."""
TABLES: Final = frozenset(
    {
        "batches",
        "rejections",
        "blanked",
        "inferences",
        "inference_spools",
        "in_flight",
        "schema_versions",
        "source_files",
    }
)
"""Tables that they have beside its own."""


@dataclass(frozen=True)
class DataSet:
    """What the steps must know of a data set to keep it, to hold batches against each other and to judge versions.

    Raises ValueError if the parts do not belong together.
    """

    name: str
    """Of its tables: `raw.<name>`, `clean.<name>`."""
    columns: tuple[str, ...]
    """As the source sends them, in its order."""
    target: str
    """What is predicted."""
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    """Inputs that are text, as `numeric` and `dates` are those that are numbers and days."""
    dates: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    """Of the categorical, those whose distribution tells something; not one in which nearly every row differs."""
    place: str | None = None
    """Of the compared, the one by which rows hang together: a place hardly known calls for a training, and in none may
    a challenger become much worse. None: there is none."""
    within: tuple[str, ...] = ()
    """Of the compared, finer places, of which every batch has some never seen."""
    rules: Mapping[str, AnyRule] = field(default_factory=dict, hash=False)
    """What the values of a column are, if that is more than a number, a text or a day."""
    task: TaskName = "positive-number"
    """What kind of thing the target is, and what an error of it."""
    aside: tuple[str, ...] = ()
    """Columns that CLEAN keeps and no model is given, each with a rule: keys, and what the rows are ordered by."""
    ignored: tuple[str, ...] = ()
    """Columns that RAW alone keeps."""
    source_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By column what the source calls it, where that is another name."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """By column and language what people call it."""
    units: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """By column and language its unit, where it is told in several."""
    value_labels: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict, hash=False)
    """By column, value and language what people call the value."""
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """By column and language what people call the group that a form asks for it in."""

    def __post_init__(self) -> None:
        compared = set(self.compared)
        spelled = {name for name in (self.name, *self.columns) if not _NAME.match(name)}
        taken = {*RESERVED.intersection(self.columns), *TABLES.intersection({self.name})}
        told = (*self.typed, *self.ignored)
        twice = {name for names in (self.columns, told) for name, count in Counter(names).items() if count > 1}
        self._expect_none(spelled, "names of small letters, digits and _, at most 63")
        self._expect_none(taken, "names that RAW and CLEAN do not use themselves")
        self._expect_none(twice, "each column once")
        kinds = "every column to be the target, numeric, categorical, a date, aside or ignored"
        self._expect_none(set(told) ^ set(self.columns), kinds)
        self._expect_none(compared.difference(self.categorical), "the compared columns to be categorical")
        self._expect_none({*self.within, *self.places} - compared, "place and within to be compared columns")
        self._expect_none(set(self.rules).difference(self.columns), "rules for its columns alone")
        self._expect_none(set(self.aside).difference(self.rules), "a rule for each column that is kept aside")
        unfit = {self.target} if isinstance(self.rule(self.target), Either) != (self.task == "binary") else set[str]()
        self._expect_none(unfit, "two outcomes as the target's rule where, and only where, the task is binary")

    def _expect_none(self, wrong: set[str], expected: str) -> None:
        if wrong:
            raise ValueError(f"data set {self.name}: expected {expected}, got {sorted(wrong)}; correct its DataSet")

    def rule(self, column: str) -> AnyRule:
        """What the values of a column are."""
        if (rule := self.rules.get(column)) is not None:
            return rule
        return Day() if column in self.dates else Text() if column in self.categorical else Number()

    def understand(self, row: Mapping[str, Came]) -> tuple[dict[str, Value | None], dict[str, str], dict[str, str]]:
        """Understand a row, whatever came of each of these columns, by the one rule that the column has.

        Returns values by column, None where there is none or none that is believed; and by column why what was
        understood is not believed, and why what came is no value of its kind.
        """
        read = {column: self.rule(column).read(came) for column, came in row.items()}
        return (
            {column: found.value for column, found in read.items()},
            {column: found.doubt for column, found in read.items() if found.doubt},
            {column: found.error for column, found in read.items() if found.error},
        )

    @property
    def sent(self) -> tuple[str, ...]:
        """The columns by the source's names, in its order."""
        return tuple(self.source_names.get(name, name) for name in self.columns)

    @property
    def predicts(self) -> Task:
        """The task: what an error of a prediction is."""
        return TASKS[self.task]

    @property
    def unit(self) -> str:
        """The target's; empty if it has none."""
        rule = self.rule(self.target)
        return rule.unit if isinstance(rule, Number) else ""

    @property
    def places(self) -> tuple[str, ...]:
        """The place and those within it."""
        return () if self.place is None else (self.place, *self.within)

    @property
    def typed(self) -> tuple[str, ...]:
        """The columns in CLEAN's order."""
        return (*self.numeric, self.target, *self.categorical, *self.dates, *self.aside)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What a model may be asked with."""
        return (*self.numeric, *self.categorical, *self.dates)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns held against each other as numbers; a date counts as its year with a fraction."""
        return (self.target, *self.numeric, *self.dates)


_JSON: Final = TypeAdapter(DataSet)


def to_json(data: DataSet) -> bytes:
    """Write a data set as it travels in a version; an infinite bound is a text, for JSON has no number for it."""
    return pydantic_core.to_json(data, indent=1, inf_nan_mode="strings")


def from_json(body: bytes) -> DataSet:
    """Read what `to_json` wrote. Raises ValueError (pydantic's ValidationError is one) if it is no data set."""
    return _JSON.validate_json(body)
