"""Figures and times as a person reads them. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from relevo_contract.record import Estimate

MINUTE, HOUR, DAY = 60, 3600, 86400


def percent(share: float) -> str:
    """0.2241 is `22.4 %`."""
    return f"{100 * share:.1f} %"


def estimate(figure: Estimate) -> str:
    """A share with its interval: `22.4 % (20.1 to 24.9)`."""
    return f"{percent(figure.value)} ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def points(figure: Estimate) -> str:
    """A difference of shares with its interval, in percentage points, signed."""
    return f"{100 * figure.value:+.1f} points ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"


def dollars(amount: float) -> str:
    """A price in whole dollars."""
    return f"${amount:,.0f}"


def plain(text: str) -> str:
    """Text for Markdown in which a dollar is a dollar: Streamlit reads two of them as a formula."""
    return text.replace("$", r"\$")


def literal(text: str) -> str:
    """Text for Markdown that shows what somebody typed as it is: no link, no picture, no formula comes of it."""
    return re.sub(r"([\\`*\[\]<$~])", r"\\\1", text)


def sentence(text: str) -> str:
    """Words that stand alone: with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def listed(words: tuple[str, ...] | list[str], most: int = 4) -> str:
    """`a, b and c`; what is over is counted."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1} more"
    if len(words) > 1:
        return f"{', '.join(words[:-1])} and {words[-1]}"
    return words[0] if words else ""


def column(name: str) -> str:
    """A column's name as a person says it: `house_size` is `house size`."""
    return {"acre_lot": "lot (acres)", "prev_sold_date": "previous sale", "brokered_by": "broker"}.get(
        name, name.replace("_", " ")
    )


def since(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
