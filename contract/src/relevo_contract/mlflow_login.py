"""How a client of MLflow is let in and whom it believes: MLflow's own variables, whoever connects."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path

import httpx

from relevo_contract import settings


def bearer(token: str) -> dict[str, str]:
    """The header that logs in with a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    """The header that logs in with a user's name and password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def login() -> dict[str, str]:
    """The headers that log in with MLflow's own variables, or files of them; a password never stands in an address.

    Raises ValueError, naming the variable, if a file cannot be read.
    """
    token, name, password = map(settings.value, settings.MLFLOW_LOGIN)
    # A value's last newline would be an illegal header, and httpx repeats those in its error, token and all.
    if token := (token or "").strip():
        return bearer(token)
    return basic(name, password or "") if name else {}


def trust() -> ssl.SSLContext:
    """Whom to believe and as whom to come, by MLflow's own variables: what httpx calls `verify`.

    Raises ValueError, naming the variable, if a certificate cannot be read.
    """
    insecure, server, client = (os.environ.get(name, "") for name in settings.MLFLOW_TLS)
    unverified = insecure.lower() in {"true", "1"}
    if unverified and server:
        raise ValueError(
            f"{settings.MLFLOW_TLS[0]}, {settings.MLFLOW_TLS[1]}: expected one of them, both are set: leave one out"
        )
    try:
        context = httpx.create_ssl_context()
        if server:
            folder = Path(server).is_dir()
            context = ssl.create_default_context(cafile=None if folder else server, capath=server if folder else None)
        if client:
            context.load_cert_chain(client)
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(
            f"{settings.MLFLOW_TLS[1]}, {settings.MLFLOW_TLS[2]}: expected certificates in PEM, got: {error}"
        ) from error
    if unverified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
