"""The operator's settings, read once at start from the environment; a wrong one is refused by its name."""

from __future__ import annotations

import os
from typing import Self

from pydantic import Field, field_validator, model_validator

from relevo_contract import settings
from relevo_operator.addresses import normal


class Settings(settings.Settings):
    """Settings of `relevo-operator`."""

    namespaces: str = Field(default="", description="namespaces to look after, with commas between; empty is all")
    host: str = Field(default="0.0.0.0", min_length=1, description="address of probes, metrics and webhook")  # noqa: S104
    port: int = Field(default=8080, ge=0, le=65535, description="port of the same; 0 takes a free one, see the log")
    webhook_url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="where MLflow reaches this operator's /webhooks/mlflow, to register it there; empty: nowhere",
    )
    webhook_secret: str | None = Field(
        default=None,
        min_length=16,
        description="the secret that MLflow signs with, at least 16 characters; needed with RELEVO_WEBHOOK_URL",
    )
    registries: str = Field(
        default="",
        description="addresses of MLflow, with commas between, that the operator's own login and webhook are for, and "
        "no others",
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

    def listed(self) -> frozenset[str]:
        """The addresses that the operator's own login is for, each in its one spelling."""
        return frozenset(normal(address.strip()) for address in self.registries.split(",") if address.strip())

    @field_validator("registries")
    @classmethod
    def _addresses(cls, text: str) -> str:
        for address in filter(None, map(str.strip, text.split(","))):
            normal(address)  # raises ValueError
        return text

    @model_validator(mode="after")
    def _logins_are_for_an_address(self) -> Self:
        given = [name for name in (*settings.MLFLOW_LOGIN, settings.MLFLOW_TLS[2]) if _is_given(name)]
        if given and not self.listed():
            raise ValueError(
                f"RELEVO_REGISTRIES: expected the address of the MLflow that {', '.join(given)} is for, it is empty: "
                "name it, for a login is sent nowhere else, or leave the login out"
            )
        return self

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if self.webhook_url and self.webhook_secret is None:
            raise ValueError(
                "RELEVO_WEBHOOK_SECRET, RELEVO_WEBHOOK_SECRET_FILE: expected the secret that MLflow signs with, for "
                "RELEVO_WEBHOOK_URL is set; mount a file with one and name it in the latter, or leave all three out to "
                "poll alone"
            )
        return self


def _is_given(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(name + settings.IN_FILE))
