"""The UI's settings, read from the environment at start; a wrong one ends the process, naming the variable."""

from __future__ import annotations

from pydantic import Field

from relevo_contract import names, settings


class Settings(settings.Settings):
    """Settings of `relevo-ui`."""

    tracking_uri: str = Field(
        alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="MLflow, e.g. http://mlflow:5000"
    )
    api_url: str = Field(pattern=r"^https?://", description="the inference API, e.g. http://serving:8000")
    api_key: str | None = Field(
        default=None, min_length=1, description="the UI's key of the inference API; none: it asks for none"
    )
    model: str = Field(default=names.MODEL, min_length=1, description="registered model's (and experiment's) name")
    mlflow_ui: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where a person's browser finds MLflow, for links; none: MLFLOW_TRACKING_URI",
    )
    airflow_ui: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where a person's browser finds Airflow, for links to a batch's run; none: no such links",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every one")
    port: int = Field(default=8501, ge=1, le=65535, description="port to listen on")
    timeout: float = Field(default=5, gt=0, description="seconds to wait for one answer of the API or MLflow")
