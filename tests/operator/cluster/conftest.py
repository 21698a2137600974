from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from relevo_demo.servers import MlflowServer, free_port
from tests.gate import Gate
from tests.kubernetes_api import KubernetesApi
from tests.operator.cluster.shop import ModelDeployment, Operator, Shop, operating
from tests.versions import Versions

ROOT = Path(__file__).parents[3]
SECRET = "a secret of the tests, long enough"
Operate = Callable[..., AbstractContextManager[Operator]]
"""Starts the operator with settings of a test's own."""


@pytest.fixture(scope="session")
def operator_kubeconfig(kube_api: KubernetesApi, relevo_namespace: str) -> Path:
    """Lets in the operator's ServiceAccount, with the rights that its manifest gives it and no others."""
    kube_api.kubectl("apply", "-n", relevo_namespace, "-f", str(ROOT / "operator" / "deploy" / "operator.yaml"))
    return kube_api.kubeconfig_for_service_account(relevo_namespace, "relevo-operator")


@pytest.fixture
def versions(mlflow: MlflowServer, model_name: str) -> Versions:
    """A registered model of one test's own, with three versions that nobody will load."""
    made = Versions(mlflow.url, model_name)
    for _ in range(3):
        made.register_empty()
    return made


@pytest.fixture
def shop(kube_api: KubernetesApi, gate: Gate, versions: Versions) -> Iterator[Shop]:
    """A namespace, and MLflow behind its gate."""
    name = kube_api.new_namespace("shop")
    shop = Shop(kube_api.kubeconfig, name, gate.url, versions.model)
    yield shop
    for hook in versions.client.list_webhooks():  # MLflow would go on delivering to nobody
        versions.client.delete_webhook(hook.webhook_id)
    for one in shop.client.list(ModelDeployment, namespace=name):
        shop.client.delete(ModelDeployment, one["metadata"]["name"])


@pytest.fixture
def operate(tmp_path: Path, operator_kubeconfig: Path, shop: Shop) -> Operate:
    """Start the operator for the test's namespace alone, with its least rights and the webhook set up."""
    port = free_port()
    secret = tmp_path / "webhook-secret"
    secret.write_text(SECRET)
    return partial(
        operating,
        tmp_path,
        operator_kubeconfig,
        port=port,
        RELEVO_NAMESPACES=shop.namespace,
        RELEVO_WEBHOOK_URL=f"http://127.0.0.1:{port}/webhooks/mlflow",
        RELEVO_WEBHOOK_SECRET_FILE=str(secret),
        RELEVO_REGISTRY_TIMEOUT="3",
        RELEVO_REGISTRIES=shop.tracking_uri,
    )


@pytest.fixture
def operator(operate: Operate) -> Iterator[Operator]:
    """The operator, running."""
    with operate() as running:
        yield running
