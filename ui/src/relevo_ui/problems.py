"""What the API says is wrong with a value, in a person's words. Pure."""

from __future__ import annotations

import re
from typing import Final

from relevo_ui.language import Say, english

TOO_LONG: Final = "longer than the inference API takes in one request"
TEXTS: Final = (
    TOO_LONG,
    "expected a number such as 1200, 1,200 or 1200.5, got {got}",
    "expected a finite number, got {got}",
    "expected a whole number, got {got}",
    "expected true or false, got {got}",
    "expected a day such as {example}, got {got}",
    "expected a day from {low} to {high}, got {got}",
    "expected three to five digits, got {got}",
    "expected at most {most} characters, got {got}",
    "expected from {low} up, got {got}",
    "expected up to {high}, got {got}",
    "expected {low} to {high}, got {got}",
    "{got} stands for an unknown value",
)
"""Ours, and those of the rules of values (`relevo_contract.values`)."""
_KNOWN: Final = [
    (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(text)), re.DOTALL), text) for text in TEXTS
]


def explained(problem: str, say: Say = english) -> str:
    """In the page's language; one that is not known stays as it came."""
    for pattern, text in _KNOWN:
        if found := pattern.fullmatch(problem):
            return say(text, **found.groupdict())
    return problem
