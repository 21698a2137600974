"""What kopf watches: each event names the ModelDeployment that is to be looked at. Nothing is decided here.

Only `on.event` handlers: they put no finalizer on objects, so deleting one never waits for the operator, and write no
annotations of kopf's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import kopf

from relevo_operator import names
from relevo_operator.cluster import PAGE
from relevo_operator.controller import Controller
from relevo_operator.workqueue import WorkQueue

_OWNED: Final = (("apps", "v1", "deployments"), ("", "v1", "services"))
"""Group, version and plural of what a ModelDeployment owns."""


def settings() -> kopf.OperatorSettings:
    """How kopf is to watch."""
    made = kopf.OperatorSettings()
    # Namespaces and kinds are given: the rights to list all namespaces and definitions are not needed.
    made.scanning.disabled = True
    made.posting.enabled = False  # our Events tell what was decided, not which handler ran
    made.watching.chunk_size = PAGE
    for kind in _OWNED:  # the server leaves out what is not ours: others may have thousands, changing all the time
        made.watching.label_selectors[kind] = names.OWNER_LABEL
    made.watching.server_timeout = 300
    made.watching.client_timeout = 330  # a connection that died without a word is opened anew
    made.networking.request_timeout = 30
    # Handlers only name what is to be looked at: nothing is lost if they end at once, and a pod stops sooner.
    made.queueing.idle_timeout = 1
    made.queueing.exit_timeout = 0.1
    return made


def registry(controller: Controller, queue: WorkQueue, stop: Callable[[], Awaitable[None]]) -> kopf.OperatorRegistry:
    """The handlers; `stop` ends the work that goes on beside kopf."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.cleanup(registry=handlers)
    async def finish(**_: Any) -> None:
        await stop()  # here, for kopf waits five seconds for tasks that are not its own

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
    for group, version, plural in _OWNED:
        on(group, version, plural, labels={names.OWNER_LABEL: kopf.PRESENT}, registry=handlers)(owned)
    return handlers
