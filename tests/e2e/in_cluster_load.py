"""A steady load of predictions from inside the cluster: load.py as a pod, started, stopped and summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.cluster import RESTRICTED, SERVING_IMAGE, Namespace, Object

SCRIPT: Final = Path(__file__).parent / "load.py"


@dataclass(frozen=True)
class LoadSummary:
    """What came of a load; versions are model versions."""

    requests: int
    lasted: float
    """Seconds."""
    by_status: Mapping[int, int]
    by_version: Mapping[int, int]
    first_answer: Mapping[int, datetime]
    last_answer: Mapping[int, datetime]
    failed: int
    stored: int
    """Answers that said that their row is kept; its street is `load`."""
    failures: Sequence[Mapping[str, str]]
    """The first of them: `at` and `error`."""
    median_seconds: float | None
    longest_seconds: float | None


def start(
    namespace: Namespace,
    url: str,
    *,
    rate: float = 20,
    name: str = "load",
    at_most: float = 900,
    keep_alive: bool = False,
    image: str = SERVING_IMAGE,
) -> None:
    """Send `rate` predictions a second to a URL as the cluster reaches it, until `stop` or `at_most` seconds.

    Returns once the pod runs; `first_answers` tells when it is answered.
    """
    script = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {SCRIPT.name: SCRIPT.read_text()},
    }
    arguments = [url, str(rate), str(at_most), str(keep_alive).lower()]
    namespace.delete(f"pod/{name}")  # of a test that failed before it stopped its own
    namespace.apply(script, _pod(name, image, arguments, at_most))
    namespace.until(lambda: namespace.get(f"pod/{name}")["status"]["phase"] == "Running")


def first_answers(namespace: Namespace, name: str = "load") -> dict[int, datetime]:
    """By model version when it first answered, so far."""
    lines = (line for line in namespace.events(f"pod/{name}") if line["event"] == "first_answer")
    return {line["version"]: datetime.fromisoformat(line["at"]) for line in lines}


def stop(namespace: Namespace, name: str = "load") -> LoadSummary:
    """Stop the load, wait for the requests under way, and return what came of it."""
    pod = f"pod/{name}"
    if namespace.get(pod)["status"]["phase"] == "Running":
        namespace.kubectl("exec", name, "--", "sh", "-c", "kill -TERM 1")
    namespace.until(lambda: namespace.get(pod)["status"]["phase"] in ("Succeeded", "Failed"))
    summaries = [line for line in namespace.events(pod) if line["event"] == "summary"]
    if len(summaries) != 1:
        pytest.fail(
            f"expected a summary from {pod}, got:\n{namespace.logs(pod)}\n{namespace.describe()}", pytrace=False
        )
    namespace.delete(pod, f"configmap/{name}")
    return _summary(summaries[0])


def _summary(line: Object) -> LoadSummary:
    def numbers(of: str) -> dict[int, int]:
        return {int(key): int(count) for key, count in line[of].items()}

    def times(of: str) -> dict[int, datetime]:
        return {int(key): datetime.fromisoformat(at) for key, at in line[of].items()}

    return LoadSummary(
        requests=line["requests"],
        lasted=line["lasted"],
        by_status=numbers("by_status"),
        by_version=numbers("by_version"),
        first_answer=times("first_answer"),
        last_answer=times("last_answer"),
        stored=line["stored"],
        failed=line["failed"],
        failures=line["failures"],
        median_seconds=line["median_seconds"],
        longest_seconds=line["longest_seconds"],
    )


def _pod(name: str, image: str, arguments: list[str], at_most: float) -> Object:
    mounts = [{"name": "script", "mountPath": "/load"}, {"name": "tmp", "mountPath": "/tmp"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "activeDeadlineSeconds": int(at_most) + 60,
            "containers": [
                {
                    "name": "load",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", f"/load/{SCRIPT.name}", *arguments],
                    "securityContext": RESTRICTED,
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
                    "volumeMounts": mounts,
                }
            ],
            "volumes": [{"name": "script", "configMap": {"name": name}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
