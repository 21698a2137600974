"""Every reason why the UI cannot show something; each message says what is going on and what to do.

UiError
├── SettingsError   a setting is missing or wrong: `relevo-ui` ends with exit code 2
├── ApiAway         the inference API does not answer
├── NoModel         it answers, and has no model to predict with
├── BadHouse        it does not accept the house; `fields` says which input and why
└── MlflowAway      MLflow does not answer
"""

from __future__ import annotations


class UiError(Exception):
    """The root."""


class SettingsError(UiError):
    """A setting is missing or wrong."""


class ApiAway(UiError):
    """The inference API does not answer."""


class NoModel(UiError):
    """The inference API has no model to predict with."""


class BadHouse(UiError):
    """The inference API does not accept the house."""

    def __init__(self, message: str, fields: dict[str, str]) -> None:
        super().__init__(message)
        self.fields = fields
        """Input's name (`bed`) to what is wrong with it."""


class MlflowAway(UiError):
    """MLflow does not answer."""
