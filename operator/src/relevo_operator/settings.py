"""The operator's settings, read once at start from the environment; a wrong one is refused by its name."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from relevo_contract import settings
from relevo_operator.errors import SettingsError


class Settings(settings.Settings):
    """Settings of `relevo-operator`."""

    namespaces: str = Field(default="", description="namespaces to look after, with commas between; empty is all")
    host: str = Field(default="0.0.0.0", min_length=1, description="address of probes, metrics and webhook")  # noqa: S104
    port: int = Field(default=8080, ge=0, le=65535, description="port of the same; 0 takes a free one, see the log")
    webhook_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="where MLflow reaches this operator's /webhooks/mlflow; empty: polling alone",
    )
    webhook_secret_file: Path | None = Field(
        default=None, description="file with the secret that MLflow signs with; needed with RELEVO_WEBHOOK_URL"
    )
    registry_timeout: float = Field(default=5, gt=0, le=300, description="seconds to wait for one answer of MLflow")
    pass_seconds: float = Field(
        default=30, ge=0.1, le=3600, description="seconds between two passes over all objects, the net under watching"
    )
    stale_seconds: float = Field(
        default=120, ge=1, description="seconds without a finished pass after which /healthz fails"
    )
    batch_seconds: float = Field(
        default=0,
        ge=0,
        le=86400,
        description="seconds between two questions for each model's newest batch, for /metrics alone; 0: none is asked",
    )
    workers: int = Field(default=8, ge=1, le=100, description="ModelDeployments looked at side by side")

    def watched(self) -> tuple[str, ...]:
        """The namespaces to look after; none is all."""
        return tuple(name.strip() for name in self.namespaces.split(",") if name.strip())

    def webhook_secret(self) -> str | None:
        """The secret; None if there is no webhook. Raises SettingsError."""
        if not self.webhook_url:
            return None
        if self.webhook_secret_file is None:
            raise SettingsError(
                "RELEVO_WEBHOOK_SECRET_FILE: expected a file with the secret that MLflow signs with, for "
                "RELEVO_WEBHOOK_URL is set; mount one, or leave both out to poll alone"
            )
        try:
            secret = self.webhook_secret_file.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"RELEVO_WEBHOOK_SECRET_FILE: expected a readable file, got {error.strerror} for "
                f"{self.webhook_secret_file}"
            ) from error
        if len(secret) < 16:
            raise SettingsError(
                f"RELEVO_WEBHOOK_SECRET_FILE: expected at least 16 characters in {self.webhook_secret_file}, got "
                f"{len(secret)}: make one with `openssl rand -hex 32`"
            )
        return secret
