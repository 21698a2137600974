"""charts/argocd as Helm renders it, and its health check and actions in Argo CD itself (`argocd admin`). No cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.argocd.customizations import FOLDER, action_tests, health_tests, read, untimed

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "argocd"
STAGING = {
    "name": "staging",
    "namespace": "relevo-staging",
    "repoURL": "https://git.example.com/shop/relevo.git",
    "targetRevision": "main",
    "valueFiles": ["environments/staging.yaml"],
}
PRODUCTION = {
    "name": "production",
    "namespace": "relevo",
    "repoURL": "git@git.example.com:shop/relevo.git",
    "targetRevision": "1.40",
    "path": "deploy/relevo",
    "releaseName": "prices",
    "values": {"serving": {"replicas": 3}},
    "server": "https://10.0.0.1:6443",
}


def program(name: str) -> str:
    """The program that the variable of its name in capitals names, or the one on PATH."""
    found = shutil.which(os.environ.get(name.upper(), name))
    if found is None:
        pytest.fail(f"expected {name} on PATH, or its path in {name.upper()}, found none: install it", pytrace=False)
    return found


def helm(values: dict[str, Any], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [program("helm"), "template", "relevo", str(CHART), "--namespace", "argocd", "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def rendered(**values: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The chart's objects by kind and name."""
    found = [one for one in yaml.safe_load_all(helm(values).stdout) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def test_each_environment_is_an_application_that_keeps_itself_as_git_says() -> None:
    found = rendered(environments=[STAGING, PRODUCTION])
    staging = found["Application", "relevo-staging"]
    assert staging["metadata"]["namespace"] == "argocd"
    spec = staging["spec"]
    assert spec["destination"] == {"server": "https://kubernetes.default.svc", "namespace": "relevo-staging"}
    assert spec["source"] == {
        "repoURL": STAGING["repoURL"],
        "targetRevision": "main",
        "path": "charts/relevo",
        "helm": {
            "releaseName": "relevo",
            "skipCrds": True,
            "skipTests": True,
            "valueFiles": ["environments/staging.yaml"],
        },
    }
    policy = spec["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert policy["syncOptions"] == ["FailOnSharedResource=true"]
    assert policy["retry"] == {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}}
    assert "ignoreDifferences" not in spec

    production = found["Application", "relevo-production"]["spec"]
    assert production["destination"] == {"server": PRODUCTION["server"], "namespace": "relevo"}
    assert production["source"]["targetRevision"] == "1.40"
    assert production["source"]["path"] == "deploy/relevo"
    assert production["source"]["helm"]["releaseName"] == "prices"
    assert production["source"]["helm"]["valuesObject"] == PRODUCTION["values"]


def test_the_project_lets_the_environments_into_their_places_and_no_further() -> None:
    further = {"group": "bitnami.com", "kind": "SealedSecret"}
    found = rendered(environments=[STAGING, PRODUCTION], project={"kinds": [further]})
    project = found["AppProject", "relevo"]["spec"]
    assert {one["spec"]["project"] for (kind, _), one in found.items() if kind == "Application"} == {"relevo"}
    assert set(project["sourceRepos"]) == {STAGING["repoURL"], PRODUCTION["repoURL"]}
    assert project["destinations"] == [
        {"server": "https://kubernetes.default.svc", "namespace": "relevo-staging"},
        {"server": PRODUCTION["server"], "namespace": "relevo"},
    ]
    assert {"group": "", "kind": "Secret"} not in project["namespaceResourceWhitelist"]
    assert further in project["namespaceResourceWhitelist"]
    assert project["clusterResourceWhitelist"] == []
    assert "*" not in json.dumps(project)


CLUSTERS = (
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("", "Namespace"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("", "PersistentVolume"),
    ("*", "*"),
)


@pytest.fixture(scope="module")
def permits(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any], str, str, bool], bool]:
    """Argo CD's own rules, the function that its controller asks before it applies anything."""
    done = subprocess.run([str(ROOT / "toolchain" / "build"), "argocd-project"], check=False)
    assert done.returncode == 0, "expected toolchain/build argocd-project to build: run it by itself to see why"
    folder = tmp_path_factory.mktemp("project")

    def asked(project: dict[str, Any], group: str, kind: str, namespaced: bool) -> bool:
        (folder / "project.yaml").write_text(yaml.safe_dump(project))
        where = "namespace" if namespaced else "cluster"
        command = [ROOT / ".tools" / "argocd-project" / "argocd-project", folder / "project.yaml", group, kind, where]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout == "permitted\n"

    return asked


@pytest.mark.parametrize(("group", "kind"), CLUSTERS)
@pytest.mark.parametrize("values", [{}, {"environments": [STAGING, PRODUCTION]}])
def test_argo_cds_own_rules_let_no_kind_of_the_cluster_through(
    permits: Callable[..., bool], values: dict[str, Any], group: str, kind: str
) -> None:
    """By one a git writer would become the cluster's administrator, or make a namespace that enforces nothing."""
    project = rendered(**values)["AppProject", "relevo"]
    assert not permits(project, group, kind, False)
    assert not permits(project, group, kind, True)


def test_argo_cds_own_rules_let_the_charts_kinds_through_and_no_secret(permits: Callable[..., bool]) -> None:
    project = rendered(environments=[STAGING])["AppProject", "relevo"]
    for one in project["spec"]["namespaceResourceWhitelist"]:
        assert permits(project, one["group"], one["kind"], True)
        assert not permits(project, one["group"], one["kind"], False)
    assert not permits(project, "", "Secret", True)
    # Whether it is asked at all: a project as it was before lets the binding through.
    project["spec"]["clusterResourceWhitelist"] = [{"group": "rbac.authorization.k8s.io", "kind": "ClusterRoleBinding"}]
    assert permits(project, "rbac.authorization.k8s.io", "ClusterRoleBinding", False)


def test_no_value_brings_a_kind_of_the_cluster_into_the_project() -> None:
    done = helm({"project": {"clusterKinds": [{"group": "", "kind": "Namespace"}]}}, check=False)
    assert done.returncode != 0
    assert "clusterKinds" in done.stderr


def test_a_project_of_the_users_own_is_used() -> None:
    found = rendered(environments=[STAGING], project={"create": False, "name": "shop"})
    assert found["Application", "relevo-staging"]["spec"]["project"] == "shop"
    assert not [kind for kind, _ in found if kind == "AppProject"]


def test_without_environments_there_is_the_customization_alone_and_a_project_that_allows_nothing() -> None:
    found = rendered()
    assert set(found) == {("ConfigMap", "relevo-customizations"), ("AppProject", "relevo")}
    assert found["AppProject", "relevo"]["spec"]["sourceRepos"] == []
    assert found["AppProject", "relevo"]["spec"]["destinations"] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"environments": [STAGING | {"name": "Staging"}]}, "environments[0].name: expected at most 30 lower-case"),
        ({"environments": [STAGING | {"releaseName": "1st"}]}, "environments[0].releaseName: expected at most 30"),
        (
            {"environments": [STAGING | {"repoURL": "https://me:secret@git.example.com/relevo.git"}]},
            "environments[0].repoURL: expected an address without password",
        ),
        ({"environments": [STAGING | {"repoURL": "relevo"}]}, "expected a git repository's address such as"),
        ({"environments": [STAGING | {"targetRevision": ""}]}, "expected a branch, tag or commit such as main"),
        ({"environments": [STAGING | {"path": "../relevo"}]}, "expected a folder of the repository such as"),
        ({"environments": [STAGING | {"server": "in-cluster"}]}, "expected the address of a cluster's API"),
        (
            {"environments": [STAGING, STAGING | {"namespace": "other"}]},
            "environments[1].name: expected a name of its own, staging is taken by environments[0]",
        ),
        (
            {"environments": [STAGING, STAGING | {"name": "other"}]},
            "environments[1].namespace: expected a namespace of its own, relevo-staging is taken by environments[0]",
        ),
        ({"project": {"create": False}}, "expected project.name, the AppProject to use, got none"),
        ({"project": {"name": "shop"}}, "set project.create to false to use a project that is there"),
        ({"retry": {"backoff": "soon"}}, 'retry.backoff: expected a duration such as 5s or 1m30s, got "soon"'),
        # Helm's own words, from values.schema.json:
        ({"enviroments": []}, "enviroments"),
        ({"environments": [{key: one for key, one in STAGING.items() if key != "namespace"}]}, "namespace"),
        ({"environments": [STAGING | {"targetRevision": 1.4}]}, "targetRevision"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(values: dict[str, Any], said: str) -> None:
    done = helm(values, check=False)
    assert done.returncode != 0
    assert said in done.stderr
    assert "secret@" not in done.stderr


@pytest.fixture(scope="module")
def argocd_cm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Argo CD's ConfigMap with the keys that the chart renders."""
    path = tmp_path_factory.mktemp("argocd") / "argocd-cm.yaml"
    data = rendered()["ConfigMap", "relevo-customizations"]["data"]
    metadata = {"name": "argocd-cm", "namespace": "argocd", "labels": {"app.kubernetes.io/part-of": "argocd"}}
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))
    return path


def argocd(what: str, cm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("argocd"), "admin", "settings", "resource-overrides", what, *arguments]
    # Shows the object as an action leaves it, instead of the difference.
    env = os.environ | {"KUBECTL_EXTERNAL_DIFF": """sh -c 'cat "$2"' cat"""}
    return subprocess.run([*command, "--argocd-cm-path", str(cm)], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("expected", health_tests(), ids=lambda one: Path(one["inputPath"]).stem)
def test_argo_cd_judges_each_fixture_as_it_says(expected: dict[str, Any], argocd_cm: Path) -> None:
    done = argocd("health", argocd_cm, str(FOLDER / expected["inputPath"]))
    state = expected["healthStatus"]
    assert done.stdout == f"STATUS: {state['status']}\nMESSAGE: {state['message']}\n", done.stderr


@pytest.mark.parametrize("expected", action_tests("discoveryTests"), ids=lambda one: one["inputPath"])
def test_argo_cd_offers_what_fits_the_object(expected: dict[str, Any], argocd_cm: Path) -> None:
    done = argocd("list-actions", argocd_cm, str(FOLDER / "actions" / expected["inputPath"]))
    offered = [line.split() for line in done.stdout.splitlines()[1:]]
    wanted = sorted([one["name"], str(one["disabled"]).lower()] for one in expected["result"])
    assert sorted(offered) == wanted, done.stderr


@pytest.mark.parametrize(
    "expected", action_tests("actionTests"), ids=lambda one: f"{one['action']}-{one['inputPath'].split('/')[-1]}"
)
def test_an_action_in_argo_cd_does_what_it_says(expected: dict[str, Any], argocd_cm: Path) -> None:
    done = argocd("run-action", argocd_cm, str(FOLDER / "actions" / expected["inputPath"]), expected["action"])
    if words := expected.get("expectedErrorMessage"):
        assert done.returncode != 0
        assert words in done.stderr
    else:
        _, _, after = done.stdout.partition("Following fields have been changed:")
        assert untimed(yaml.safe_load(after)) == read(f"actions/{expected['expectedOutputPath']}"), done.stderr
