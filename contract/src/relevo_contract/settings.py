"""Settings as every part reads them: once, from the environment; a wrong one is refused by the variable's name."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "RELEVO_"


class Settings(BaseSettings):
    """What a part's settings derive from; each field has a description, which `--help` shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True, frozen=True)


AnySettings = TypeVar("AnySettings", bound=Settings)


def variable(cls: type[Settings], field: str) -> str:
    """The environment variable that a field is read from."""
    return cls.model_fields[field].alias or f"{PREFIX}{field.upper()}"


def read(cls: type[AnySettings], refused: type[Exception], **given: Any) -> AnySettings:
    """Read the settings from the environment; what is given goes before it.

    Raises `refused` with a message that names each variable that is missing or wrong, and what it should be.
    """
    try:
        return cls(**given)
    except ValidationError as error:
        by_variable = {variable(cls, name): field.description for name, field in cls.model_fields.items()}
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            shown = name if name in by_variable else variable(cls, name)
            # An address may hold a password, so what came is not repeated for one.
            came = "not set" if problem["type"] == "missing" else problem["msg"]
            if not shown.endswith(("_URL", "_URI")) and problem["type"] != "missing":
                came += f", got {problem['input']!r}"
            lines.append(f"{shown}: {came}; expected: {by_variable.get(shown, '')}")
        raise refused("set these variables and start again:\n  " + "\n  ".join(lines)) from None


def table(cls: type[Settings]) -> str:
    """The settings as `--help` shows them: variable, default, meaning."""
    rows = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        rows.append(f"  {variable(cls, name):26} {field.description} ({default})")
    return "\n".join(rows)
