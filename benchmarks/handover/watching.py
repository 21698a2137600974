"""What happens in a namespace and when this machine saw it, on its own clock. By watching: nothing is asked again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from lightkube import Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.types import OnErrorAction, OnErrorResult

PATIENCE = 300.0
Object = dict[str, Any]
OnEvent = Callable[[Object, float], None]
"""Told of an object as it is now, and of the time: seconds since 1970."""


def client(kubeconfig: Path | None, namespace: str) -> Any:
    """A client of the cluster; None is KUBECONFIG's. Any: its overloads know no objects that are plain dictionaries."""
    config = KubeConfig.from_file(kubeconfig or os.environ["KUBECONFIG"])
    return Client(config, namespace=namespace, field_manager="bench-handover")


class Watch:
    """Tells of every object of some kinds, each kind in a thread of its own that ends with the process."""

    def __init__(self, client: Any, handlers: dict[Any, OnEvent]) -> None:
        self._client, self._handlers = client, handlers
        self._stopped = False

    def __enter__(self) -> Self:
        for kind, tell in self._handlers.items():
            threading.Thread(target=self._run, args=(kind, tell), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True

    def _run(self, kind: Any, tell: OnEvent) -> None:
        def again(_: Exception, count: int) -> OnErrorResult:
            return OnErrorResult(OnErrorAction.STOP if self._stopped else OnErrorAction.RETRY, sleep=min(count, 5))

        for what, found in self._client.watch(kind, on_error=again):
            if self._stopped:
                return
            if what != "DELETED":
                tell(dict(found), time.time())


class Moments:
    """Named moments; the first time that something is noted counts."""

    def __init__(self) -> None:
        self._found: dict[str, float] = {}
        self._news = threading.Condition()

    def note(self, what: str, at: float) -> None:
        """It happened."""
        with self._news:
            if what not in self._found:
                self._found[what] = at
                self._news.notify_all()

    def wait(self, what: str, patience: float = PATIENCE) -> float:
        """When it happened, or will have. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: what in self._found, patience):
                raise TimeoutError(f"expected {what} within {patience:g} s, it has not come; last seen: {self.last()}")
            return self._found[what]

    def last(self) -> str:
        """What was noted last."""
        return next(reversed(self._found), "nothing")
