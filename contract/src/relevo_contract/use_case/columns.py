"""The columns of a use case, and its target, as they are declared."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from relevo_contract.data_set import RESERVED
from relevo_contract.tasks import TaskName
from relevo_contract.values import ABSENT, spelling

MOST_COLUMNS: Final = 1_000
LONGEST: Final = 200
COLUMN: Final = r"^[a-z][a-z0-9_]{0,62}$"

MULTI_CLASS: Final = (
    "expected task positive-number, number or binary, got multi-class: a version predicts one number; declare a use "
    "case for each outcome, binary, with that outcome as positive"
)

Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]


def _as_text(came: Any) -> Any:
    """A label such as 1 or true is meant as its text."""
    if isinstance(came, bool):
        return str(came).lower()
    return f"{came}" if isinstance(came, int | float) else came


def _as_list(came: Any) -> Any:
    return [came] if isinstance(came, str) else came


def _is_free(name: str) -> str:
    if name in RESERVED:
        raise ValueError(
            f"expected a name that RAW and CLEAN do not use themselves: call it another, and write `from: {name}` "
            "beside it, which is what the source calls it"
        )
    return name


Label = Annotated[Words, BeforeValidator(_as_text, json_schema_input_type=str | float | bool)]
"""A value of a column, as it is spelt."""
Figure = Annotated[float, Field(strict=True)]
"""A number that is written as one: `true` and `"5"` are none."""
Whole = Annotated[int, Field(strict=True)]
ColumnName = Annotated[str, Field(pattern=COLUMN), AfterValidator(_is_free)]
ColumnNames = Annotated[
    tuple[ColumnName, ...],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    Field(max_length=MOST_COLUMNS),
]
Called = Words | Annotated[dict[Literal["en", "es"], Words], Field(min_length=1)]
"""What people call it: in one language, or by language."""


class Declared(BaseModel):
    """What every part of a declaration is: fields that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


TypeName = Literal["number", "integer", "category", "text", "date", "boolean", "target", "auto"]


class Named(Declared):
    """What people call a column, and its source; the target's as well."""

    unit: Called | None = Field(default=None, description="of a number, as people read it, such as US dollars")
    label: Called | None = Field(default=None, description="what people call it, in one language or several")
    values: dict[Label, Called] = Field(
        default={}, max_length=1_000, description="what people call values of a category, by how they are spelt"
    )
    source_name: Words | None = Field(
        default=None, alias="from", description="what the source calls it, if that is no name of small letters"
    )


class ColumnDeclaration(Named):
    """A column, its target's apart."""

    type: TypeName = Field(
        default="auto",
        description="what its values are; `text`: kept, and nothing is learnt from its words; `auto`, or left out: "
        "`relevo check --write` writes here what the first batch shows, and a key and what is ignored are text; "
        "`target`: the target's place among the columns, which matters where the source sends rows as lists",
    )
    group: Called | None = Field(
        default=None,
        description="what people call the group in which a form asks for it: columns with the same words are together",
    )
    role: Literal["input", "key", "time", "place", "ignored"] = Field(
        default="input",
        description="`key` names what a row is about, `time` orders rows, neither is learnt from; `place`: rows hang "
        "together by it, and in none may a version become much worse; `ignored`: RAW alone has it",
    )
    within: ColumnNames = Field(default=(), description="of a place, columns that are finer places in it")
    range: tuple[Figure | date | None, Figure | date | None] | None = Field(
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

    @model_validator(mode="before")
    @classmethod
    def _needs_no_type(cls, came: Any) -> Any:
        """A key and what is ignored are kept to the letter, whatever they are."""
        if isinstance(came, dict) and came.get("role") in ("key", "ignored") and came.get("type", "auto") == "auto":
            return {**came, "type": "text"}
        return came

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.type == "target" and self.model_fields_set - {"type"}:
            raise ValueError("expected nothing beside `target`, which is its place alone: write the rest under target")
        numeric = self.type in {"number", "integer"}
        if self.unit is not None and not numeric:
            raise ValueError(
                f"expected a unit for numbers alone, this column is {self.type}: write its type, or leave the unit out"
            )
        if self.values and self.type not in {"category", "boolean"}:
            raise ValueError(
                f"expected values for categories, this column is {self.type}: write its type, or leave values out"
            )
        if self.format is not None and self.type != "date":
            raise ValueError(
                f"expected a format for dates alone, it is {self.type}: write its type, or leave the format out"
            )
        if self.spelling is not None and self.type not in {"category", "text"}:
            raise ValueError(
                f"expected a spelling for categories and texts, it is {self.type}: write its type, or leave it out"
            )
        if self.unknown and self.type in {"date", "boolean"}:
            raise ValueError(
                f"expected unknown for numbers, categories and texts, this column is {self.type}: leave it out"
            )
        if numeric and not all(map(_is_figure, self.unknown)):
            raise ValueError(f"expected numbers as unknown of a {self.type}, got {', '.join(self.unknown)}")
        return self

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == "place" and self.type != "category":
            raise ValueError(f"expected a place to be a category, this column is {self.type}: write type: category")
        if self.role == "time" and self.type not in {"number", "integer", "date", "auto"}:
            raise ValueError(
                f"expected a time to be a date or a number, this column is {self.type}: correct its type, or its role"
            )
        if self.within and self.role != "place":
            raise ValueError("expected within for a place alone: give this column role: place, or leave it out")
        return self

    @model_validator(mode="after")
    def _believes_its_range(self) -> Self:
        if self.range is None:
            return self
        if self.type not in {"number", "integer", "date"}:
            raise ValueError(
                f"expected a range for numbers and dates, this column is {self.type}: write its type, or leave it out"
            )
        low, high = self.range
        kinds = {type(end) for end in (low, high) if end is not None}
        if kinds - ({date} if self.type == "date" else {float}):
            raise ValueError(f"expected a range of {'days' if self.type == 'date' else 'numbers'}, got {low} to {high}")
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

    column: ColumnName = Field(description="which column it is")
    task: TaskName = Field(
        description="`positive-number`: errors are shares of it; `number`: of any sign, errors are in its unit; "
        "`binary`: the probability of one of two outcomes"
    )
    positive: Label | None = Field(default=None, description="of two outcomes, the one whose probability is predicted")
    negative: Label | None = Field(default=None, description="the other one; left out: whatever else is there")
    range: tuple[Figure | None, Figure | None] | None = Field(
        default=None, description="of a number: a row whose target lies outside is left out"
    )

    @model_validator(mode="before")
    @classmethod
    def _knows_its_task(cls, came: Any) -> Any:
        if isinstance(came, dict) and str(came.get("task", "")).replace("_", "-") in {"multiclass", "multi-class"}:
            raise ValueError(MULTI_CLASS)
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
        for outcome in filter(None, (self.positive, self.negative)):
            if outcome.casefold() in ABSENT:
                raise ValueError(
                    f"expected outcomes that are there, {outcome} says there is none: rename it, or leave negative out"
                )
        if binary and self.negative is not None and spelling(self.negative) == spelling(str(self.positive)):
            raise ValueError(f"expected two outcomes, positive and negative are both {self.positive}")
        if self.range is not None and None not in self.range and self.range[0] >= self.range[1]:  # type: ignore[operator]
            raise ValueError(f"expected the smallest value first in the range, got {self.range[0]} to {self.range[1]}")
        if self.task == "positive-number" and self.range is not None:
            highest = self.range[1]
            if highest is not None and highest <= 0:
                raise ValueError(f"expected a range above zero for task positive-number, it ends at {highest}")
        return self
