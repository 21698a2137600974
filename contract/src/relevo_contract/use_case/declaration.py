"""The declaration of a use case, `use_case.yaml`: its columns, what is predicted, where batches come from.

All parts read it, and none of them knows more of the data than it says. docs/use-case.md tells every field.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relevo_contract.data_set import TABLES
from relevo_contract.use_case.columns import (
    COLUMN,
    MOST_COLUMNS,
    ColumnDeclaration,
    ColumnName,
    ColumnNames,
    Declared,
    Figure,
    Target,
    TypeName,
    Whole,
    Words,
    column,
)
from relevo_contract.use_case.sources import Source

REST: Final = "*"
"""In `columns`: all others."""


def contradiction(message: str, *at: str) -> PydanticCustomError:
    """What does not fit together, and the way to the field that says so."""
    return PydanticCustomError("contradiction", "{said}", {"said": message, "at": at})


NAME: Final = r"^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$"
_HOOK: Final = r"^[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*$"


class Cleaning(Declared):
    """Which rows are left out."""

    duplicates: Literal["by row", "by key", "keep"] = Field(
        default="by row", description="of rows with the same values, or the same key, the first of a batch is kept"
    )
    missing_target: Literal["reject"] = Field(default="reject", description="a row without a target is left out")
    require: dict[Annotated[str, Field(pattern=COLUMN)], ColumnNames] = Field(
        default={},
        max_length=100,
        description="by the reason under which a row is left out, columns of which one must be there",
    )
    hook: str | None = Field(
        default=None,
        pattern=_HOOK,
        description="a function of a file beside this one, as `clean:keep`: docs/your-own.md",
    )


class Holdout(Declared):
    """Which rows no version is ever trained on. A side depends on the row alone, never on its batch."""

    share: Figure = Field(
        default=0.2, ge=0.02, le=0.5, description="of the rows, or of the things that they are of, so many are held out"
    )
    by: ColumnNames = Field(
        default=(),
        description="columns that say which rows are of one thing, or day, which is held out whole; left out: the "
        "key's, or each row is its own",
    )
    where_missing: dict[ColumnName, ColumnNames] = Field(
        default={}, max_length=20, description="columns that stand in, where one of those is missing"
    )
    last: Whole | None = Field(
        default=None,
        ge=1,
        description="of each period of the time column (days, or its own unit), so much of its end...",
    )
    period: Whole | None = Field(default=None, ge=2, description="...and how long a period is")

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.last is None) != (self.period is None):
            raise ValueError("expected last and period together: of each period, its last part is held out")
        if self.last is not None and self.period is not None and not 2 * self.last <= self.period:
            raise ValueError(f"expected at most half of a period to be held out, got {self.last} of {self.period}")
        if self.last is not None and self.where_missing:
            raise ValueError("expected where_missing for a hold-out by columns, this one is by periods: leave it out")
        return self


class ModelHook(Declared):
    """The model: the default one, or one of your own."""

    train: str | None = Field(
        default=None,
        pattern=_HOOK,
        description="a function of a file beside this one, as `model:fit`: docs/your-own.md",
    )
    requirements: Words | None = Field(
        default=None, description="a file beside this one, of what that function imports"
    )
    ratios: tuple[tuple[ColumnName, ColumnName], ...] = Field(
        default=(), max_length=100, description="of the default model: pairs of numbers whose ratio tells something"
    )
    per: ColumnName | None = Field(
        default=None, description="of the default model: a number by which a positive target is also looked at"
    )


class Quality(Declared):
    """What becomes of a batch with a column that looks broken, where the champion errs."""

    broken: Literal["exclude", "warn"] = Field(
        default="exclude",
        description="`exclude`: no version learns from it until it is taken back; `warn`: it is told alone",
    )


class Judging(Declared):
    """What a training is worth, and when its version takes over; docs/decisions.md tells how each is used."""

    worth: Figure = Field(
        default=0.02, ge=0, lt=1, description="the share of the loss that a training must be expected to take off"
    )
    least_gain: Figure = Field(
        default=0.0,
        ge=-1,
        lt=1,
        description="what the lower end of that expectation must be above; 0: it is beyond noise",
    )
    confidence: Figure = Field(
        default=0.9, gt=0.5, lt=1, description="of the interval in which a challenger must be better"
    )
    tolerance: Figure = Field(
        default=0.05,
        ge=0,
        description="the rise of a place's mean loss, beyond noise, that rejects a challenger: a share of the spread",
    )


class Declaration(Declared):
    """A use case; `reading.read` makes one of a file."""

    name: str = Field(
        pattern=NAME,
        description="of the registered model, the experiment, the tables, the DAG and the ModelDeployment",
    )
    table: ColumnName | None = Field(default=None, description="of RAW and CLEAN, if it is not the name's")
    source: Source = Field(description="where batches come from: exactly one of http, files and sql")
    target: Target = Field(description="what is predicted")
    columns: dict[
        ColumnName | Literal["*"],
        Annotated[ColumnDeclaration, BeforeValidator(column, json_schema_input_type=TypeName | ColumnDeclaration)],
    ] = Field(
        min_length=1,
        max_length=MOST_COLUMNS,
        description='what the columns are, by name: a type alone, or its fields; `"*": auto` stands for all others, '
        "which `relevo check --write` writes here",
        json_schema_extra={"propertyNames": {"pattern": rf"{COLUMN}|^\*$"}},
    )
    clean: Cleaning = Field(default=Cleaning(), description="which rows are left out")
    holdout: Holdout = Field(default=Holdout(), description="which rows no version is ever trained on")
    model: ModelHook = Field(default=ModelHook(), description="the model: the default one, or one of your own")
    quality: Quality = Field(default=Quality(), description="what becomes of a batch with a column that looks broken")
    judge: Judging = Field(default=Judging(), description="what a training is worth, and when its version takes over")

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        self._expect_target()
        self._expect_names()
        self._expect_columns()
        sides = {*self.holdout.by, *self.holdout.where_missing}
        sides |= {name for one in self.holdout.where_missing.values() for name in one}
        self._expect_kept("holdout", sides)
        for reason, needed in self.clean.require.items():
            self._expect_kept(f"clean.require.{reason}", set(needed))
        if strange := sorted(set(self.holdout.where_missing) - set(self.holdout.by)):
            raise contradiction(
                f"expected columns of holdout.by, {', '.join(strange)} is none: nothing can stand in for it",
                "holdout", "where_missing",
            )  # fmt: skip
        self._expect_numbers("ratios", {name for pair in self.model.ratios for name in pair})
        self._expect_numbers("per", set() if self.model.per is None else {self.model.per})
        if self.holdout.period is not None and not self.of_role("time"):
            raise contradiction(
                "expected a column with role time: holdout has a period, which is a time's", "holdout", "period"
            )
        if self.clean.duplicates == "by key" and not self.of_role("key"):
            raise contradiction("expected a column with role key: clean has duplicates by key", "clean", "duplicates")
        if self.model.per is not None and self.target.task != "positive-number":
            raise contradiction(
                f"expected model.per for task positive-number alone, the task is {self.target.task}", "model", "per"
            )
        return self

    def _expect_target(self) -> None:
        target = self.target.column
        marked = [name for name, column in self.columns.items() if column.type == "target"]
        for name in marked:
            if name != target:
                raise contradiction(
                    f"expected {target} as the target alone, {name} is marked as one: correct its type", "columns", name
                )
        if target in self.columns and not marked:
            raise contradiction(
                f"expected {target}, which is the target, to be told under target: leave it out here, or write "
                f"`{target}: target`",
                "columns", target,
            )  # fmt: skip

    def _expect_names(self) -> None:
        """The tables' name, and the names in the source."""
        if self.tables in TABLES:
            raise contradiction(
                f"expected a name for its tables that RAW and CLEAN do not use themselves, got {self.tables}: write "
                "another as table",
                "name" if self.table is None else "table",
            )  # fmt: skip
        taken: dict[str, str] = {self.target.source_name or self.target.column: self.target.column}
        for name, one in self.columns.items():
            if name not in {REST, self.target.column}:
                source = one.source_name or name
                if source in taken:
                    raise contradiction(
                        f"expected each column to have a name of its own in the source, {taken[source]} and {name} "
                        f"are both {source}",
                        "columns", name,
                    )  # fmt: skip
                taken[source] = name

    def _expect_columns(self) -> None:
        """What columns are, and how they hang together."""
        rest = self.columns.get(REST)
        if rest is not None and rest != ColumnDeclaration(type="auto"):
            raise contradiction(f'expected `"{REST}": auto`: what the rest is, each column says', "columns", REST)
        for role in ("time", "place"):
            if len(of := self.of_role(role)) > 1:
                raise contradiction(f"expected one column with role {role}, got {', '.join(of)}", "columns", of[1])
        for place in self.of_role("place"):
            for finer in self.columns[place].within:
                self._expect_known(("columns", place), {finer})
                column = self.columns.get(finer)
                if finer in {place, self.target.column} or (
                    column and (column.type not in {"category", "boolean", "auto"} or column.role != "input")
                ):
                    raise contradiction(
                        f"expected finer places that are categories, {finer} is none: leave it out of within",
                        "columns", place,
                    )  # fmt: skip
        if not any(c.role in {"input", "place"} and c.type not in {"text", "target"} for c in self.columns.values()):
            raise contradiction(
                "expected at least one column to learn from: number, integer, category, date or boolean", "columns"
            )

    def _expect_known(self, at: tuple[str, ...], named: set[str]) -> None:
        unknown = named - set(self.columns) - {self.target.column}
        if unknown and REST not in self.columns:
            raise contradiction(
                f"expected columns in {'.'.join(at)} that are declared, got {', '.join(sorted(unknown))}", *at
            )

    def _expect_kept(self, where: str, named: set[str]) -> None:
        """Columns that CLEAN has, the target apart: a side must not depend on what is predicted."""
        at = tuple(where.split("."))
        self._expect_known(at, named)
        ignored = [name for name in sorted(named) if name in self.columns and self.columns[name].role == "ignored"]
        if ignored or self.target.column in named:
            raise contradiction(
                f"expected columns in {where} that CLEAN keeps, the target apart, got "
                f"{ignored[0] if ignored else self.target.column}",
                *at,
            )

    def _expect_numbers(self, field: str, named: set[str]) -> None:
        self._expect_known(("model", field), named)
        for name in sorted(named):
            column = self.columns.get(name)
            if name == self.target.column or (
                column and (column.type not in {"number", "integer", "auto"} or column.role != "input")
            ):
                raise contradiction(
                    f"expected inputs that are numbers in model.{field}, {name} is none", "model", field
                )

    def of_role(self, role: str) -> tuple[str, ...]:
        """The columns with this role."""
        return tuple(name for name, column in self.columns.items() if column.role == role)

    @property
    def order(self) -> tuple[str, ...]:
        """The columns as a source sends them that sends lists; a target that has no place among them is the last."""
        named = [name for name in self.columns if name != REST]
        return tuple(named if self.target.column in named else [*named, self.target.column])

    @property
    def sent(self) -> tuple[str, ...]:
        """The same by the source's names."""
        names = {name: one.source_name for name, one in self.columns.items()}
        names[self.target.column] = self.target.source_name
        return tuple(names[name] or name for name in self.order)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Columns whose type nobody has said yet."""
        return tuple(name for name, column in self.columns.items() if column.type == "auto")

    @property
    def tables(self) -> str:
        """The name of its tables in RAW and CLEAN."""
        return self.table or self.name.replace("-", "_")
