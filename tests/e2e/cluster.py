"""The cluster that KUBECONFIG names, by kubectl: what the end-to-end tests do with it, in a namespace of their own.

A test that cannot run fails: without KUBECONFIG or kubectl every function here says what is missing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet

from relevo_demo.servers import free_port

MANIFESTS: Final = Path(__file__).parent / "manifests"
SERVING_IMAGE: Final = "relevo/serving:dev"
RESTRICTED: Final = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""A container's security context that the `restricted` level lets in."""

Object = dict[str, Any]
"""A Kubernetes object as its JSON."""


class KubectlFailed(Exception):
    """kubectl ended with another code than 0; the message is what it said."""


def kubectl(*arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl and return what it printed. Raises KubectlFailed."""
    command = [*_kubectl(), *arguments]
    ended = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if ended.returncode != 0:
        raise KubectlFailed(f"kubectl {' '.join(arguments)}: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout


def _kubectl() -> list[str]:
    if not os.environ.get("KUBECONFIG"):
        pytest.fail(
            "expected KUBECONFIG to name the configuration of a cluster, it is not set: export it", pytrace=False
        )
    found = shutil.which("kubectl")
    if found is None:
        pytest.fail("expected kubectl on PATH, found none: install it, or add its folder to PATH", pytrace=False)
    return [found]


@dataclass(frozen=True)
class Namespace:
    """A namespace of one test's own, in which every pod must pass the `restricted` level."""

    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run kubectl in the namespace. Raises KubectlFailed."""
        return kubectl("-n", self.name, *arguments, stdin=stdin, timeout=timeout)

    def apply(self, *what: Path | Mapping[str, Any]) -> None:
        """Apply files of manifests, or objects."""
        for one in what:
            if isinstance(one, Path):
                self.kubectl("apply", "-f", str(one))
            else:
                self.kubectl("apply", "-f", "-", stdin=json.dumps(one))

    def delete(self, *which: str, wait: bool = True) -> None:
        """Delete objects such as `pod/load`; those that are gone already are no error."""
        self.kubectl("delete", "--ignore-not-found", f"--wait={str(wait).lower()}", *which)

    def get(self, which: str) -> Object:
        """One object, such as `pod/load`. Raises KubectlFailed if there is none."""
        found: Object = json.loads(self.kubectl("get", which, "-o", "json"))
        return found

    def find(self, kind: str, selector: str = "") -> list[Object]:
        """The objects of a kind, those that a label selector selects."""
        found: list[Object] = json.loads(self.kubectl("get", kind, "-l", selector, "-o", "json"))["items"]
        return found

    def wait(self, condition: str, *which: str, timeout: float = 120) -> None:
        """Wait for a condition, such as `condition=Ready` or `delete`; fails the test with what the namespace holds."""
        try:
            self.kubectl(
                "wait", f"--for={condition}", f"--timeout={timeout:.0f}s", *which, timeout=timeout * len(which) + 30
            )
        except KubectlFailed as error:
            pytest.fail(f"{error}\n{self.describe()}", pytrace=False)

    def until(self, what: Callable[[], Any], timeout: float = 120, pause: float = 0.1) -> Any:
        """Ask until the answer is true, and return it; fails the test with what the namespace holds."""
        ends = time.monotonic() + timeout
        found = None
        while time.monotonic() < ends:
            try:
                if found := what():
                    return found
            except KubectlFailed as error:  # not there yet
                found = error
            time.sleep(pause)
        pytest.fail(f"still {found!r} after {timeout:.0f} s\n{self.describe()}", pytrace=False)

    def logs(self, which: str, *, previous: bool = False, container: str | None = None) -> str:
        """What a pod, or a Deployment's pod, has written."""
        options = ["--previous"] if previous else []
        return self.kubectl("logs", which, *options, *(["-c", container] if container else []))

    def events(self, which: str, *, previous: bool = False) -> list[Object]:
        """A pod's log as the lines of JSON that it is."""
        lines = self.logs(which, previous=previous).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def describe(self) -> str:
        """What a person would look at after a failure: objects, events, the ends of the pods' logs."""
        parts = [f"---- namespace {self.name}"]
        for arguments in (["get", "all", "-o", "wide"], ["get", "events", "--sort-by=.lastTimestamp"]):
            with _quiet(parts):
                parts.append(self.kubectl(*arguments))
        with _quiet(parts):
            for pod in self.kubectl("get", "pods", "-o", "name").split():
                parts.append(f"---- {pod}")
                with _quiet(parts):
                    parts.append(self.kubectl("logs", pod, "--all-containers", "--tail=40"))
        return "\n".join(parts)

    @contextmanager
    def port_forward(self, which: str, port: int) -> Iterator[int]:
        """A port of 127.0.0.1, found free, that leads to a port of a Service or pod (`svc/mlflow`).

        kubectl ends when one connection through it breaks: it is started again on the same port, until the block ends.
        """
        local = free_port()
        command = [*_kubectl(), "-n", self.name, "port-forward", which, f"{local}:{port}"]
        stopping = threading.Event()
        running: list[subprocess.Popen[bytes]] = []

        def keep() -> None:
            while not stopping.is_set():
                running[:] = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
                running[0].wait()
                stopping.wait(0.2)

        keeper = threading.Thread(target=keep, daemon=True)
        keeper.start()
        try:
            self.until(lambda: _listens(local), timeout=30)
            yield local
        finally:
            stopping.set()
            while keeper.is_alive():
                for process in running:
                    process.terminate()
                keeper.join(0.1)

    def mlflow(self) -> None:
        """Start MLflow (manifests/mlflow.yaml) as http://mlflow:5000, and wait until it answers."""
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "mlflow"},
            "stringData": {"webhook-encryption-key": Fernet.generate_key().decode()},
        }
        self.apply(secret, MANIFESTS / "mlflow.yaml")
        self.wait("condition=Available", "deployment/mlflow", timeout=180)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _quiet(parts: list[str]) -> Iterator[None]:
    """What cannot be shown after a failure must not hide the failure."""
    try:
        yield
    except (KubectlFailed, subprocess.TimeoutExpired) as error:
        parts.append(str(error))


@contextmanager
def new_namespace(prefix: str = "relevo") -> Iterator[Namespace]:
    """A namespace with a name of its own that enforces the `restricted` level; deleted at the end."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "relevo.dev/test": "true"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    kubectl("create", "-f", "-", stdin=json.dumps(body))
    try:
        yield Namespace(name)
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A namespace of one test's own. Import it in a conftest.py."""
    with new_namespace() as found:
        yield found
