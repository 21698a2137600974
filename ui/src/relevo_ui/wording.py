"""Figures, names and times as a person reads them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, log10
from textwrap import shorten
from typing import Final

from relevo_contract.data_set import DataSet
from relevo_contract.figures import percent, significant
from relevo_contract.graph_inputs import spelling
from relevo_contract.record import Estimate
from relevo_contract.tasks import Task
from relevo_contract.values import Boolean, Either, Number, Value
from relevo_ui.language import Say, code_of, english

MINUTE, HOUR, DAY = 60, 3600, 86400
DIGITS: Final = 4
"""Of a figure at least, as far as they say something."""
CURRENCIES: Final = {"US dollars": "$", "USD": "$", "euros": "€", "EUR": "€", "GBP": "£"} | {one: one for one in "$€£¥"}
"""Units that are a sign before the figure."""
LONGEST_VALUE: Final = 40
"""Characters of a value in a picture or a sentence."""
_LINE_ENDS: Final = re.compile(r"[ \t]*[\r\n\v\f]+[ \t]*")
_MARKS: Final = re.compile(r"[\\`*\[\]<$~&]|(?<![^\W_])_|_(?![^\W_])|:(?=[A-Za-z])")
"""What Markdown reads anywhere: `_` at the edge of a word alone, `:` before one, where Streamlit has its directives."""
_BEGINS: Final = re.compile(r"^(\d*)([#>]|[+.)\-](?=[\s\-]|$))")
"""What it reads at the beginning of a line."""
COUNTED: Final = {
    "row": ("1 row", "{count} rows"),
    "batch": ("1 batch", "{count} batches"),
    "training": ("1 training", "{count} trainings"),
    "promotion": ("1 promotion", "{count} promotions"),
    "request": ("1 request", "{count} requests"),
}
"""What is counted, one and many."""
UNDESCRIBED: Final = DataSet(name="rows", columns=("target",), target="target", task="number")
"""Stands for a data set of which nothing is known yet."""


@dataclass(frozen=True)
class Wording:
    """Words what is told of a data set in a language: its names, its values, and figures of its target."""

    data: DataSet = UNDESCRIBED
    say: Say = english

    def __call__(self, text: str, /, **values: object) -> str:
        """A text of the UI's own."""
        return self.say(text, **values)

    def count(self, what: str, many: int) -> str:
        """So many of what is COUNTED: `1 batch`, `1,470 rows`."""
        one, more = COUNTED[what]
        return self(one) if many == 1 else self(more, count=f"{many:,}")

    def _labelled(self, labels: Mapping[str, str], otherwise: str) -> str:
        return labels.get(code_of(self.say)) or labels.get("en") or next(iter(labels.values()), otherwise)

    def column(self, name: str) -> str:
        """A column's name as a person says it; without its underscores where it has no label."""
        return self._labelled(self.data.labels.get(name, {}), name.replace("_", " "))

    def group(self, name: str) -> str:
        """The group in which a form asks for a column; empty if none is declared."""
        return self._labelled(self.data.groups.get(name, {}), "")

    def unit(self, name: str) -> str:
        """A column's unit; empty if it has none."""
        rule = self.data.rule(name)
        return self._labelled(self.data.units.get(name, {}), rule.unit if isinstance(rule, Number) else "")

    def with_unit(self, name: str) -> str:
        """A column's name with its unit: `house size, square feet`."""
        return ", ".join(filter(None, (self.column(name), self.unit(name))))

    def category(self, name: str, value: str) -> str:
        """A column's category as a person writes it; where it is kept as it is compared, it is in small letters."""
        for spelt, labels in self.data.value_labels.get(name, {}).items():
            if spelling(spelt) == spelling(value):
                return self._labelled(labels, value)
        if isinstance(self.data.rule(name), Boolean) and value in {"true", "false"}:
            return self("yes") if value == "true" else self("no")
        is_place = name in self.data.places
        return (value.title() if is_place and value.islower() else value) or self("(empty)")

    def value(self, name: str, came: Value | None) -> str:
        """A column's value in few characters: `1,500`, `for sale`, `San Juan`."""
        if came is None:
            return self("(no value)")
        told = self.category(name, came) if isinstance(came, str) else self.figure_of(came)
        return shorten(told, LONGEST_VALUE, placeholder=" …") if " " in told else told[:LONGEST_VALUE]

    @staticmethod
    def figure_of(value: Value) -> str:
        """A number with its thousands told apart, a day as ISO 8601 has it."""
        if isinstance(value, float | int):
            return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
        return str(value)

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.data.predicts

    @property
    def outcome(self) -> str | None:
        """What a predicted probability is of; None: it is no probability."""
        rule = self.data.rule(self.data.target)
        if not isinstance(rule, Either):
            return None
        bare = not any(map(str.isalpha, rule.positive)) or Boolean().read(rule.positive).value is not None
        return self.column(self.data.target) if bare else self.category(self.data.target, rule.positive)

    @property
    def target(self) -> str:
        """What is predicted, in a sentence: `price`, `chance of bad`."""
        outcome = self.outcome
        return self.column(self.data.target) if outcome is None else self("chance of {outcome}", outcome=outcome)

    @property
    def target_axis(self) -> str:
        """The same with its unit."""
        return self.target if self.outcome is not None else self.with_unit(self.data.target)

    @property
    def place(self) -> str:
        """What the declared place is called."""
        return self("place") if self.data.place is None else self.column(self.data.place)

    @property
    def baseline(self) -> str:
        """What a model that knows no input always says: `the median price`."""
        return f"{self(self.task.baseline_words)} {self.outcome or self.column(self.data.target)}"

    @property
    def figure(self) -> str:
        """The figure of an error that people read: `median error`."""
        return self(self.task.figure)

    @property
    def figure_axis(self) -> str:
        """The same with its unit."""
        if self.task.shares:
            return self("{figure}, share of {target}", figure=self.figure, target=self.target)
        return ", ".join(filter(None, (self.figure, self.unit(self.data.target))))

    @property
    def decides(self) -> str:
        """The loss that decides."""
        return self(self.task.decides)

    @property
    def errs(self) -> str:
        """What a version does that has this figure: `errs by`."""
        return self(self.task.errs)

    def estimate(self, figure: Estimate) -> str:
        """An error with its interval: `22.4 % (20.1 to 24.9)`."""
        return self.task.told(figure, self.unit(self.data.target), to=self("to"))

    def difference(self, figure: Estimate) -> str:
        """A difference of losses with its interval, signed."""
        words = {"to": self("to"), "points": self("points")}
        return self.task.told_difference(figure, self.unit(self.data.target), **words)

    def share(self, figure: Estimate) -> str:
        """A share of something with its interval: `4.2 % (1.1 to 7.3)`."""
        return f"{percent(figure.value)} ({100 * figure.low:.1f} {self('to')} {100 * figure.high:.1f})"

    def loss(self, figure: float) -> str:
        """An error without its interval."""
        return self.task.told_loss(figure, self.unit(self.data.target))

    @property
    def _currency(self) -> str:
        return CURRENCIES.get(self.data.unit, "")

    def amount(self, value: float, beside: float | None = None) -> str:
        """A prediction: `$1,200`, `3.2`, `7.3 %`; no more exact than is needed `beside` a larger one."""
        sign = "−" * (value < 0)
        if self.outcome is not None:
            return sign + percent(abs(value))
        return sign + self._currency + _figure(abs(value), max(abs(value), abs(beside or 0)))

    def target_value(self, value: float) -> str:
        """A target that is known: an amount, or whether the outcome came."""
        if self.outcome is not None:
            return self("yes") if value else self("no")
        return self.amount_with_unit(value)

    def amount_with_unit(self, value: float) -> str:
        """A prediction in its unit: `3.2 degrees`."""
        unit = "" if self._currency or self.outcome is not None else self.unit(self.data.target)
        return f"{self.amount(value)} {unit}".rstrip()

    def change(self, value: float, beside: float | None = None) -> str:
        """What is added to a prediction, or taken from it: `+$1,200`, `−$300`, `+2.1 points`."""
        sign = "+" if value >= 0 else ""
        if self.outcome is not None:
            return f"{sign or '−'}{100 * abs(value):.1f} {self('points')}"
        return sign + self.amount(value, beside)

    @property
    def amount_axis(self) -> str:
        """How an axis writes predictions, as d3 has it."""
        return ".0%" if self.outcome is not None else "$,.0f" if self._currency == "$" else ",.4~r"

    @property
    def error_axis(self) -> str:
        """How an axis writes errors."""
        return ".0%" if self.task.shares else ",.3~r"

    def edge(self, name: str, value: float) -> str:
        """The end of a bin of a column's values: `1,500`; of a day, which is its year with a fraction, `1990-04`."""
        if name not in self.data.dates:
            return f"{value:,.6g}"
        return f"{int(value)}-{int(value % 1 * 12) + 1:02d}"

    @property
    def loss_axis(self) -> str:
        """How an axis writes losses that are close to each other."""
        return ".1%" if self.task.shares else ",.3~r"

    @property
    def difference_labels(self) -> str:
        """How an axis labels differences of losses, as an expression of Vega's: of shares as points, for one of
        logarithms may be below -100 %.
        """
        return (
            "datum.value ? format(100 * datum.value, '+,.3~r') : '0'"
            if self.task.shares
            else "datum.value ? format(datum.value, '+,.3~r') : '0'"
        )

    @property
    def difference_unit(self) -> str:
        """What such an axis counts."""
        return self("points") if self.task.shares else self.unit(self.data.target)


def _figure(value: float, beside: float) -> str:
    """As many decimals as the larger of both needs to have DIGITS digits."""
    decimals = max(0, DIGITS - 1 - floor(log10(beside))) if beside > 0 else 0
    return significant(round(value, decimals), 17) if decimals < 8 else significant(value)


def literal(text: str) -> str:
    """Text for Markdown that shows what somebody typed as it is, on one line: no picture or formula comes of it."""
    text = _LINE_ENDS.sub(" ", text).strip()
    return _BEGINS.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", text))


def capital(text: str) -> str:
    """Words that begin a line."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Words that stand alone: with a capital and a full stop."""
    return capital(text) + ("" if text.endswith((".", "!", "?")) else ".")


def listed(words: Sequence[str], most: int = 4, say: Say = english) -> str:
    """`a, b and c`; what is over is counted."""
    if len(words) > most:
        return say("{few} and {count} more", few=", ".join(words[: most - 1]), count=len(words) - most + 1)
    if len(words) > 1:
        return say("{first} and {last}", first=", ".join(words[:-1]), last=words[-1])
    return words[0] if words else ""


def since(then: datetime, now: datetime, say: Say = english) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, one, many in (
        (DAY, "1 day ago", "{count} days ago"),
        (HOUR, "1 hour ago", "{count} hours ago"),
        (MINUTE, "1 minute ago", "{count} minutes ago"),
    ):
        if seconds >= size:
            count = seconds // size
            return say(one) if count == 1 else say(many, count=count)
    return say("just now")


def moment(then: datetime) -> str:
    """`2026-11-04 15:02 UTC`."""
    return f"{then:%Y-%m-%d %H:%M} UTC"
