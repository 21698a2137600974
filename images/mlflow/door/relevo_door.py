"""What MLflow's own login cannot say: who may move an alias, and where webhooks may go.

MLflow's basic-auth asks for the same right, EDIT on the registered model, of whoever registers a version and of whoever
moves an alias, and of the second for no right more. So its `authorization_function` (docs/security.md) asks here: the
aliases, and the names that they stand on, are changed by administrators and RELEVO_ALIAS_USERS alone.

MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS, without which no webhook reaches a Service, lets webhooks go everywhere. Here they
have a way to RELEVO_WEBHOOK_URL and to no other address, redirected or not.
"""

from __future__ import annotations

import os
from typing import Any, Final

from flask import current_app, request
from mlflow.server import auth
from mlflow.webhooks import delivery

_GUARDED: Final = ("/registered-models/alias", "/registered-models/rename")
"""How the rules of Flask end that move an alias, or the name that it stands on."""
_METRICS: Final = "/metrics"
"""Figures of load, which Prometheus asks for without a login; a NetworkPolicy says who reaches them."""


def _one_way(url: str) -> Any:
    """A session like MLflow's own for webhooks, that finds no way but to addresses that begin so."""
    session = delivery._create_webhook_session()
    adapter = session.get_adapter("http://")
    session.adapters.clear()
    if url:
        session.mount(url, adapter)
    session.max_redirects = 0
    return session


if not hasattr(delivery, "_webhook_session"):
    raise ImportError("expected MLflow's webhooks to share one session, mlflow.webhooks.delivery._webhook_session")
delivery._webhook_session = _one_way(os.environ.get("RELEVO_WEBHOOK_URL", ""))


def authenticate() -> Any:
    """MLflow's own basic-auth, and 403 for who may not move aliases; what `authorization_function` names."""
    rule = "" if request.url_rule is None else request.url_rule.rule
    if rule == _METRICS:
        figures: Any = current_app.view_functions[str(request.endpoint)]
        return current_app.make_response(figures())
    found = auth.authenticate_request_basic_auth()
    name = getattr(found, "username", None)
    if name is None or request.method in {"GET", "HEAD", "OPTIONS"} or not rule.endswith(_GUARDED):
        return found
    may = os.environ.get("RELEVO_ALIAS_USERS", "").split(",")
    return found if name in may or auth.store.get_user(name).is_admin else auth.make_forbidden_response()
