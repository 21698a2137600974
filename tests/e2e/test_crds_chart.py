"""What belongs to the cluster is installed once, by a chart of its own, and by nothing of a release. Needs helm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.commands import ROOT, Command, run, typed
from tests.e2e.test_argocd import program
from tests.e2e.test_chart import OUTSIDE, rendered
from tests.killing import base_env
from tests.kubernetes_api import KubernetesApi, find_assets

DEFINITION = yaml.safe_load((ROOT / "crds" / "modeldeployments.yaml").read_text())
NAME = DEFINITION["metadata"]["name"]
INSTALL = [
    typed("helm upgrade --install relevo-crds", page)
    for page in ("docs/installing.md", "docs/operating.md", "docs/argocd.md")
]
NAMESPACES = typed("for namespace in relevo-staging relevo", "docs/argocd.md")
NAMESPACED = {
    "ConfigMap", "CronJob", "Deployment", "HTTPRoute", "Ingress", "Job", "ModelDeployment", "NetworkPolicy",
    "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "PodMonitor", "PrometheusRule", "Role", "RoleBinding",
    "Service", "ServiceAccount", "ServiceMonitor", "StatefulSet",
}  # fmt: skip


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesApi]:
    """A cluster of this test's own, in which nobody knows ModelDeployments."""
    with KubernetesApi(find_assets(), tmp_path / "kubernetes") as made:
        yield made


@pytest.fixture
def env(api: KubernetesApi, tmp_path: Path) -> dict[str, str]:
    folders = [str(find_assets()), str(Path(program("helm")).parent), os.environ["PATH"]]
    return {**base_env(), "PATH": os.pathsep.join(folders), "HOME": str(tmp_path), "KUBECONFIG": str(api.kubeconfig)}


def said(env: dict[str, str], *commands: Command) -> str:
    ended = run(commands, env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def is_up_to_date(live: dict[str, Any]) -> bool:
    return bool(live["spec"]["versions"][0]["schema"] == DEFINITION["spec"]["versions"][0]["schema"])


@pytest.mark.parametrize("values", [{}, OUTSIDE])
def test_the_chart_makes_nothing_that_belongs_to_the_cluster(values: dict[str, Any]) -> None:
    kinds = {one["kind"] for one in rendered(values)}
    assert kinds - {"CustomResourceDefinition"} <= NAMESPACED  # that one is Helm's crds/, for a first installation


def test_the_definition_is_installed_is_kept_at_an_uninstall_and_is_found_again(
    api: KubernetesApi, env: dict[str, str]
) -> None:
    said(env, INSTALL[0])
    live = api.get("crd", NAME)
    assert is_up_to_date(live)
    said(env, Command("", "helm uninstall relevo-crds -n relevo-crds"))
    assert api.get("crd", NAME)["metadata"]["uid"] == live["metadata"]["uid"]
    for again in INSTALL:
        said(env, again)
        assert api.get("crd", NAME)["metadata"]["uid"] == live["metadata"]["uid"]


@pytest.mark.parametrize("manager", ["helm", "relevo-install"])
def test_one_that_another_release_or_an_earlier_hook_left_is_brought_up_to_date(
    api: KubernetesApi, env: dict[str, str], manager: str
) -> None:
    older = deepcopy(DEFINITION)
    version = older["spec"]["versions"][0]
    version["additionalPrinterColumns"] = version["additionalPrinterColumns"][:1]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["suspend"]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["given-up"] = {"type": "string"}
    how = ["--server-side", f"--field-manager={manager}"] if manager == "relevo-install" else []
    api.kubectl("apply", *how, "-f", "-", input=json.dumps(older))
    assert not is_up_to_date(api.get("crd", NAME))
    said(env, INSTALL[0])
    live = api.get("crd", NAME)
    assert is_up_to_date(live)
    assert len(live["spec"]["versions"][0]["additionalPrinterColumns"]) > 1


def test_the_namespaces_of_argo_cds_environments_enforce_the_restricted_level(
    api: KubernetesApi, env: dict[str, str]
) -> None:
    said(env, NAMESPACES)
    for name in ("relevo-staging", "relevo"):
        labels = api.get(f"namespace/{name}")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
