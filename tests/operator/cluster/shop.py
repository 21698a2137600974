"""A namespace of a real API server for one test, and the parts of Kubernetes that are missing there, played by hand.

Without kube-controller-manager and kubelet nobody makes pods of a Deployment: `roll_out` says in its status what they
would, and pods are objects with the status that a kubelet would write.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from lightkube import ApiError, Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.types import PatchType

from relevo_operator import kinds, names

ModelDeployment, Deployment, Service = kinds.MODEL_DEPLOYMENT, kinds.DEPLOYMENT, kinds.SERVICE
Pod, Event = kinds.POD, kinds.EVENT
Any_ = TypeVar("Any_")
PATIENCE = 60.0


def eventually(look: Callable[[], Any_], what: str, patience: float = PATIENCE) -> Any_:
    """The first true thing that `look` returns; an answer of 404 is none yet."""
    ends = time.monotonic() + patience
    seen: Any = None
    while time.monotonic() < ends:
        try:
            seen = look()
        except ApiError as error:
            if error.status.code != 404:
                raise
        if seen:
            return seen  # type: ignore[no-any-return]
        time.sleep(0.05)
    raise AssertionError(f"expected {what} within {patience:g} s, last seen: {seen}")


@dataclass
class Shop:
    """One namespace, seen as a cluster administrator."""

    kubeconfig: Path
    namespace: str
    tracking_uri: str
    model: str
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(KubeConfig.from_file(self.kubeconfig), namespace=self.namespace, field_manager="test")

    def apply(self, name: str = "prices", **spec: Any) -> None:
        """Make a ModelDeployment; `spec` replaces parts of the least one."""
        least = {
            "registry": {"trackingUri": self.tracking_uri, "model": self.model},
            "pollInterval": "1h",
            "serving": {"image": "relevo/serving:test"},
        }
        body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": least | spec}
        self.client.create(ModelDeployment(body))

    def edit(self, patch: Mapping[str, Any], name: str = "prices") -> None:
        self.client.patch(ModelDeployment, name, dict(patch), patch_type=PatchType.MERGE)

    def annotate(self, annotation: str, value: str, name: str = "prices") -> None:
        self.edit({"metadata": {"annotations": {annotation: value}}}, name)

    def get(self, name: str = "prices") -> dict[str, Any]:
        return dict(self.client.get(ModelDeployment, name))

    def status(self, name: str = "prices") -> dict[str, Any]:
        return self.get(name).get("status") or {}

    def deployment(self, name: str = "prices") -> dict[str, Any]:
        return dict(self.client.get(Deployment, name))

    def pinned(self, name: str = "prices") -> int:
        """The version that the Deployment runs."""
        env = self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["env"]
        return int(next(one["value"] for one in env if one["name"] == "RELEVO_VERSION"))

    def wait_pinned(self, version: int, name: str = "prices") -> None:
        eventually(lambda: self.pinned(name) == version, f"a Deployment pinned to version {version}")

    def condition(self, kind: str, name: str = "prices") -> tuple[str, str, str]:
        """Status, reason and message."""
        for one in self.status(name).get("conditions") or ():
            if one["type"] == kind:
                return one["status"], one["reason"], one["message"]
        return "", "", ""

    def wait_condition(self, kind: str, status: str, reason: str, name: str = "prices") -> str:
        """Wait for it; returns its message."""
        eventually(
            lambda: self.condition(kind, name)[:2] == (status, reason),
            f"{kind} {status} {reason}; status: {json.dumps(self.status(name), indent=1)}",
        )
        return self.condition(kind, name)[2]

    def roll_out(self, name: str = "prices", *, starting: bool = False) -> None:
        """What the Deployment controller would say: all pods are new and ready; or, starting, one new is not yet."""
        live = self.deployment(name)
        wanted = live["spec"]["replicas"]
        serving = (live.get("status") or {}).get("availableReplicas", 0)
        new = {"replicas": serving + 1, "updatedReplicas": 1, "availableReplicas": serving, "readyReplicas": serving}
        done = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), wanted)
        status = {"observedGeneration": live["metadata"]["generation"]} | (new if starting else done)
        self.client.patch(Deployment.Status, name, {"status": status}, patch_type=PatchType.MERGE)

    def serving(self, version: int, name: str = "prices") -> None:
        """Let the version's pods get ready."""
        self.wait_pinned(version, name)

        def served() -> bool:
            self.roll_out(name)  # again and again: the operator may have written in between
            return bool(self.status(name).get("servedVersion") == version)

        eventually(served, f"status.servedVersion to be {version}")

    def pod(self, version: int, container: Mapping[str, Any], owner: str = "prices") -> None:
        """A pod of the version with a container in this state."""
        name = f"{owner}-{version}"
        labels = {names.OWNER_LABEL: owner, names.VERSION_LABEL: str(version)}
        spec = {"containers": [{"name": names.CONTAINER, "image": "relevo/serving:test"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
        self.client.create(Pod(body))
        state = {"name": names.CONTAINER, "image": "relevo/serving:test", "imageID": "", "ready": False}
        status = {"containerStatuses": [state | {"restartCount": 0} | dict(container)]}
        self.client.patch(Pod.Status, name, {"status": status}, patch_type=PatchType.MERGE)

    def broken_pod(self, version: int, said: str) -> None:
        """A pod whose version says that it can never be served."""
        ended = {"exitCode": names.BROKEN_VERSION_EXIT, "message": said, "containerID": "x"}
        self.pod(version, {"lastState": {"terminated": ended}})

    def events(self) -> list[str]:
        """The reasons of the Events about ModelDeployments."""
        found = self.client.list(Event, namespace=self.namespace)
        return [event["reason"] for event in found if event["involvedObject"]["kind"] == names.KIND]


@dataclass
class Operator:
    """The operator as a process."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def metric(self, metric: str, /, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(metric) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def wait_idle(self, seconds: float = 2) -> None:
        """Wait until it has looked at nothing for so long."""
        before = -1.0
        while (looks := self.metric("relevo_operator_reconcile_seconds_count")) != before:
            before = looks
            time.sleep(seconds)

    def lines(self) -> list[dict[str, Any]]:
        """Its log, every line of which must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def operating(folder: Path, kubeconfig: Path, *, port: int, **settings: str) -> Iterator[Operator]:
    """Run the operator until the block ends; killed meanwhile or not."""
    log = folder / f"operator-{time.monotonic_ns()}.log"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))}
    env = inherited | {"KUBECONFIG": str(kubeconfig), "RELEVO_HOST": "127.0.0.1", "RELEVO_PORT": str(port)} | settings
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "relevo_operator"], env=env, stdout=out, stderr=subprocess.STDOUT, text=True
        )
    operator = Operator(process, f"http://127.0.0.1:{port}", log)
    try:
        eventually(lambda: _answers(operator), f"the operator to answer; its log:\n{log.read_text()}")
        yield operator
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            assert process.returncode == 0, f"expected the operator to stop when told; its log:\n{log.read_text()}"


def _answers(operator: Operator) -> bool:
    if operator.process.poll() is not None:
        raise AssertionError(f"the operator ended with {operator.process.returncode}:\n{operator.log.read_text()}")
    try:
        return operator.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
