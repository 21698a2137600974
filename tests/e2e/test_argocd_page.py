"""The commands of docs/argocd.md, typed at a Kubernetes API that has Argo CD's kinds alone. Needs helm and argocd.

What they do to a real Argo CD, tests/e2e/whole shows.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.commands import ROOT, Command, blocks, run, typed
from tests.e2e.test_argocd import program
from tests.killing import base_env
from tests.kubernetes_api import KubernetesApi, find_assets

PAGE = "docs/argocd.md"
APPLICATIONS = typed("helm upgrade --install relevo charts/argocd", PAGE)
INTO_ARGOCD = typed("kubectl -n argocd patch configmap argocd-cm", PAGE)
BY_ITS_CHART = (typed("printf 'configs: {cm: %s}", PAGE), typed("helm upgrade argo-cd argo/argo-cd", PAGE))
ACTION = typed("argocd app actions run", PAGE)
CHART = {
    "Chart.yaml": "{apiVersion: v2, name: argo-cd, version: 0.0.1}",
    "values.yaml": "{configs: {cm: {}}, mine: 1}",
    "templates/cm.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm-of-the-chart, annotations: {mine: "{{ .Values.mine }}"}}
data: {{- .Values.configs.cm | toYaml | nindent 2 }}
""",
}
"""What of Argo CD's own chart matters here: it writes `configs.cm` into a ConfigMap."""


def kind(name: str) -> dict[str, Any]:
    """The definition of one of Argo CD's kinds, which takes anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name.lower()}s.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "names": {"kind": name, "plural": f"{name.lower()}s"},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    }


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    with KubernetesApi(find_assets(), tmp_path_factory.mktemp("kubernetes")) as made:
        made.kubectl("create", "namespace", "argocd")
        for name in ("Application", "AppProject"):
            made.kubectl("apply", "-f", "-", input=json.dumps(kind(name)))
        made.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        made.kubectl("create", "configmap", "argocd-cm", "-n", "argocd", "--from-literal=url=https://argocd.example")
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are typed: the checkout's charts, the page's environments, and Argo CD's chart."""
    made = tmp_path_factory.mktemp("typing")
    (made / "charts").symlink_to(ROOT / "charts")
    (made / "environments.yaml").write_text(blocks(PAGE, "yaml")[0])
    for name, content in CHART.items():
        path = made / "argo" / "argo-cd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return made


@pytest.fixture(scope="module")
def env(api: KubernetesApi, folder: Path) -> dict[str, str]:
    folders = [str(find_assets()), str(Path(program("helm")).parent), str(Path(program("argocd")).parent)]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    return {**base_env(), "PATH": path, "HOME": str(folder), "KUBECONFIG": str(api.kubeconfig)}


@pytest.fixture(scope="module")
def customizations(api: KubernetesApi, env: dict[str, str], folder: Path) -> dict[str, str]:
    """What the page's first command brings, beside an Application for each of its environments."""
    ended = APPLICATIONS.run(env, folder)
    assert ended.returncode == 0, ended.stderr
    found = api.get("applications.argoproj.io", "-n", "argocd")["items"]
    assert [one["metadata"]["name"] for one in found] == ["relevo-production", "relevo-staging"]
    data: dict[str, str] = api.get("configmap/relevo-customizations", "-n", "argocd")["data"]
    return data


def test_the_customizations_get_into_argo_cds_own_configmap(
    api: KubernetesApi, env: dict[str, str], folder: Path, customizations: dict[str, str]
) -> None:
    ended = INTO_ARGOCD.run(env, folder)
    assert ended.returncode == 0, ended.stderr
    data = api.get("configmap/argocd-cm", "-n", "argocd")["data"]
    assert data == customizations | {"url": "https://argocd.example"}


def test_argo_cds_chart_gets_them_beside_its_other_values(
    api: KubernetesApi, env: dict[str, str], folder: Path, customizations: dict[str, str]
) -> None:
    first = ["helm", "install", "argo-cd", "argo/argo-cd", "-n", "argocd", "--set", "mine=2"]
    subprocess.run(first, env=env, cwd=folder, check=True, capture_output=True)
    ended = run(BY_ITS_CHART, env, folder)
    assert ended.returncode == 0, ended.stderr
    found = api.get("configmap/argocd-cm-of-the-chart", "-n", "argocd")
    assert found["data"] == customizations
    assert found["metadata"]["annotations"]["mine"] == "2"


def test_argocd_knows_the_command_for_actions(env: dict[str, str], folder: Path) -> None:
    """It needs a server to run it; its help refuses an option that it does not know."""
    ended = Command(PAGE, f"{ACTION.text} --help").run(env, folder)
    assert ended.returncode == 0, ended.stderr
    assert "argocd app actions run APPNAME ACTION" in ended.stdout
    assert Command(PAGE, f"{ACTION.text} --no-such-option --help").run(env, folder).returncode != 0
