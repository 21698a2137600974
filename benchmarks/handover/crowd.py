"""Many ModelDeployments in a namespace of a bare API server, and the missing controllers, played at once.

Nobody makes pods of a Deployment here: as soon as one is made or changed, its status says that all its replicas serve.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from lightkube.types import PatchType

from benchmarks.handover.watching import PATIENCE, Object, Watch, client
from relevo_operator import names
from relevo_operator.manifests import pinned_version
from tests.operator.cluster.shop import Deployment, ModelDeployment

HANDS = 8
"""Requests under way at a time."""


def _name(number: int) -> str:
    return f"prices-{number:04}"


class Crowd:
    """The ModelDeployments of one namespace; the n-th follows the n-th model, those repeated as often as it takes."""

    def __init__(self, kubeconfig: Path, namespace: str, tracking_uri: str, models: Sequence[str], count: int) -> None:
        self._client = client(kubeconfig, namespace)
        self.namespace = namespace
        self._tracking_uri = tracking_uri
        self._follows = {_name(number): models[number % len(models)] for number in range(count)}
        self._hands = ThreadPoolExecutor(HANDS)
        self._watch = Watch(self._client, {Deployment: self._deployment, ModelDeployment: self._model_deployment})
        self._news = threading.Condition()
        self._pinned: dict[str, tuple[int, float]] = {}
        self._ready: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Make the ModelDeployments, and play from then on."""
        list(self._hands.map(self._create, self._follows))
        self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__()
        self._hands.shutdown()

    def _create(self, name: str) -> None:
        registry = {"trackingUri": self._tracking_uri, "model": self._follows[name]}
        spec = {"registry": registry, "serving": {"image": "relevo/serving:dev"}}
        metadata = {"name": name}
        self._client.create(
            ModelDeployment({"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec})
        )

    def poll_each(self, interval: str) -> None:
        """Let one of them, and thereby the operator for all, ask the registry so often."""
        self._client.patch(ModelDeployment, _name(0), {"spec": {"pollInterval": interval}}, patch_type=PatchType.MERGE)

    def _deployment(self, found: Object, at: float) -> None:
        name, version = found["metadata"]["name"], pinned_version(found)
        if version is not None and self._pinned.get(name, (0, 0.0))[0] != version:
            with self._news:
                self._pinned[name] = version, at
                self._news.notify_all()
        generation = found["metadata"]["generation"]
        if (found.get("status") or {}).get("observedGeneration") != generation:
            self._hands.submit(self._complete, name, generation, found["spec"]["replicas"])

    def _complete(self, name: str, generation: int, replicas: int) -> None:
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
        status: dict[str, Any] = {"status": {"observedGeneration": generation} | counts}
        self._client.patch(Deployment.Status, name, status, patch_type=PatchType.MERGE)

    def _model_deployment(self, found: Object, at: float) -> None:
        name, conditions = found["metadata"]["name"], (found.get("status") or {}).get("conditions") or ()
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        with self._news:
            if not ready:
                self._ready.pop(name, None)
            elif name not in self._ready:
                self._ready[name] = at
                self._news.notify_all()

    def wait_ready(self) -> float:
        """When the last of them was ready: seconds since 1970."""
        with self._news:
            if not self._news.wait_for(lambda: len(self._ready) == len(self._follows), PATIENCE):
                raise TimeoutError(f"expected {len(self._follows)} to be ready, {len(self._ready)} are")
            return max(self._ready.values())

    def wait_pinned(self, model: str, version: int) -> list[float]:
        """When each Deployment of a model's followers was pinned to the version, the first one first."""
        followers = [name for name, follows in self._follows.items() if follows == model]

        def pinned() -> list[float]:
            there = (self._pinned.get(name, (0, 0.0)) for name in followers)
            return sorted(at for found, at in there if found == version)

        with self._news:
            if not self._news.wait_for(lambda: len(pinned()) == len(followers), PATIENCE):
                raise TimeoutError(f"expected {len(followers)} to be pinned to {version}, {len(pinned())} are")
            return pinned()
