"""The operator's settings, read once at start from the environment; a wrong one is refused by its name."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from relevo_contract import settings


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
    webhook_secret: str | None = Field(
        default=None,
        min_length=16,
        description="the secret that MLflow signs with, at least 16 characters; needed with RELEVO_WEBHOOK_URL",
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

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.webhook_url and self.webhook_secret is None:
            raise ValueError(
                "RELEVO_WEBHOOK_SECRET, RELEVO_WEBHOOK_SECRET_FILE: expected the secret that MLflow signs with, for "
                "RELEVO_WEBHOOK_URL is set; mount a file with one and name it in the latter, or leave all three out to "
                "poll alone"
            )
        return self
