"""Figures, names and times as a person reads them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import shorten
from typing import Final

from relevo_contract.record import Estimate
from relevo_ui.language import Say, english

MINUTE, HOUR, DAY = 60, 3600, 86400
SIGN: Final = {True: "+", False: "−"}

COLUMNS: Final[Mapping[str, str]] = {
    "brokered_by": "broker",
    "status": "status",
    "price": "price",
    "bed": "bed",
    "bath": "bath",
    "acre_lot": "lot (acres)",
    "street": "street",
    "city": "city",
    "state": "state",
    "zip_code": "zip code",
    "house_size": "house size",
    "prev_sold_date": "previous sale",
}
"""A column's name as a person says it."""
LONGEST_VALUE: Final = 40
"""Characters of a value in a picture or a sentence."""
_LINE_ENDS: Final = re.compile(r"[ \t]*[\r\n\v\f]+[ \t]*")
_MARKS: Final = re.compile(r"[\\`*\[\]<$~&]|(?<![^\W_])_|_(?![^\W_])|:(?=[A-Za-z])")
"""What Markdown reads anywhere: `_` at the edge of a word alone, `:` before one, where Streamlit has its directives."""
_BEGINS: Final = re.compile(r"^(\d*)([#>]|[+.)\-](?=[\s\-]|$))")
"""What it reads at the beginning of a line."""
STATUSES: Final[Mapping[str, str]] = {"for_sale": "for sale", "ready_to_build": "ready to build", "sold": "sold"}


def percent(share: float) -> str:
    """0.2241 is `22.4 %`."""
    return f"{100 * share:.1f} %"


def estimate(figure: Estimate, say: Say = english) -> str:
    """A share with its interval: `22.4 % (20.1 to 24.9)`."""
    return f"{percent(figure.value)} ({100 * figure.low:.1f} {say('to')} {100 * figure.high:.1f})"


def points(figure: Estimate, say: Say = english) -> str:
    """A difference of shares with its interval, in percentage points, signed."""
    low, high = f"{100 * figure.low:+.1f}", f"{100 * figure.high:+.1f}"
    return f"{100 * figure.value:+.1f} {say('points')} ({low} {say('to')} {high})"


def dollars(amount: float) -> str:
    """A price in whole dollars."""
    return f"${amount:,.0f}"


def signed_dollars(amount: float) -> str:
    """What is added to a price, or taken from it: `+$1,200`, `−$300`."""
    return f"{SIGN[amount >= 0]}${abs(amount):,.0f}"


def literal(text: str) -> str:
    """Text for Markdown that shows what somebody typed as it is, on one line: no picture or formula comes of it."""
    text = _LINE_ENDS.sub(" ", text).strip()
    return _BEGINS.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", text))


def sentence(text: str) -> str:
    """Words that stand alone: with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def listed(words: Sequence[str], most: int = 4, say: Say = english) -> str:
    """`a, b and c`; what is over is counted."""
    if len(words) > most:
        return say("{few} and {count} more", few=", ".join(words[: most - 1]), count=len(words) - most + 1)
    if len(words) > 1:
        return say("{first} and {last}", first=", ".join(words[:-1]), last=words[-1])
    return words[0] if words else ""


def column(name: str, say: Say = english) -> str:
    """A column's name as a person says it: `house_size` is `house size`; another's without its underscores."""
    known = COLUMNS.get(name)
    return name.replace("_", " ") if known is None else say(known)


def category(name: str, value: str, say: Say = english) -> str:
    """A column's category as a person writes it; where it is kept as it is compared, it is in small letters."""
    if name == "status":
        return say(STATUSES.get(value, value))
    return (value.title() if name in {"city", "state"} and value.islower() else value) or say("(empty)")


def value(name: str, came: float | str | None, say: Say = english) -> str:
    """A column's value in few characters: `1,500`, `for sale`, `San Juan`."""
    if came is None:
        return say("(no value)")
    told = category(name, came, say) if isinstance(came, str) else f"{came:,.6g}"
    return shorten(told, LONGEST_VALUE, placeholder=" …") if " " in told else told[:LONGEST_VALUE]


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
