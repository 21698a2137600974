"""Settings of `relevo-install`, read once at start from the environment; a wrong one is refused by its name."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from relevo_contract import settings


class Settings(settings.Settings):
    """Settings of `relevo-install`."""

    secrets_file: Path = Field(description="file (YAML or JSON) that says which Secrets there must be")
    required_secrets: str = Field(
        default="", description='Secrets that others make, and their keys, as JSON: {"my-database": ["url"]}'
    )
    namespace: str = Field(default="", description="namespace of the Secrets; empty is the pod's own")
    part_of: str = Field(
        default="relevo",
        pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
        description="the label app.kubernetes.io/part-of of the Secrets that are made",
    )
    timeout: float = Field(
        default=60, gt=0, le=3600, description="seconds to wait, in all, for an API server that is away"
    )
