"""What the API says is wrong with a value, in a person's words. Pure."""

from __future__ import annotations

import re
from typing import Final

from relevo_ui.language import Say, english

TOO_LONG: Final = "longer than the inference API takes in one request"
_KNOWN: Final = (
    (r"Input should be greater than or equal to (?P<limit>\S+)", "must be at least {limit}"),
    (r"Input should be less than or equal to (?P<limit>\S+)", "must be at most {limit}"),
    (r"String should have at most (?P<limit>\d+) characters?", "may have at most {limit} characters"),
    (r"Input should be a valid number.*", "must be a number"),
    (r"Input should be a finite number.*", "must be a number"),
    (r"Input should be a valid date.*", "must be a day such as 2020-05-31"),
)
"""pydantic's messages (public and versioned with it) and ours."""


def explained(problem: str, say: Say = english) -> str:
    """In the page's language; one that is not known stays as it came."""
    if problem == TOO_LONG:
        return say(problem)
    for pattern, text in _KNOWN:
        if found := re.fullmatch(pattern, problem, re.DOTALL):
            return say(text, **found.groupdict())
    return problem
