"""The languages of the UI. A text is written in English where it is shown; spanish.json has its other form.

A function that words something takes a `Say`, English unless it is told otherwise, and stays pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, Protocol

SPANISH: Final[Mapping[str, str]] = json.loads((files("relevo_ui") / "spanish.json").read_text(encoding="utf-8"))
"""The texts in Spanish, by their English form; `{places}` are the same in both."""


class Say(Protocol):
    """Says a text in a language, with figures in its `{places}`."""

    def __call__(self, text: str, /, **values: object) -> str:
        """The text to be shown."""


def english(text: str, /, **values: object) -> str:
    """As it is written."""
    return text.format(**values) if values else text


def spanish(text: str, /, **values: object) -> str:
    """In Spanish; what has no Spanish form (a test holds that all have) stays English rather than fail."""
    return english(SPANISH.get(text, text), **values)


LANGUAGES: Final[Mapping[str, Say]] = {"en": english, "es": spanish}


def code_of(say: Say) -> str:
    """A language's code, by which labels are declared."""
    return "es" if say is spanish else "en"


NAMES: Final[Mapping[str, str]] = {"en": "English", "es": "Español"}


def chosen(asked: str | None, browser: str | None) -> str:
    """The code of the language to use: what was asked for, else the browser's (`es-PR`), else English."""
    for wish in (asked, browser):
        code = (wish or "").lower().replace("_", "-").partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
