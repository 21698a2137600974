"""The UI's settings, read from the environment at start; a wrong one ends the process, naming the variable."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from relevo_contract import names
from relevo_ui.errors import SettingsError


class Settings(BaseSettings):
    """Settings of `relevo-ui`."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_", extra="ignore", populate_by_name=True, frozen=True)

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    api_url: str = Field(pattern=r"^https?://", description="the inference API, e.g. http://serving:8000")
    model: str = Field(default=names.MODEL, min_length=1, description="registered model's (and experiment's) name")
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every one")
    port: int = Field(default=8501, ge=1, le=65535, description="port to listen on")
    timeout: float = Field(default=5, gt=0, description="seconds to wait for one answer of the API or MLflow")


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
