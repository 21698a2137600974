"""Relevo as Argo CD installs it from the chart, in a namespace of its own, and ways to look into it from outside."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg
import pytest
import yaml

from tests.e2e.cluster import RESTRICTED, Namespace, Object, kubectl, new_namespace
from tests.e2e.whole.airflow import Airflow
from tests.e2e.whole.repository import IMAGE, ROOT, Repository, served

NAME: Final = "relevo"
MODEL: Final = "house-prices"
VALUES: Final = "environments/e2e.yaml"
ARGOCD: Final = "argocd"
"""The namespace in which Argo CD looks for Applications."""


def values(batches: int, seed: int, repository: str) -> Object:
    """What differs from the chart's own values."""
    return {
        "image": {"tag": "dev"},
        "source": {
            "batches": batches,
            "seed": seed,
            "data": {"existingClaim": "listings", "file": "realtor-data.csv"},
        },
        "airflow": {"schedule": "0 0 1 1 *", "git": {"url": repository, "interval": 10}},
        "serving": {"pollInterval": "5s"},
        # Grafana's image is not everywhere to be had; its dashboards' queries are asked of Prometheus itself.
        "prometheus": {"enabled": True, "interval": "5s"},
        "postgres": {"exporter": {"enabled": True}},
        "dashboards": {"enabled": True},
    }


@dataclass(frozen=True)
class Release:
    """The installed release. Ports lead to its parts from here."""

    namespace: Namespace
    repository: Repository
    airflow: Airflow
    mlflow: str
    """MLflow's address from here."""
    ports: dict[str, int]

    def application(self) -> Object:
        """Argo CD's view of it."""
        found: Object = json.loads(
            kubectl("-n", ARGOCD, "get", "application", application(self.namespace.name), "-o", "json")
        )
        return found

    def status(self) -> Object:
        """The ModelDeployment's status."""
        found: Object = self.namespace.get(f"modeldeployment/{MODEL}").get("status") or {}
        return found

    def secret(self, name: str, key: str) -> str:
        """A value of a Secret."""
        return plain(self.namespace, name, key)

    @contextmanager
    def database(self, name: str, of: str = NAME) -> Iterator[psycopg.Connection]:
        """A connection to RAW or CLEAN, with the login that the steps have; of a guest, on this release's servers."""
        # The way there breaks with the first use after its pod was killed, and is then made anew.
        with self.namespace.until(lambda: _connected(self.address(name, of)), timeout=60) as connection:
            yield connection

    def address(self, name: str, of: str = NAME, secret: str = "") -> str:
        """RAW's or CLEAN's from here, of the release or a guest, as its login or that of another Secret reaches it."""
        parts = urlsplit(self.secret(secret or f"{of}-{name}", "url"))
        return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.ports[name]}"))

    def airflow_of(self, dag: str) -> Airflow:
        """Airflow's API for a DAG."""
        username, password = (self.secret(f"{NAME}-airflow-login", key) for key in ("username", "password"))
        return Airflow(f"http://127.0.0.1:{self.ports['airflow']}", username, password, dag)

    def bucket(self) -> Any:
        """An S3 client with the keys that the steps have."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.ports['s3']}",
            aws_access_key_id=self.secret(f"{NAME}-s3", "access-key"),
            aws_secret_access_key=self.secret(f"{NAME}-s3", "secret-key"),
            region_name="us-east-1",
        )

    def change(self, change: Callable[[Any], None], why: str) -> str:
        """Change the release's values in git, and let Argo CD look now instead of within minutes; the commit."""
        revision = self.repository.edit(VALUES, change, why)
        asked = "argocd.argoproj.io/refresh=normal"
        kubectl("-n", ARGOCD, "annotate", "application", application(self.namespace.name), "--overwrite", asked)
        return revision

    def synced(self, revision: str) -> bool:
        """Whether Argo CD brought the cluster to this commit, and all of it is healthy."""
        status = self.application().get("status", {})
        sync, health = status.get("sync", {}), status.get("health", {})
        found = (sync.get("status"), sync.get("revision"), health.get("status"))
        return found == ("Synced", revision, "Healthy")


def _connected(url: str) -> psycopg.Connection | None:
    try:
        return psycopg.connect(url, connect_timeout=5)
    except psycopg.OperationalError:
        return None


def helm(*arguments: str) -> str:
    """Run helm and return what it printed; fails the test with what it said."""
    found = shutil.which("helm")
    if found is None:
        pytest.fail("expected helm on PATH, found none: install it, or add its folder to PATH", pytrace=False)
    ended = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode != 0:
        pytest.fail(f"helm {' '.join(arguments)}: {ended.stderr}", pytrace=False)
    return ended.stdout


def version() -> str:
    """The cluster's Kubernetes version, for templates."""
    return str(json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"])


def listings(namespace: Namespace, data: Path) -> None:
    """Put the listings on a volume that the data source mounts."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "listings"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    writer = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "listings"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"fsGroup": 65532},
            "containers": [
                {
                    "name": "writer",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "600"],
                    "securityContext": RESTRICTED,
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "listings"}}],
        },
    }
    namespace.apply(claim, writer)
    namespace.wait("condition=Ready", "pod/listings")
    namespace.kubectl(
        "exec", "-i", "listings", "--", "sh", "-c", "cat > /data/realtor-data.csv", stdin=data.read_text()
    )
    namespace.kubectl("delete", "pod/listings", "--grace-period=0", "--force")


def application(namespace: str) -> str:
    """The name of a namespace's Application."""
    return f"{NAME}-{namespace}"


def ask_argocd(namespace: str, repository: Repository) -> None:
    """Ask Argo CD for the release, and let it judge ModelDeployments, by the chart of Applications."""
    environment = {
        "name": namespace,
        "namespace": namespace,
        "releaseName": NAME,
        "repoURL": repository.url,
        "targetRevision": "main",
        "path": "charts/relevo",
        "valueFiles": [f"../../{VALUES}"],
    }
    body = helm(
        "template", "relevo", str(ROOT / "charts" / "argocd"), "--kube-version", version(), "--namespace", ARGOCD,
        "--set-json", f"environments={json.dumps([environment])}",
    )  # fmt: skip
    for one in yaml.safe_load_all(body):
        if one["kind"] == "ConfigMap":
            kubectl(
                "-n", ARGOCD, "patch", "configmap", "argocd-cm", "--type=merge", "-p", json.dumps({"data": one["data"]})
            )
        else:
            kubectl("-n", ARGOCD, "apply", "-f", "-", stdin=json.dumps(one))


def available(namespace: Namespace, deployment: str) -> bool:
    """Whether a part of the release answers."""
    return bool(namespace.get(f"deployment/{NAME}-{deployment}").get("status", {}).get("availableReplicas"))


def plain(namespace: Namespace, secret: str, key: str) -> str:
    """A value of a Secret."""
    return base64.b64decode(namespace.get(f"secret/{secret}")["data"][key]).decode()


@contextmanager
def logged_in(namespace: Namespace, user: str = "people") -> Iterator[None]:
    """The clients of MLflow that this process makes log in as a person does, or as a part of the release."""
    names = {"MLFLOW_TRACKING_USERNAME": "username", "MLFLOW_TRACKING_PASSWORD": "password"}
    with pytest.MonkeyPatch.context() as patch:
        for variable, key in names.items():
            patch.setenv(variable, plain(namespace, f"{NAME}-mlflow-{user}", key))
        yield


@contextmanager
def installed(folder: Path, data: Path, batches: int, seed: int) -> Iterator[Release]:
    """Install it and wait until all of it is healthy; deleted at the end."""
    with ExitStack() as stack:
        git = stack.enter_context(new_namespace("e2e-git"))
        namespace = stack.enter_context(new_namespace("e2e-whole"))
        listings(namespace, data)
        repository = stack.enter_context(served(git, folder, {}))
        first = repository.edit(VALUES, lambda body: body.update(values(batches, seed, repository.url)), "e2e's values")
        stack.callback(
            kubectl,
            "-n",
            ARGOCD,
            "delete",
            "--ignore-not-found",
            "--wait=false",
            "application",
            application(namespace.name),
        )
        ask_argocd(namespace.name, repository)
        for deployment in ("airflow", "mlflow"):
            namespace.until(lambda one=deployment: available(namespace, one), timeout=600, pause=1)  # type: ignore[misc]
        ports = {
            part: stack.enter_context(namespace.port_forward(f"svc/{NAME}-{part}", port))
            for part, port in (
                ("airflow", 8080), ("mlflow", 5000), ("raw", 5432), ("clean", 5432), ("s3", 8333), ("source", 8000),
                ("prometheus", 9090),
            )
        }  # fmt: skip
        login = Release(namespace, repository, None, "", ports)  # type: ignore[arg-type]
        release = Release(namespace, repository, login.airflow_of(MODEL), f"http://127.0.0.1:{ports['mlflow']}", ports)
        namespace.until(lambda: release.application()["status"]["sync"]["revision"] == first, timeout=300, pause=1)
        stack.enter_context(logged_in(namespace))
        yield release
