"""Pods as a watch sees them: they are gone once their task has ended."""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.airflow.steps import Pod
from benchmarks.handover.watching import Moments, Object, Watch, client
from tests.operator.cluster.shop import Pod as Kind


class Pods:
    """The pods of a namespace that have succeeded; none fails here, or the benchmark ends."""

    def __init__(self, namespace: str) -> None:
        self._client, self._created = client(None, namespace), Moments()
        self._done: dict[str, tuple[str, Pod]] = {}
        self._succeeded = Moments()
        self.watch = Watch(self._client, {Kind: self._see})

    def _see(self, found: Object, at: float) -> None:
        name = found["metadata"]["name"]
        self._created.note(name, at)
        if found["status"].get("phase") == "Succeeded" and name not in self._done:
            ended = found["status"]["containerStatuses"][0]["state"]["terminated"]
            own = json.loads(ended["message"])
            pod = Pod(self._created.wait(name), own["began"], own["ended"], at)
            self._done[name] = (found["metadata"].get("labels", {}).get("task_id", ""), pod)
            self._succeeded.note(name, at)

    def of(self, task: str, began: float, ended: float) -> Pod:
        """The pod that the task started in that time."""
        (found,) = [one for name, one in list(self._done.values()) if name == task and began <= one.began <= ended]
        return found

    def bare(self, manifest: dict[str, Any], name: str) -> Pod:
        """The pod on its own: made, watched to its end, deleted."""
        made = manifest | {"metadata": manifest["metadata"] | {"name": name}}
        asked = time.time()
        self._client.create(Kind(made))
        self._succeeded.wait(name)
        self._client.delete(Kind, name)
        pod = self._done[name][1]
        return Pod(asked, pod.began, pod.ended, pod.succeeded)
