"""`python -m relevo_logins`: MLflow's users and what each may do, before the server starts.

It runs beside the server's own migration, as an init container, on the same database, so that there is no moment in
which the server answers and knows no users; and it makes the experiment and the registered model of each use case that
RELEVO_MODELS names, which else would belong to whoever comes first. RELEVO_LOGINS is a folder with a folder for each
user, named by its part, with the files `username` and `password`. A password that changed is the user's from then on.
Run again, it changes nothing else.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any, Final

from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.server.auth.config import read_auth_config
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore as Users
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

ADMINISTRATOR: Final = "admin"
EXPERIMENT, MODEL, VERSIONS = "experiment", "registered_model", "registered_model_version"
MAY: Final = {
    ADMINISTRATOR: {},
    # EDIT on the model registers versions. READ on versions takes back what that would let them change of one that is
    # there: its tags, and with them the digest of its files.
    "steps": {EXPERIMENT: "EDIT", MODEL: "EDIT", VERSIONS: "READ"},
    "promote": {EXPERIMENT: "EDIT", MODEL: "EDIT", VERSIONS: "EDIT"},
    "serving": {EXPERIMENT: "READ", MODEL: "READ"},
    "operator": {EXPERIMENT: "READ", MODEL: "READ", VERSIONS: "EDIT"},
    "ui": {EXPERIMENT: "READ", MODEL: "READ"},
    "people": {EXPERIMENT: "READ", MODEL: "READ"},
}
"""By part what its user may do: READ, EDIT (which has no deleting in it), MANAGE."""
ARTIFACTS: Final = "mlflow-artifacts:/"
"""Where the server keeps artifacts, as it tells its clients."""


def _experiment(store: Tracking, name: str) -> str:
    found = store.get_experiment_by_name(name)
    return str(store.create_experiment(name) if found is None else found.experiment_id)


def _registered(store: Registry, name: str) -> None:
    try:
        store.get_registered_model(name)
    except MlflowException:
        store.create_registered_model(name)


def _users(store: Users, folder: Path) -> dict[str, str]:
    """Make the users that are missing, each with its password; returns their names by part."""
    names, passwords = (
        {part: (folder / part / key).read_text().strip("\r\n") for part in MAY} for key in ("username", "password")
    )
    if len(set(names.values())) != len(names):
        raise SystemExit(
            f"expected a user name for each part, got {', '.join(sorted(names.values()))}: give each its own"
        )
    for part, name in names.items():
        if not store.has_user(name):
            store.create_user(name, passwords[part])
        elif not store.authenticate_user(name, passwords[part]):
            store.update_user(name, password=passwords[part])
        store.update_user(name, is_admin=part == ADMINISTRATOR)
    return names


def _webhook(store: Registry, url: str, secret: str) -> None:
    """Tell the operator of aliases that move. A secret cannot be read back, so what is there is written again."""
    name = f"relevo-operator-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    told: dict[str, Any] = {
        "name": name,
        "url": url,
        "events": [
            WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, action)
            for action in (WebhookAction.CREATED, WebhookAction.DELETED)
        ],
        "description": "Tells relevo-operator of aliases that move.",
        "secret": secret,
    }
    there = [one for one in store.list_webhooks(max_results=100) if one.name == name]
    if there:
        store.update_webhook(there[0].webhook_id, **told)
    else:
        store.create_webhook(**told)


def main() -> None:
    """Make what is missing."""
    uri, models = os.environ["MLFLOW_BACKEND_STORE_URI"], os.environ["RELEVO_MODELS"].split()
    users = Users()
    users.init_db(read_auth_config().database_uri)
    names = _users(users, Path(os.environ["RELEVO_LOGINS"]))
    tracking, registry = Tracking(uri, ARTIFACTS), Registry(uri)
    for model in models:
        experiment = _experiment(tracking, model)
        _registered(registry, model)
        for part, may in MAY.items():
            for kind, permission in may.items():
                pattern = {EXPERIMENT: experiment, MODEL: model}.get(kind, "*")
                users.grant_user_permission(names[part], kind, pattern, permission)
    if url := os.environ.get("RELEVO_WEBHOOK_URL"):
        _webhook(registry, url, Path(os.environ["RELEVO_WEBHOOK_SECRET_FILE"]).read_text().strip("\r\n"))
    sys.stdout.write(f"users {', '.join(sorted(names.values()))}; models {', '.join(models)}\n")


if __name__ == "__main__":
    main()
