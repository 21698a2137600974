"""Every error of the inference API.

    ServingError             something nobody foresaw
    ├── SettingsError        a setting is missing or wrong, or the port is taken: the process ends with exit code 2
    ├── RegistryAway         MLflow did not answer or failed: asked again at the next poll, what serves goes on serving
    ├── NoVersion            MLflow answered, and marks no version with the alias yet: asked again at the next poll
    ├── StoreAway            PostgreSQL does not take inferences: they wait in the spool, what serves goes on serving
    ├── WrongRecord          PostgreSQL can never take a record of the spool: it is set aside and counted
    └── BrokenVersion        a version cannot be loaded or fails its self-test: refused until the alias moves; if it is
        │                    pinned, it can never be served, and the process ends with exit code 3
        └── NoSuchVersion    MLflow answered that the pinned number does not exist

Each message says what was expected, what came and what to do.
"""

from __future__ import annotations

from typing import Final

STOPPED: Final = 0
WRONG_SETTING: Final = 2
"""The process's exit code after a SettingsError."""
BROKEN_VERSION: Final = 3
"""The process's exit code if its pinned version can never be served."""


class ServingError(Exception):
    """The root."""


class SettingsError(ServingError):
    """A setting is missing or wrong."""


class RegistryAway(ServingError):
    """MLflow could not be reached, or failed."""


class NoVersion(ServingError):
    """MLflow knows no version to serve."""


class StoreAway(ServingError):
    """PostgreSQL could not be reached, or has no place for inferences yet."""


class WrongRecord(ServingError):
    """PostgreSQL understood the record and refused what it says."""


class BrokenVersion(ServingError):
    """A version's files do not make a model that keeps its own promises."""


class NoSuchVersion(BrokenVersion):
    """The registered model has no version of this number."""

    def __init__(self, message: str, version: int) -> None:
        super().__init__(message)
        self.version = version
