"""The API's settings, read once at start from the environment; a wrong one ends the process, naming the variable."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from relevo_contract import names, settings


class Settings(settings.Settings):
    """Settings of `relevo-serving`."""

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    model: str = Field(default=names.MODEL, min_length=1, description="registered model's name")
    alias: str = Field(default=names.ALIAS, min_length=1, description="alias that marks the version to serve")
    version: int | None = Field(
        default=None, ge=1, description="serve this version number and no other, whatever the alias says"
    )
    termination_log: Path = Field(
        default=Path("/dev/termination-log"), description="where Kubernetes reads a pod's last words, if it exists"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every one")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one, see the log")
    poll_seconds: float = Field(default=2, ge=0.05, le=3600, description="seconds between two looks at the alias")
    registry_timeout: float = Field(default=10, gt=0, description="seconds to wait for one answer of MLflow")
    max_rows: int = Field(default=1000, ge=1, description="most rows in one request")
    max_body_bytes: int = Field(default=1_048_576, ge=1024, description="longest request body, in bytes")
    max_explained: int = Field(default=50, ge=1, description="most rows in one request for explanations")
    body_seconds: float = Field(
        default=10,
        gt=0,
        description="longest time for a request's head to arrive, and for its body; likewise an answer's",
    )
    max_connections: int = Field(
        default=512, ge=8, description="most connections; beyond, the one that waits longest for its client is closed"
    )
    allowed_hosts: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.,* -]*$",
        description="names under which clients ask, apart by commas, beside localhost and addresses; * is any",
    )
    api_keys: str | None = Field(
        default=None, description="keys of clients, CLIENT=KEY apart by commas; none: nobody is asked for one"
    )
    raw_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="RAW, where every row predicted is kept, e.g. postgresql://relevo@db:5432/raw; none: nowhere",
    )
    spool: Path = Field(
        default=Path("/var/tmp/relevo-spool"),  # noqa: S108  # survives a restart; locked by the process that uses it
        description="folder in which rows wait for RAW; this process's alone",
    )
    spool_bytes: int = Field(default=2**30, ge=2**16, description="most bytes that wait there")
    spool_full: Literal["answer", "refuse"] = Field(
        default="answer",
        description="with no room left there: answer and say stored: false, or refuse with 503",
    )
    store_seconds: float = Field(default=1, ge=0.05, le=3600, description="seconds between two deliveries to RAW")
    drain_seconds: float = Field(
        default=5, ge=0, description="told to stop, longest time to deliver what waits; the rest stays in the folder"
    )
    fast_path: bool = Field(
        default=True, description="answer right requests to /predict and /invocations before FastAPI's routing"
    )
    access_log: bool = Field(default=False, description="one log line for each request")
