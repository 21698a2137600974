"""Where a person's browser finds what the UI speaks of. Pure."""

from __future__ import annotations

from urllib.parse import quote

from relevo_contract.texts import address
from relevo_ui.settings import Settings


def _mlflow(settings: Settings) -> str:
    return address(settings.mlflow_ui or settings.tracking_uri).rstrip("/")


def run(settings: Settings, experiment_id: str, run_id: str) -> str:
    """A batch's run in MLflow."""
    return f"{_mlflow(settings)}/#/experiments/{quote(experiment_id)}/runs/{quote(run_id)}"


def version(settings: Settings, number: int) -> str:
    """A version in MLflow."""
    return f"{_mlflow(settings)}/#/models/{quote(settings.model, safe='')}/versions/{number}"


def airflow(settings: Settings, run_id: str | None) -> str | None:
    """A run of the model's DAG in Airflow; None where it is not known which, or where Airflow is."""
    if run_id is None or settings.airflow_ui is None:
        return None
    dag = quote(settings.model, safe="")
    return f"{address(settings.airflow_ui).rstrip('/')}/dags/{dag}/runs/{quote(run_id, safe='')}"
