"""What a declaration makes of its first batches: by the steps' own rules, kept in no store. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.texts import shown, tidy
from relevo_contract.use_case import Declaration
from relevo_contract.use_case.declaration import REST
from relevo_contract.values import ABSENT, Value
from relevo_jobs.clean.fates import Kept
from relevo_jobs.collect.rows import Row
from relevo_jobs.declaring.guessing import MANY, Seen, figure
from relevo_jobs.declaring.roles import leak
from relevo_jobs.declaring.tables import GUESSED_ROWS, Batch
from relevo_jobs.use_case import UseCase

WORTH_TELLING: Final = 0.05
"""The share of a column's values, or of the rows, whose loss is worth a look."""
EMPTY: Final = 0.5
OFTEN: Final = 0.5
"""A category of which more than this share of the rows differ tells nothing."""
NAMED: Final = 10
"""Columns that a sentence names."""


@dataclass
class CheckedBatch:
    """A batch, and what became of its rows."""

    title: str
    rows: int = 0
    whole: bool = True
    kept: int = 0
    held_out: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    """By reason."""


@dataclass
class CheckedColumn:
    """A column, and what became of its values in the rows that are kept."""

    name: str
    type: str
    role: str
    there: bool = False
    """Whether any batch has it."""
    values: int = 0
    blanked: int = 0
    """Values that were there, and are missing in CLEAN."""
    why: str = ""
    """Of the first of those."""
    counts: Counter[Value] = field(default_factory=Counter)
    """How often each value is kept."""


@dataclass
class Checked:
    """What a declaration makes of its first batches."""

    name: str
    task: str
    positive: str | None
    batches: list[CheckedBatch] = field(default_factory=list)
    columns: dict[str, CheckedColumn] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    """By reason why a row is left out, what the first such row said."""
    undeclared: list[str] = field(default_factory=list)
    """Columns that batches have and nobody declared; their values stay in the body."""
    problems: list[str] = field(default_factory=list)
    """Why the use case would not run."""
    doubts: list[str] = field(default_factory=list)
    """What a person should look at."""

    @property
    def rows(self) -> int:
        """That came."""
        return sum(batch.rows for batch in self.batches)

    @property
    def kept(self) -> int:
        """Rows that CLEAN would have."""
        return sum(batch.kept for batch in self.batches)

    @property
    def target(self) -> CheckedColumn:
        """The column that is predicted."""
        return next(column for column in self.columns.values() if column.role == "target")


def check(declared: Declaration, use_case: UseCase, batches: Iterable[Batch]) -> Checked:
    """Clean the batches, and look at what came of it. Raises what reading them raises."""
    data = use_case.data
    positive = declared.target.positive
    found = Checked(declared.name, data.task, positive)
    for name in data.columns:
        column = declared.columns.get(name)
        is_target = column is None or name == data.target
        of = (data.task, "target") if column is None or is_target else (column.type, column.role)
        found.columns[name] = CheckedColumn(name, *of)
    undeclared: dict[str, None] = {}
    sample: list[Row] = []
    for batch in batches:
        at = {name: place for place, name in enumerate(batch.names)}
        places = [at.get(name) for name in data.sent]
        for name, place in zip(data.columns, places, strict=True):
            found.columns[name].there |= place is not None
        undeclared |= dict.fromkeys(name for name in batch.names if name not in data.sent)
        rows = [tuple([None if place is None else row[place] for place in places]) for row in batch.rows]
        found.batches.append(_cleaned(found, batch, rows, use_case))
        sample += rows[: GUESSED_ROWS - len(sample)]
    found.undeclared = list(undeclared)
    found.problems = _problems(found)
    if not found.problems:
        found.doubts = [*_of_rows(found), *_of_target(found), *_of_columns(found), *_of_leaks(found, sample)]
    return found


def _cleaned(found: Checked, batch: Batch, rows: Sequence[Row], use_case: UseCase) -> CheckedBatch:
    made = CheckedBatch(batch.title, len(rows), batch.whole)
    columns = list(found.columns.values())
    for row, fate in zip(rows, use_case.clean(rows), strict=True):
        if not isinstance(fate, Kept):
            made.left_out[fate.reason] = made.left_out.get(fate.reason, 0) + 1
            found.examples.setdefault(fate.reason, fate.detail)
            continue
        made.kept += 1
        made.held_out += fate.holdout
        for place, column in enumerate(columns):
            value = fate.values.get(column.name)
            if column.role == "ignored" and (came := row[place]) is not None and tidy(came).casefold() not in ABSENT:
                column.values += 1
            if value is not None:
                column.values += 1
                column.counts[value] += 1
            elif column.name in fate.blanked:
                column.blanked += 1
                column.why = column.why or fate.blanked[column.name]
    return made


def _problems(found: Checked) -> list[str]:
    """Why it would not run."""
    gone = [column.name for column in found.columns.values() if not column.there]
    said = []
    if gone:
        others = f"; it has {_names(found.undeclared)}, which nobody declared" if found.undeclared else ""
        said.append(
            f"expected the columns that are declared, {_names(gone)} {'is' if len(gone) == 1 else 'are'} in no batch "
            f"looked at{others}: correct the name, write from: with the source's, or leave it out"
        )
    if not found.kept:
        why = "; ".join(f"{reason}: {example}" for reason, example in found.examples.items())
        said.append(f"expected rows to learn from, all {found.rows:,} are left out ({why}): correct what is declared")
    return said


def _of_rows(found: Checked) -> list[str]:
    left_out = found.rows - found.kept
    said = []
    if left_out > WORTH_TELLING * found.rows:
        said.append(f"{percent(left_out / found.rows)} of the rows are left out: is that what you expect?")
    held_out = sum(batch.held_out for batch in found.batches)
    if not held_out or held_out == found.kept:
        said.append(
            f"{'no row is' if not held_out else 'every row is'} held out: versions are judged on rows that are, and "
            "learn from those that are not; look at holdout"
        )
    return said


def _of_target(found: Checked) -> list[str]:
    target = found.target
    if len(target.counts) == 1:
        (value,) = target.counts
        what = (
            f"{target.name} is {found.positive} in" if value == 1.0 else f"{target.name} is never {found.positive} in"
        )
        if found.positive is None:
            what = f"{target.name} is {_figure(value)} in"
        return [f"{what} all {found.kept:,} rows looked at: nothing is trained until a batch has another outcome"]
    if found.positive is not None and (rare := min(target.counts.values())) < 20:
        return [f"one of {target.name}'s outcomes came {rare} times: what is learnt of it is hardly more than chance"]
    return []


def _of_columns(found: Checked) -> list[str]:
    said = []
    for column in found.columns.values():
        seen = column.values + column.blanked
        if column.blanked > WORTH_TELLING * seen:
            said.append(f"{column.name}: {percent(column.blanked / seen)} of its values become missing: {column.why}")
        if column.role not in {"input", "place", "time"} or column.type == "text":
            continue
        different = len(column.counts)
        if not column.values:
            said.append(f"{column.name} is empty in every row that is kept: nothing is learnt from it until it comes")
        elif different == 1 and found.kept > 1:
            said.append(
                f"{column.name} is always {_figure(next(iter(column.counts)))}: nothing can be learnt from it yet"
            )
        elif column.type == "category" and different > max(MANY, OFTEN * column.values):
            said.append(
                f"{column.name} has {different:,} different values in {column.values:,} rows, hardly any comes again: "
                "declare it as text"
            )
        elif column.type == "category" and different > MANY:
            said.append(f"{column.name} has {different:,} different values, which are many to learn from")
        if column.values < EMPTY * found.kept and column.values:
            said.append(f"{column.name} is missing in {percent(1 - column.values / found.kept)} of the rows")
    if found.undeclared:
        said.append(
            f'nobody declared {_names(found.undeclared)}: kept in the body alone; `"{REST}": auto` takes them in, and '
            "leaving them out is fine"
        )
    return said


def _of_leaks(found: Checked, sample: Sequence[Row]) -> list[str]:
    """Inputs that tell the target."""
    columns = list(found.columns.values())
    values = list(zip(*sample, strict=True))
    target = Seen(found.target.name, values[columns.index(found.target)])
    said = []
    for column, came in zip(columns, values, strict=True):
        if column.role == "input" and column.type != "text" and (why := leak(Seen(column.name, came), target)):
            said.append(f"{column.name}: {why}: role: ignored, unless it is known before the target is")
    return said


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(shown(name)[1:-1] for name in names[:NAMED]) + more


def _figure(value: Value) -> str:
    return figure(value) if isinstance(value, float) else shown(str(value))
