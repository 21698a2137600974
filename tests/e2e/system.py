"""Relevo's operator, MLflow and the versions of one model, in a namespace of a real cluster."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.cluster import SERVING_IMAGE, Namespace, Object, kubectl, new_namespace
from tests.versions import Versions, trained

ROOT: Final = Path(__file__).parents[2]
TRACKING_URI: Final = "http://mlflow:5000"


@dataclass(frozen=True)
class System:
    """What runs in the namespace; `mlflow` leads to its MLflow from here."""

    namespace: Namespace
    mlflow: str

    def versions(self) -> Versions:
        """A registered model of a test's own: versions 1 and 2 can serve, 3 is broken."""
        made = Versions(self.mlflow, f"house-prices-{secrets.token_hex(4)}")
        for folder in trained():
            made.register(folder)
        made.register_broken(trained()[0])
        return made

    def apply(self, name: str, versions: Versions, *, replicas: int = 2, **spec: Any) -> None:
        """Make a ModelDeployment, or change it."""
        serving = {
            "image": SERVING_IMAGE,
            "replicas": replicas,
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        }
        body = {
            "apiVersion": "relevo.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {
                "registry": {"trackingUri": TRACKING_URI, "model": versions.model},
                "pollInterval": "5s",
                "rollout": {"progressDeadline": "2m"},
                **spec,
                "serving": serving | spec.get("serving", {}),
            },
        }
        self.namespace.apply(body)

    def status(self, name: str) -> Object:
        """A ModelDeployment's status; empty before the operator wrote one."""
        found: Object = self.namespace.get(f"modeldeployment/{name}").get("status") or {}
        return found

    def wait_served(self, name: str, version: int) -> None:
        """Wait until the version serves with every replica."""
        self.namespace.until(lambda: self.status(name).get("servedVersion") == version)
        self.namespace.wait("condition=Ready", f"modeldeployment/{name}")

    def wait_condition(self, name: str, kind: str, status: str, reason: str) -> str:
        """Wait for a condition; returns its message."""

        def look() -> str | None:
            for one in self.status(name).get("conditions", ()):
                if (one["type"], one["status"], one["reason"]) == (kind, status, reason):
                    return str(one["message"])
            return None

        return str(self.namespace.until(look))

    def outcomes(self, name: str) -> list[tuple[int, str]]:
        """status.history as version and outcome, newest first."""
        return [(one["version"], one["outcome"]) for one in self.status(name)["history"]]

    def url(self, name: str) -> str:
        """Where predictions are asked for inside the cluster."""
        return str(self.status(name)["endpoint"]) + "/predict"

    def kill_operator(self) -> None:
        """Kill its pod without notice; its Deployment makes another."""
        self.namespace.kubectl(
            "delete", "pod", "-l", "app.kubernetes.io/name=relevo-operator", "--grace-period=0", "--force"
        )


def _operator(namespace: str) -> list[Mapping[str, Any]]:
    """The operator's manifests; those without a namespace get names of this one's own."""
    text = (ROOT / "operator" / "deploy" / "operator.yaml").read_text()
    found = []
    for one in yaml.safe_load_all(text):
        if one["kind"].startswith("ClusterRole"):
            one["metadata"]["name"] = f"relevo-operator-{namespace}"
        if one["kind"] == "ClusterRoleBinding":
            one["roleRef"]["name"] = f"relevo-operator-{namespace}"
            one["subjects"][0]["namespace"] = namespace
        if one["kind"] == "Deployment":  # several runs on one cluster leave each other's objects alone
            env = one["spec"]["template"]["spec"]["containers"][0]["env"]
            env.append({"name": "RELEVO_NAMESPACES", "value": namespace})
        found.append(one)
    return found


@contextmanager
def installed() -> Iterator[System]:
    """The definition, the operator and MLflow in a namespace of their own; the definition alone stays at the end."""
    kubectl("apply", "--server-side", "-f", str(ROOT / "crds" / "modeldeployments.yaml"))
    kubectl("wait", "--for=condition=Established", "crd/modeldeployments.relevo.dev", "--timeout=30s")
    with new_namespace("e2e") as namespace, ExitStack() as stack:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "relevo-operator-webhook"},
            "stringData": {"secret": secrets.token_hex(32)},
        }
        manifests = _operator(namespace.name)
        names = [
            f"{one['kind']}/{one['metadata']['name']}" for one in manifests if one["kind"].startswith("ClusterRole")
        ]
        stack.callback(kubectl, "delete", "--ignore-not-found", *names)
        namespace.apply(secret, *manifests)
        namespace.mlflow()
        namespace.wait("condition=Available", "deployment/relevo-operator", timeout=120)
        port = stack.enter_context(namespace.port_forward("svc/mlflow", 5000))
        yield System(namespace, f"http://127.0.0.1:{port}")
