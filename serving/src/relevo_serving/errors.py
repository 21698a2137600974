"""Every error of the inference API.

    ServingError             something nobody foresaw
    ├── SettingsError        a setting is missing or wrong, or the port is taken: the process ends with exit code 2
    ├── RegistryAway         MLflow did not answer or failed: asked again at the next poll, what serves goes on serving
    ├── NoVersion            MLflow answered, and has no such alias or version yet: asked again at the next poll
    └── BrokenVersion        a version cannot be loaded or fails its self-test: refused until the alias moves

Each message says what was expected, what came and what to do.
"""

from __future__ import annotations


class ServingError(Exception):
    """The root."""


class SettingsError(ServingError):
    """A setting is missing or wrong."""


class RegistryAway(ServingError):
    """MLflow could not be reached, or failed."""


class NoVersion(ServingError):
    """MLflow knows no version to serve."""


class BrokenVersion(ServingError):
    """A version's files do not make a model that keeps its own promises."""
