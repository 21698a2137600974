"""How every part speaks to MLflow: its REST API (public and versioned, https://mlflow.org/docs/latest/rest-api).

Not `mlflow.MlflowClient`: importing it takes seconds and 80 MB in every process, for a few kinds of question.
"""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote, urlsplit

from relevo_contract import settings

MISSING: Final = "RESOURCE_DOES_NOT_EXIST"
EXISTS: Final = "RESOURCE_ALREADY_EXISTS"
ABSENT: Final = frozenset({MISSING, "INVALID_PARAMETER_VALUE"})
"""MLflow's codes for an alias, model or version that is not there (an alias of an unknown model is "invalid")."""
PROXIED: Final = "mlflow-artifacts"
"""The scheme of artifacts that the server hands out itself, so that its clients need no key of the store behind it."""


def base_url(tracking_uri: str) -> str:
    """What every endpoint's path stands below."""
    return f"{tracking_uri.rstrip('/')}/api/2.0/"


def shown(tracking_uri: str) -> str:
    """The address without what may be a password."""
    parts = urlsplit(tracking_uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def login() -> dict[str, str]:
    """The headers that log in with MLflow's own variables, or files of them; a password never stands in an address.

    Raises ValueError, naming the variable, if a file cannot be read.
    """
    token, name, password = map(settings.value, settings.MLFLOW_LOGIN)
    # A value's last newline would be an illegal header, and httpx repeats those in its error, token and all.
    if token := (token or "").strip():
        return {"Authorization": f"Bearer {token}"}
    if name:
        pair = f"{name}:{password or ''}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def artifact_root(artifact_uri: str) -> str | None:
    """A run's folder below the artifact proxy; None if the server does not hand its artifacts out."""
    root = urlsplit(artifact_uri)
    return root.path.strip("/") if root.scheme == PROXIED else None


def artifact(root: str, path: str) -> str:
    """The endpoint of one file below a run's folder."""
    return f"{PROXIED}/artifacts/{quote(root)}/{quote(path)}"
