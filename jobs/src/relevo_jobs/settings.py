"""The steps' settings, read once from the environment; each step asks for what it needs and no more.

A password belongs in PGPASSWORD, in a file named by PGPASSFILE, or in AWS_SECRET_ACCESS_KEY: libpq and boto3 read them
by themselves, so that it is in no address and no log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from relevo_contract import names
from relevo_jobs.errors import SettingsError


class Settings(BaseSettings):
    """What every step knows."""

    model_config = SettingsConfigDict(env_prefix="RELEVO_", extra="ignore", populate_by_name=True, frozen=True)

    group: int = Field(ge=1, le=2**31 - 1, description="the group number the data source knows us by")
    termination_log: Path = Field(
        default=Path("/dev/termination-log"), description="where Kubernetes reads a pod's last words, if it exists"
    )


class WithRaw(Settings):
    """A step that reads or writes RAW."""

    raw_url: str = Field(pattern=r"^postgres(ql)?://", description="RAW DATA, e.g. postgresql://relevo@raw:5432/raw")


class WithClean(Settings):
    """A step that reads or writes CLEAN."""

    clean_url: str = Field(
        pattern=r"^postgres(ql)?://", description="CLEAN DATA, e.g. postgresql://relevo@clean:5432/clean"
    )


class WithRegistry(Settings):
    """A step that reads or writes MLflow."""

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    model: str = Field(default=names.MODEL, min_length=1, description="registered model's (and experiment's) name")


class CollectSettings(WithRaw):
    """Settings of `relevo-job collect`."""

    source_url: str = Field(pattern=r"^https?://", description="the data source, e.g. http://source:8000")
    source_day: str = Field(default="Wednesday", min_length=1, description="the day the source is asked for")
    source_timeout: float = Field(default=300, gt=0, description="seconds to wait for one answer of the source")
    repeat_wait: float = Field(
        default=30, ge=0, description="seconds to wait in all while the source repeats a batch it already gave"
    )
    bucket: str = Field(default="relevo", min_length=3, description="bucket that keeps each body as it came")
    s3_endpoint_url: str | None = Field(default=None, description="S3 if it is not Amazon's, e.g. http://s3:8333")


class CleanSettings(WithRaw, WithClean):
    """Settings of `relevo-job clean`."""


class DecideSettings(WithClean, WithRegistry):
    """Settings of `relevo-job decide`."""


class TrainSettings(WithClean, WithRegistry):
    """Settings of `relevo-job train`."""

    seed: int = Field(default=0, ge=0, description="seed of everything random; same seed and batches, same model")
    threads: int = Field(default=0, ge=0, description="threads XGBoost may use; 0 is all there are")


class PromoteSettings(WithClean, WithRegistry):
    """Settings of `relevo-job promote`."""

    seed: int = Field(default=0, ge=0, description="seed of the bootstrap")


AnySettings = TypeVar("AnySettings", bound=Settings)


def variable(cls: type[Settings], field: str) -> str:
    """The environment variable that a field is read from."""
    alias = cls.model_fields[field].alias
    return alias or f"RELEVO_{field.upper()}"


def read(cls: type[AnySettings], **given: Any) -> AnySettings:
    """Read the settings from the environment.

    Raises SettingsError naming each variable that is missing or wrong, and what it should be.
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
            lines.append(f"{shown}: {came}; expected {by_variable.get(shown, '')}")
        raise SettingsError("set these variables and run again:\n  " + "\n  ".join(lines)) from None


def table(cls: type[Settings]) -> str:
    """The settings as `--help` shows them: variable, default, meaning."""
    rows = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        rows.append(f"  {variable(cls, name):26} {field.description} ({default})")
    return "\n".join(rows)
