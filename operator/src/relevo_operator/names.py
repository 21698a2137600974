"""Names that users type or see in the cluster."""

from __future__ import annotations

from typing import Final

GROUP: Final = "relevo.dev"
API_VERSION: Final = f"{GROUP}/v1alpha1"
KIND: Final = "ModelDeployment"
PLURAL: Final = "modeldeployments"

REFRESH: Final = f"{GROUP}/refresh"
"""Annotation; any new value: ask the registry now."""
RETRY: Final = f"{GROUP}/retry"
"""Annotation; any new value: try the version that was given up once more."""
RETRAIN: Final = f"{GROUP}/retrain"
"""Annotation; any new value, the reason: ask Airflow for a run of the DAG that trains."""
INCLUDE: Final = f"{GROUP}/include"
"""Annotation; any new value, the batches and why: ask Airflow for a run of the DAG that takes them back first."""

APPLIED: Final = f"{GROUP}/applied"
"""Annotation on what the operator made: the digest of what it last applied there."""

OWNER_LABEL: Final = f"{GROUP}/modeldeployment"
"""On what the operator made: the ModelDeployment's name. Selects the pods."""
VERSION_LABEL: Final = f"{GROUP}/version"
"""On a Deployment and its pods: the model version they are pinned to."""
MANAGER: Final = "relevo-operator"
CONTAINER: Final = "serving"

BROKEN_VERSION_EXIT: Final = 3
"""relevo-serving's exit code if its pinned version can never be served; the termination message says why."""
