"""The declaration of a use case, `use_case.yaml`: its columns, what is predicted, where batches come from.

All parts read it, and none of them knows more of the data than it says. docs/use-case.md tells every field.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from relevo_contract.use_case.columns import (
    COLUMN,
    MOST_COLUMNS,
    ColumnDeclaration,
    ColumnName,
    ColumnNames,
    Declared,
    Target,
    Words,
    column,
)
from relevo_contract.use_case.sources import Source

REST: Final = "*"
"""In `columns`: all others."""
_NAME: Final = r"^[a-z]([a-z0-9-]{0,48}[a-z0-9])?$"
_HOOK: Final = r"^[A-Za-z_][A-Za-z0-9_]*:[A-Za-z_][A-Za-z0-9_]*$"


class Cleaning(Declared):
    """Which rows are left out."""

    duplicates: Literal["by row", "by key", "keep"] = Field(
        default="by row", description="of rows with the same values, or the same key, the first of a batch is kept"
    )
    missing_target: Literal["reject"] = "reject"
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

    share: float = Field(default=0.2, ge=0.02, le=0.5)
    by: ColumnNames = Field(
        default=(),
        description="columns that say which rows are of one thing, or day, which is held out whole; left out: the "
        "key's, or each row is its own",
    )
    where_missing: dict[ColumnName, ColumnNames] = Field(
        default={}, max_length=20, description="columns that stand in, where one of those is missing"
    )
    last: int | None = Field(
        default=None,
        ge=1,
        description="of each period of the time column (days, or its own unit), so much of its end...",
    )
    period: int | None = Field(default=None, ge=2, description="...and how long a period is")

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

    broken: Literal["exclude", "warn"] = "exclude"


class Declaration(Declared):
    """A use case; `reading.read` makes one of a file."""

    name: str = Field(
        pattern=_NAME,
        description="of the registered model, the experiment, the tables, the DAG and the ModelDeployment",
    )
    table: ColumnName | None = Field(default=None, description="of RAW and CLEAN, if it is not the name's")
    source: Source
    target: Target
    columns: dict[ColumnName | Literal["*"], Annotated[ColumnDeclaration, BeforeValidator(column)]] = Field(
        min_length=1, max_length=MOST_COLUMNS
    )
    clean: Cleaning = Cleaning()
    holdout: Holdout = Holdout()
    model: ModelHook = ModelHook()
    quality: Quality = Quality()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        names, target = set(self.columns) - {REST}, self.target.column
        marked = [name for name, column in self.columns.items() if column.type == "target"]
        if marked not in ([], [target]) or (target in names and not marked):
            raise ValueError(
                f"expected {target} as the target alone, got {', '.join(marked) or target} among the columns: leave it "
                f"out there, or write `{target}: target`"
            )
        self._expect_known("clean.require", {name for one in self.clean.require.values() for name in one})
        standing_in = {name for one in self.holdout.where_missing.values() for name in one}
        self._expect_known("holdout", {*self.holdout.by, *self.holdout.where_missing, *standing_in})
        self._expect_known("model", {name for pair in self.model.ratios for name in pair} | {self.model.per or target})
        for role in ("time", "place"):
            if len(of := self.of_role(role)) > 1:
                raise ValueError(f"expected one column with role {role}, got {', '.join(of)}")
        for place in self.of_role("place"):
            self._expect_known("within", set(self.columns[place].within))
        if self.holdout.period is not None and not self.of_role("time"):
            raise ValueError("expected a column with role time: holdout has a period, which is a time's")
        if self.clean.duplicates == "by key" and not self.of_role("key"):
            raise ValueError("expected a column with role key: clean has duplicates by key")
        if self.model.per is not None and self.target.task != "positive-number":
            raise ValueError(f"expected model.per for task positive-number alone, the task is {self.target.task}")
        if not any(c.role in {"input", "place"} and c.type not in {"text", "target"} for c in self.columns.values()):
            raise ValueError("expected at least one column to learn from: number, integer, category, date or boolean")
        sources = [c.source_name or name for name, c in self.columns.items() if name != target]
        sources.append(self.target.source_name or target)
        if len(sources) != len(set(sources)):
            raise ValueError("expected each column to have a name of its own in the source, one stands twice")
        return self

    def _expect_known(self, where: str, named: set[str]) -> None:
        unknown = named - set(self.columns) - {self.target.column}
        if unknown and REST not in self.columns:
            raise ValueError(f"expected columns in {where} that are declared, got {', '.join(sorted(unknown))}")

    def of_role(self, role: str) -> tuple[str, ...]:
        """The columns with this role."""
        return tuple(name for name, column in self.columns.items() if column.role == role)

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Columns whose type nobody has said yet."""
        return tuple(name for name, column in self.columns.items() if column.type == "auto")

    @property
    def tables(self) -> str:
        """The name of its tables in RAW and CLEAN."""
        return self.table or self.name.replace("-", "_")
