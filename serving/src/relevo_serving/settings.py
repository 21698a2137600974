"""The API's settings, read once at start from the environment; a wrong one ends the process, naming the variable."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from relevo_contract import names
from relevo_serving.errors import SettingsError


class Settings(BaseSettings):
    """Settings of `relevo-serving`."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_", extra="ignore", populate_by_name=True, frozen=True)

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    model: str = Field(default=names.MODEL, min_length=1, description="registered model's name")
    alias: str = Field(default=names.ALIAS, min_length=1, description="alias that marks the version to serve")
    version: int | None = Field(
        default=None, ge=1, description="serve this version number and no other, whatever the alias says"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every one")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one, see the log")
    poll_seconds: float = Field(default=2, ge=0.05, le=3600, description="seconds between two looks at the alias")
    registry_timeout: float = Field(default=10, gt=0, description="seconds to wait for one answer of MLflow")
    max_rows: int = Field(default=1000, ge=1, description="most houses in one request")
    max_body_bytes: int = Field(default=1_048_576, ge=1024, description="longest request body, in bytes")
    access_log: bool = Field(default=False, description="one log line for each request")


def variable(field: str) -> str:
    """The environment variable that a field is read from."""
    return Settings.model_fields[field].alias or f"RELEVO_{field.upper()}"


def read(**given: Any) -> Settings:
    """Read the settings from the environment.

    Raises SettingsError naming each variable that is missing or wrong, and what it should be.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        by_variable = {variable(name): field.description for name, field in Settings.model_fields.items()}
        lines = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            shown = name if name in by_variable else variable(name)
            # An address may hold a password, so what came is not repeated for one.
            came = "not set" if problem["type"] == "missing" else problem["msg"]
            if not shown.endswith(("_URL", "_URI")) and problem["type"] != "missing":
                came += f", got {problem['input']!r}"
            lines.append(f"{shown}: {came}; expected: {by_variable.get(shown, '')}")
        raise SettingsError("set these variables and start again:\n  " + "\n  ".join(lines)) from None


def table() -> str:
    """The settings as `--help` shows them: variable, default, meaning."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        rows.append(f"  {variable(name):26} {field.description} ({default})")
    return "\n".join(rows)
