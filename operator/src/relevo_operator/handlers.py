"""What kopf watches: each event names the ModelDeployment that is to be looked at. Nothing is decided here.

Only `on.event` handlers: they put no finalizer on objects, so deleting one never waits for the operator, and write no
annotations of kopf's.
"""

from __future__ import annotations

from typing import Any

import kopf

from relevo_operator import names
from relevo_operator.controller import Controller
from relevo_operator.workqueue import WorkQueue


def registry(controller: Controller, queue: WorkQueue) -> kopf.OperatorRegistry:
    """The handlers."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False  # our Events tell what was decided, not which handler ran
        settings.watching.server_timeout = 300
        settings.watching.client_timeout = 330  # a connection that died without a word is opened anew
        settings.networking.request_timeout = 30

    @kopf.on.login(registry=handlers)
    def login(**context: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**context) or kopf.login_with_kubeconfig(**context)

    # Coroutines: kopf runs plain functions in threads, and the queue belongs to the event loop.
    async def own(event: Any, body: Any, namespace: str, name: str, **_: Any) -> None:
        if event["type"] == "DELETED":
            controller.gone((namespace, name))
        else:
            controller.named(body)

    async def owned(namespace: str, labels: Any, **_: Any) -> None:
        queue.add((namespace, labels[names.OWNER_LABEL]))

    on: Any = kopf.on.event  # its protocol asks for every argument by name, where **_ is its documented way
    on(names.GROUP, "v1alpha1", names.PLURAL, registry=handlers)(own)
    for group, version, plural in (("apps", "v1", "deployments"), ("", "v1", "services")):
        on(group, version, plural, labels={names.OWNER_LABEL: kopf.PRESENT}, registry=handlers)(owned)
    return handlers
