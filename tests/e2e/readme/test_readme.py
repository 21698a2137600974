"""What README.md and docs/operating.md have typed on a cluster, typed: install, upgrade, back, a backup, its restore.

The tests stand in order of time. Only the namespace has another name, so that an installation of somebody's is safe.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from relevo_contract import names
from tests.docs.commands import ROOT, Command, typed
from tests.docs.test_operating import (
    BUCKET_BACK,
    BUCKETS_POD,
    BUCKETS_POD_GONE,
    DATABASES_BACK,
    LOOKING,
    NO_MLFLOW,
    SAVING,
    STARTING,
    STOPPING,
    UNACCOUNTED,
)
from tests.e2e.cluster import KubectlFailed, Namespace, kubectl
from tests.e2e.whole.airflow import Airflow
from tests.e2e.whole.release import MODEL, NAME, logged_in, plain

pytestmark = pytest.mark.timeout(3600)

OPERATING = "docs/operating.md"
NAMESPACE = (typed("kubectl create namespace relevo"), typed("kubectl label namespace relevo"))
INSTALL, TEST = typed("helm install relevo charts/relevo"), typed("helm test relevo")
UPGRADE, ROLLBACK = typed("helm upgrade relevo charts/relevo", OPERATING), typed("helm rollback relevo", OPERATING)
SECRETS_SAVED, SECRETS_BACK = typed("kubectl get secrets -n relevo"), typed("kubectl create -f backup/secrets.yaml")
INSTALLED = (
    typed("kubectl wait -n relevo --for=condition=Complete job", OPERATING),
    typed("kubectl wait -n relevo --for=condition=Available deployment/relevo-mlflow deployment/relevo-airflow"),
)
GONE = (
    typed("helm uninstall relevo"),
    typed("kubectl delete pvc -n relevo"),
    typed("kubectl delete secret -n relevo -l"),
)
LOOP = 900
"""Seconds in which a first version must serve, and later a next batch be decided."""


@dataclass(frozen=True)
class Installation:
    """A namespace, and a folder with the checkout's charts in which commands are typed."""

    namespace: Namespace
    folder: Path

    def type_in(self, *commands: Command, timeout: float = 1000) -> str:
        """Type commands, one after another; what they printed."""
        printed = ""
        for command in commands:
            text = re.sub(r"(?<=-n )relevo(?=\s|$)|(?<=namespace )relevo(?=\s|$)", self.namespace.name, command.text)
            ended = Command(command.page, text).run(os.environ, self.folder, timeout)
            assert ended.returncode == 0, f"{text}\n{ended.stdout}{ended.stderr}\n{self.namespace.describe()}"
            printed += ended.stdout
        return printed

    def served(self) -> int | None:
        """The version that serves."""
        found = self.namespace.get(f"modeldeployment/{MODEL}").get("status", {}).get("servedVersion")
        return None if found is None else int(found)

    @contextmanager
    def mlflow(self) -> Iterator[MlflowClient]:
        """Its MLflow, from here."""
        with self.namespace.port_forward(f"svc/{NAME}-mlflow", 5000) as port, logged_in(self.namespace):
            yield MlflowClient(f"http://127.0.0.1:{port}")

    def trigger(self) -> None:
        """Start a run of the loop, as a person does in Airflow."""
        login = [plain(self.namespace, f"{NAME}-airflow-login", key) for key in ("username", "password")]
        with self.namespace.port_forward(f"svc/{NAME}-airflow", 8080) as port:
            url = f"http://127.0.0.1:{port}"
            Airflow(url, *login).trigger()


def production(client: MlflowClient) -> int:
    """The version that the alias marks."""
    return int(client.get_model_version_by_alias(MODEL, names.ALIAS).version)


def decided(client: MlflowClient) -> int:
    """How many batches have a complete decision."""
    experiment = client.get_experiment_by_name(MODEL)
    if experiment is None:
        return 0
    runs = client.search_runs([experiment.experiment_id])
    return sum(names.TAG_TRAIN in run.data.tags for run in runs)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The README's commands from the second on; the first, `make images`, was typed before these tests."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "charts").symlink_to(ROOT / "charts")
    made = Installation(Namespace(f"e2e-readme-{secrets.token_hex(4)}"), folder)
    try:
        made.type_in(*NAMESPACE, INSTALL)
        yield made
    finally:
        name = made.namespace.name
        kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
        kubectl("delete", "--ignore-not-found", f"clusterrole/{name}-{NAME}-install")
        kubectl("delete", "--ignore-not-found", f"clusterrolebinding/{name}-{NAME}-install")


def test_right_after_its_installation_it_passes_its_own_test(installation: Installation) -> None:
    assert re.search(r"Phase:\s+Succeeded", installation.type_in(TEST))


def test_a_first_version_serves_by_itself(installation: Installation) -> None:
    installation.namespace.until(installation.served, timeout=LOOP, pause=2)


@pytest.fixture(scope="module")
def saved(installation: Installation) -> tuple[int, int]:
    """A backup, made early, so that the source still has batches to give; the version and the decisions in it."""
    with installation.mlflow() as client:
        while True:  # again if a version was promoted just then, for the tests must know which one was saved
            version, batches = production(client), decided(client)
            installation.type_in(*SAVING)
            if production(client) == version:
                break
    installation.type_in(SECRETS_SAVED)
    return version, batches


def test_a_backup_made_while_the_loop_goes_on_is_whole(installation: Installation, saved: tuple[int, int]) -> None:
    said = installation.type_in(*LOOKING)
    for name in ("metadata.dump", "airflow-db.dump", "clean.dump", "raw.dump", "bucket.tar"):
        assert f"backup/{name} is whole" in said


def test_an_upgrade_and_the_way_back_leave_what_serves(installation: Installation) -> None:
    before = installation.served()
    assert before is not None
    installation.type_in(UPGRADE, TEST, ROLLBACK, TEST)
    after = installation.served()
    assert after is not None
    assert after >= before, "the loop may have promoted meanwhile, and nothing else may have happened"


def test_a_lost_namespace_comes_back_from_its_backup(installation: Installation, saved: tuple[int, int]) -> None:
    version, batches = saved
    installation.type_in(*GONE)
    kubectl("delete", "namespace", installation.namespace.name, "--timeout=900s", timeout=930)

    installation.type_in(*NAMESPACE, SECRETS_BACK, INSTALL, *INSTALLED)
    installation.type_in(*STOPPING, *BUCKETS_POD, BUCKET_BACK, BUCKETS_POD_GONE)
    installation.type_in(*NO_MLFLOW, DATABASES_BACK, UNACCOUNTED)
    *starting, restart = STARTING
    installation.type_in(*starting)
    with installation.mlflow() as client:
        assert production(client) == version
        restored = decided(client)
        assert restored >= batches
        installation.namespace.until(lambda: _deployment_of(installation, version), timeout=LOOP, pause=1)
        installation.type_in(restart)
        installation.trigger()
        installation.namespace.until(lambda: decided(client) > restored, timeout=LOOP, pause=2)
        installation.namespace.until(lambda: installation.served() == production(client), timeout=LOOP, pause=2)


def _deployment_of(installation: Installation, version: int) -> bool:
    """Whether the operator has found the version that the restored alias marks."""
    try:
        containers = installation.namespace.get(f"deployment/{MODEL}")["spec"]["template"]["spec"]["containers"]
    except KubectlFailed:
        return False
    return {"name": "RELEVO_VERSION", "value": str(version)} in containers[0]["env"]
