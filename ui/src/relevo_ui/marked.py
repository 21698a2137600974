"""Text that Streamlit reads as Markdown: escaped, unless it is Markdown on purpose.

Names, reasons, tags and columns were written by anybody, and a page must not get a heading, a picture or a link out of
them. So the views hand text to Streamlit by `show` alone (a test holds that), which escapes what is not `Markdown`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from relevo_ui.language import Say
from relevo_ui.wording import literal


class Markdown(str):
    """Text that was written as Markdown, by us; whatever stands in it from elsewhere went through `marked`."""

    __slots__ = ()


class Mark(Protocol):
    """Says a text that is Markdown in a language; the values in its `{places}` are escaped where they are none."""

    def __call__(self, text: str, /, **values: object) -> Markdown:
        """The text to be shown."""


def marked(text: object) -> Markdown:
    """The text as Markdown that shows it as it is; Markdown stays itself."""
    return text if isinstance(text, Markdown) else Markdown(literal(str(text)))


def marking(say: Say) -> Mark:
    """The same language for texts that are Markdown."""

    def mark(text: str, /, **values: object) -> Markdown:
        return Markdown(say(text, **{name: marked(value) for name, value in values.items()}))

    return mark


def show(element: Callable[..., Any], text: str, **options: Any) -> None:
    """Show a text by an element of Streamlit's that reads Markdown, such as `st.caption`."""
    element(marked(text), **options)
