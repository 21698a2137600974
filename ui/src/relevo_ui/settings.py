"""The UI's settings, read from the environment at start; a wrong one ends the process, naming the variable."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from relevo_contract import names, settings, use_case
from relevo_contract.data_set import DataSet
from relevo_contract.use_case.data_set import data_set
from relevo_ui.errors import SettingsError


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
    use_case: Path | None = Field(
        default=None, description="a use_case.yaml, which names columns while no version does; none: nothing does"
    )
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


def declared(read: Settings) -> DataSet | None:
    """What RELEVO_USE_CASE declares; None without one, or while the type of a column is to be found.

    Raises SettingsError that tells what is wrong with it, by its lines.
    """
    return None if read.use_case is None else _declared(read.use_case)


@cache
def _declared(file: Path) -> DataSet | None:
    try:
        declaration = use_case.read(use_case.text_of(file), file.name)
        return None if declaration.unresolved else data_set(declaration)
    except OSError as error:
        raise SettingsError(
            "RELEVO_USE_CASE: expected a readable use_case.yaml at {file}, got: {error}; name yours, or leave it out",
            file=file,
            error=error.strerror,
        ) from None
    except ValueError as error:
        raise SettingsError("RELEVO_USE_CASE: {error}", error=error) from None
