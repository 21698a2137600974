"""Airflow's own environment runs these: `make test-dags`. A database of the run's own; no scheduler, no pods."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

HOME = tempfile.mkdtemp(prefix="relevo-airflow-")
# Before Airflow is imported, which reads them then.
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parents[2] / "dags"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "RELEVO_DAGS": "loans bikes",
    "RELEVO_MLFLOW_UI": "http://mlflow.example/",
}
