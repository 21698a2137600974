"""Every reason why the UI cannot show something; each message says what is going on and what to do.

UiError
├── SettingsError   a setting is missing or wrong: `relevo-ui` ends with exit code 2
├── ApiAway         the inference API does not answer
├── NoModel         it answers, and has no model to predict with
├── BadRow          it does not accept a row; `fields` says which input and why
├── TooMuch         it takes less in one request
└── MlflowAway      MLflow does not answer
"""

from __future__ import annotations

from relevo_ui.language import Say, english


class UiError(Exception):
    """The root. Its text is in English, as a log needs it; `told` says it to a person."""

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(english(text, **values))
        self._text, self._values = text, values

    def told(self, say: Say) -> str:
        """In a person's language."""
        return say(self._text, **self._values)


class SettingsError(UiError):
    """A setting is missing or wrong."""


class ApiAway(UiError):
    """The inference API does not answer."""


class NoModel(UiError):
    """The inference API has no model to predict with."""


class BadRow(UiError):
    """The inference API does not accept a row."""

    def __init__(self, message: str, fields: dict[tuple[int, str], str]) -> None:
        super().__init__(message)
        self.fields = fields
        """By the row's place in the request, from 0, and its input's name (`bed`): what is wrong with it."""


class TooMuch(UiError):
    """The inference API takes fewer rows, or fewer bytes, in one request."""


class MlflowAway(UiError):
    """MLflow does not answer."""
