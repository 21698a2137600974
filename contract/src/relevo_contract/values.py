"""What a value is, wherever it enters: a row of RAW that becomes one of CLEAN, or what a customer asks. Pure.

A model learns from what CLEAN believes, so a customer's value that CLEAN would not believe must not reach it either:
there is one rule a column, and both read by it. docs/cleaning.md tells the rules.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from relevo_contract.texts import shown, spelt, tidy

Came = str | int | float | None
"""A value as it came: a text, a number, or nothing."""
Value = float | str | date
"""A value as it is understood."""

ABSENT: Final = frozenset({"", "nan", "null", "none", "n/a", "na", "-"})
"""Texts that say that there is no value, in any case."""
LONGEST: Final = 200
"""Characters of a text; a longer one is a description, or an attack, and no category."""

_NUMBER: Final = re.compile(
    r"([+-]?)\$?((?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII
)
"""A comma is between groups of three digits or nowhere: `350000,50` has a comma for a point, and nobody can say whether
`0,123` has; digits of other scripts, `0x10` and `1_000` are no numbers either."""
_LONGEST_NUMBER: Final = 40
_DAY: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?\Z", re.ASCII
)
_DIGITS: Final = re.compile(r"\d+\Z", re.ASCII)
_AS_FLOAT: Final = re.compile(r"\A(\d+)\.0+\Z", re.ASCII)
"""A whole number that passed through a spreadsheet."""


class Read(NamedTuple):
    """What a rule says of a value that came: the value, or why there is none; nothing at all if none was given."""

    value: Value | None = None
    doubt: str = ""
    """Why a value that was understood is not believed: it is taken as missing wherever it enters."""
    error: str = ""
    """Why it is no value of this kind: CLEAN takes it as missing, the inference API refuses it."""


NOTHING: Final = Read()


def _text_of(came: Came) -> str | None:
    """The text that came, tidy; a number as it is spelt; None if there is none, or it says that there is none."""
    if came is None or (isinstance(came, float) and math.isnan(came)):
        return None
    text = tidy(came if isinstance(came, str) else spelt(came))
    return None if text.casefold() in ABSENT else text


def _figure(value: float) -> str:
    return f"{value:,.10g}"


@dataclass(frozen=True)
class Number:
    """A number, as people and programs write it: `350000`, `350000.0`, `$350,000`, `3.5e5`."""

    low: float = -math.inf
    """The smallest that is believed."""
    high: float = math.inf
    unknown: frozenset[float] = frozenset()
    """Figures that stand for "unknown"."""
    unit: str = ""
    whole: bool = False
    """Whether a number with a fraction is not believed."""
    kind: Literal["number"] = field(default="number", kw_only=True)

    @property
    def described(self) -> str:
        """What is expected."""
        bounds = "" if self.low == -math.inf and self.high == math.inf else f", {self._bounds}"
        return f"a {'whole ' * self.whole}number{bounds}{self.unit and ' ' + self.unit}"

    @property
    def _bounds(self) -> str:
        if self.high == math.inf:
            return f"from {_figure(self.low)} up"
        return f"{_figure(self.low)} to {_figure(self.high)}" if self.low > -math.inf else f"up to {_figure(self.high)}"

    def read(self, came: Came) -> Read:
        """Understand a value; a float if it is there."""
        if isinstance(came, int):
            try:
                value = float(came)
            except OverflowError:
                value = math.inf
        elif isinstance(came, float) and not math.isnan(came):
            value = came
        else:
            text = _text_of(came)
            if text is None:
                return NOTHING
            found = _NUMBER.match(text) if len(text) <= _LONGEST_NUMBER else None
            if found is None:
                return Read(error=f"expected a number such as 1200, 1,200 or 1200.5, got {shown(came)}")
            value = float("".join(part or "" for part in found.groups()).replace(",", ""))
        doubt = f"expected a finite number, got {shown(came)}" if math.isinf(value) else self._doubt(value)
        return Read(doubt=doubt) if doubt else Read(value)

    def _doubt(self, value: float) -> str:
        """Why a finite value is not believed; empty if it is."""
        if value in self.unknown:
            return f"{_figure(value)} stands for an unknown value"
        if self.whole and not value.is_integer():
            return f"expected a whole number, got {_figure(value)}"
        return "" if self.low <= value <= self.high else f"expected {self._bounds}, got {_figure(value)}"


_TRUTHS: Final = dict.fromkeys(("true", "t", "yes", "y", "1"), "true") | dict.fromkeys(
    ("false", "f", "no", "n", "0"), "false"
)


@dataclass(frozen=True)
class Boolean:
    """True or false as the text that says so, however a program spells it."""

    kind: Literal["boolean"] = field(default="boolean", kw_only=True)

    @property
    def described(self) -> str:
        """What is expected."""
        return "true or false"

    def read(self, came: Came) -> Read:
        """Understand a value; `true` or `false` if it is there."""
        text = _text_of(came)
        if text is None:
            return NOTHING
        found = _TRUTHS.get(spelling(text))
        return Read(error=f"expected true or false, got {shown(came)}") if found is None else Read(found)


@dataclass(frozen=True)
class Either:
    """One of two outcomes, as 1.0 and 0.0."""

    positive: str
    """How the one is spelt whose probability is predicted; in any case."""
    negative: str | None = None
    """How the other one is spelt; None: whatever is there and not positive."""
    kind: Literal["either"] = field(default="either", kw_only=True)

    @property
    def described(self) -> str:
        """What is expected."""
        return f"{self.positive} or {self.negative or 'another outcome'}"

    def read(self, came: Came) -> Read:
        """Understand a value; a float if it is there."""
        text = _text_of(came)
        if text is None:
            return NOTHING
        outcome = spelling(text)
        if outcome == spelling(self.positive):
            return Read(1.0)
        if self.negative is None or outcome == spelling(self.negative):
            return Read(0.0)
        return Read(error=f"expected {self.described}, got {shown(came)}")


def spelling(text: str) -> str:
    """How an outcome is compared: without case, spaces at its ends, and the point that a spreadsheet gives it."""
    return _AS_FLOAT.sub(r"\1", tidy(text)).casefold()


@dataclass(frozen=True)
class _Name:
    longest: int = LONGEST
    unknown: frozenset[str] = frozenset()
    """Values that stand for "unknown"."""

    @property
    def described(self) -> str:
        """What is expected."""
        return f"a text of at most {self.longest} characters"

    def read(self, came: Came) -> Read:
        """Understand a value; a str if it is there."""
        text = _text_of(came)
        if text is None:
            return NOTHING
        if len(text) > self.longest:
            return Read(error=f"expected at most {self.longest} characters, got {len(text)}")
        return Read(doubt=f"{text} stands for an unknown value") if text in self.unknown else self._named(text)

    def _named(self, text: str) -> Read:
        return Read(text)


@dataclass(frozen=True)
class Text(_Name):
    """A text that names something, composed and with its spaces folded."""

    kind: Literal["text"] = field(default="text", kw_only=True)


@dataclass(frozen=True)
class Identifier(_Name):
    """A text that names something by number: `103378.0`, as numbers leave spreadsheets, is `103378`."""

    kind: Literal["identifier"] = field(default="identifier", kw_only=True)

    def _named(self, text: str) -> Read:
        return Read(_AS_FLOAT.sub(r"\1", text))


@dataclass(frozen=True)
class ZipCode(_Name):
    """A US zip code as text, with the leading zeros that a number loses; another country's code stays as it is."""

    longest: int = 20
    unknown: frozenset[str] = frozenset({"00000", "99999"})
    """Codes that no place has, and listings do."""
    kind: Literal["zip_code"] = field(default="zip_code", kw_only=True)

    @property
    def described(self) -> str:
        """What is expected."""
        return "a zip code, as text: its leading zeros are part of it"

    def _named(self, text: str) -> Read:
        code = _AS_FLOAT.sub(r"\1", text)
        if not _DIGITS.match(code):
            return Read(code)
        padded = code.zfill(5)
        if padded in self.unknown:
            return Read(doubt=f"{padded} stands for an unknown value")
        if not 3 <= len(code) <= 5:  # 501 in New York is the smallest there is
            return Read(doubt=f"expected three to five digits, got {shown(code)}")
        return Read(padded)


@dataclass(frozen=True)
class Day:
    """A day in ISO 8601; a time behind it is dropped."""

    first: date = date.min
    """The earliest that is believed; both are wide where they should not depend on today."""
    last: date = date.max
    format: str | None = None
    """How it is spelt, as `strptime` has it; None: as ISO 8601."""
    kind: Literal["day"] = field(default="day", kw_only=True)

    @property
    def described(self) -> str:
        """What is expected."""
        return f"a day such as 2020-05-31, {self.first} to {self.last}"

    def read(self, came: Came) -> Read:
        """Understand a value; a date if it is there."""
        text = _text_of(came)
        if text is None:
            return NOTHING
        error = f"expected a day such as {date(2020, 5, 31).strftime(self.format or '%Y-%m-%d')}, got {shown(came)}"
        if self.format is not None:
            return self._believed(_parsed(text, self.format), error)
        found = _DAY.match(text) if isinstance(came, str) else None  # 0 is no day, though computers count from 1970
        if found is None:
            return Read(error=error)
        try:
            datetime.fromisoformat(text)
            value = date.fromisoformat(found[1])
        except ValueError:
            return Read(error=error)
        return self._believed(value, error)

    def _believed(self, value: date | None, error: str) -> Read:
        if value is None:
            return Read(error=error)
        if not self.first <= value <= self.last:
            return Read(doubt=f"expected a day from {self.first} to {self.last}, got {value}")
        return Read(value)


def _parsed(text: str, spelling: str) -> date | None:
    try:
        return datetime.strptime(text, spelling).date()  # of a day the zone says nothing
    except ValueError:
        return None


AnyRule = Annotated[Number | Text | Identifier | ZipCode | Boolean | Day | Either, Field(discriminator="kind")]
"""A rule as it is declared, and travels in a version."""
