"""The columns of a use case, and its target, as they are declared."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from relevo_contract.tasks import TaskName

MOST_COLUMNS: Final = 1_000
LONGEST: Final = 200
COLUMN: Final = r"^[a-z][a-z0-9_]{0,62}$"

Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]


def _as_text(came: Any) -> Any:
    """A label such as 1 or true is meant as its text."""
    if isinstance(came, bool):
        return str(came).lower()
    return f"{came}" if isinstance(came, int | float) else came


def _as_list(came: Any) -> Any:
    return [came] if isinstance(came, str) else came


Label = Annotated[Words, BeforeValidator(_as_text)]
"""A value of a column, as it is spelt."""
ColumnName = Annotated[str, Field(pattern=COLUMN)]
ColumnNames = Annotated[tuple[ColumnName, ...], BeforeValidator(_as_list), Field(max_length=MOST_COLUMNS)]


class Declared(BaseModel):
    """What every part of a declaration is: fields that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


InLanguages = Words | dict[Literal["en", "es"], Words]
"""What people call something, in one language or several."""


class Named(Declared):
    """What people call a column, and its source; the target's as well."""

    unit: InLanguages | None = Field(default=None, description="of a number, as people read it")
    label: InLanguages | None = Field(default=None, description="what people call it, in one language or several")
    values: dict[Label, InLanguages] = Field(
        default={}, max_length=1_000, description="what people call values of a category, by how they are spelt"
    )
    source_name: Words | None = Field(
        default=None, alias="from", description="what the source calls it, if that is no name of small letters"
    )

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class ColumnDeclaration(Named):
    """A column, its target's apart."""

    type: Literal["number", "integer", "category", "text", "date", "boolean", "target", "auto"] = Field(
        description="what its values are; `text`: kept, and nothing is learnt from its words; `auto`: `relevo check` "
        "writes here what the first batch shows; `target`: the target's place among the columns, which matters "
        "where the source sends rows as lists"
    )
    role: Literal["input", "key", "time", "place", "ignored"] = Field(
        default="input",
        description="`key` names what a row is about, `time` orders rows, neither is learnt from; `place`: rows hang "
        "together by it, and in none may a version become much worse; `ignored`: RAW alone has it",
    )
    within: ColumnNames = Field(default=(), description="of a place, columns that are finer places in it")
    range: tuple[float | date | None, float | date | None] | None = Field(
        default=None, description="the smallest and the largest value that are believed; null: no bound"
    )
    unknown: tuple[Label, ...] = Field(
        default=(), max_length=100, description="values that stand for an unknown one, beside those that all know"
    )
    spelling: Literal["identifier", "zip-code"] | None = Field(
        default=None,
        description="of a category or text: `identifier`, a number that names, which a spreadsheet may have spoilt "
        "(103.0 is 103); `zip-code`, a US zip code with its leading zeros",
    )
    format: str | None = Field(
        default=None,
        min_length=2,
        max_length=40,
        description="of a date that is not spelt 2020-05-31, as strptime has it",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        numeric = self.type in {"number", "integer"}
        if self.unit is not None and not numeric:
            raise ValueError(f"expected a unit for numbers alone, this column is a {self.type}: leave the unit out")
        if self.values and self.type not in {"category", "boolean"}:
            raise ValueError(f"expected values for categories, this column is a {self.type}: leave values out")
        if self.format is not None and self.type != "date":
            raise ValueError(f"expected a format for dates alone, this column is a {self.type}: leave the format out")
        if self.spelling is not None and self.type not in {"category", "text"}:
            raise ValueError(
                f"expected a spelling for categories and texts, this column is a {self.type}: leave it out"
            )
        if self.role == "place" and self.type != "category":
            raise ValueError(f"expected a place to be a category, this column is a {self.type}")
        if self.role == "time" and self.type not in {"number", "integer", "date", "auto"}:
            raise ValueError(f"expected a time to be a date or a number, this column is a {self.type}")
        if numeric and not all(map(_is_figure, self.unknown)):
            raise ValueError(f"expected numbers as unknown of a {self.type}, got {', '.join(self.unknown)}")
        if self.within and self.role != "place":
            raise ValueError("expected within for a place alone: give this column role: place, or leave it out")
        if self.range is not None:
            if not numeric and self.type != "date":
                raise ValueError(f"expected a range for numbers and dates, this column is a {self.type}: leave it out")
            low, high = self.range
            kinds = {type(end) for end in (low, high) if end is not None}
            if kinds - ({date} if self.type == "date" else {float}):
                raise ValueError(
                    f"expected a range of {'days' if self.type == 'date' else 'numbers'}, got {low} to {high}"
                )
            if low is not None and high is not None and low > high:  # type: ignore[operator]  # of one kind by now
                raise ValueError(f"expected the smallest value first in the range, got {low} to {high}")
        return self


def _is_figure(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def column(came: Any) -> Any:
    """A column may be declared by its type alone."""
    return {"type": came} if isinstance(came, str) else came


class Target(Named):
    """What is predicted."""

    column: ColumnName
    task: TaskName = Field(
        description="`positive-number`: errors are shares of it; `number`: of any sign, errors are in its unit; "
        "`binary`: the probability of one of two outcomes"
    )
    positive: Label | None = Field(default=None, description="of two outcomes, the one whose probability is predicted")
    negative: Label | None = Field(default=None, description="the other one; left out: whatever else is there")
    range: tuple[float | None, float | None] | None = Field(
        default=None, description="of a number: a row whose target lies outside is left out"
    )

    @model_validator(mode="before")
    @classmethod
    def _knows_its_task(cls, came: Any) -> Any:
        if isinstance(came, dict) and str(came.get("task", "")).replace("_", "-") in {"multiclass", "multi-class"}:
            raise ValueError(
                "expected task positive-number, number or binary, got multi-class: a version predicts one number; "
                "declare a use case for each outcome, binary, with that outcome as positive"
            )
        return came

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        binary = self.task == "binary"
        if binary and self.positive is None:
            raise ValueError("expected positive, the outcome whose probability is predicted: task binary needs it")
        if not binary and (self.positive or self.negative or self.values or None) is not None:
            raise ValueError(f"expected positive, negative and values for task binary alone, the task is {self.task}")
        if binary and (self.unit or self.range) is not None:
            raise ValueError("expected no unit and no range for task binary: a probability has none")
        if binary and self.negative is not None and self.negative.casefold() == str(self.positive).casefold():
            raise ValueError(f"expected two outcomes, positive and negative are both {self.positive}")
        if self.range is not None and None not in self.range and self.range[0] >= self.range[1]:  # type: ignore[operator]
            raise ValueError(f"expected the smallest value first in the range, got {self.range[0]} to {self.range[1]}")
        return self
