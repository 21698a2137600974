"""The API server that the tests talk to is a real one, of the pinned version, and knows who may do what."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from relevo_demo.servers.process import ServerError
from tests.kubernetes_api import BUILD, KubernetesApi, find_assets

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a"},
    "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a"},
    "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "a", "image": "registry.example/a:1"}]},
        },
    },
}


def create(api: KubernetesApi, namespace: str, body: object, kubeconfig: Path | None = None) -> str:
    """What kubectl says against it."""
    arguments = ("create", "-n", namespace, "-f", "-")
    return api.kubectl(*arguments, input=json.dumps(body), kubeconfig=kubeconfig, check=False).stderr


def test_is_of_the_pinned_version(kube_api: KubernetesApi) -> None:
    pin = re.search(r"k8s.io/kubernetes (v\S+)", (BUILD.parent / "assets/kubernetes/go.mod").read_text())
    assert pin is not None
    expected = pin[1]
    if "KUBEBUILDER_ASSETS" in os.environ:  # somebody's own: then it is the one that is named, and not another
        command = [str(find_assets() / "kube-apiserver"), "--version"]
        expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
    assert json.loads(kube_api.kubectl("version", "-o", "json").stdout)["serverVersion"]["gitVersion"] == expected


def test_takes_services_and_deployments_at_once(kube_api: KubernetesApi) -> None:
    namespace = kube_api.new_namespace("api")
    assert create(kube_api, namespace, SERVICE) == ""
    assert create(kube_api, namespace, DEPLOYMENT) == ""
    assert kube_api.get("service", "a", "-n", namespace)["spec"]["clusterIP"].startswith("10.")
    status = json.dumps({"status": {"replicas": 1, "readyReplicas": 1}})  # the part of the controller that is not there
    kube_api.kubectl("patch", "deployment", "a", "-n", namespace, "--subresource=status", "--type=merge", "-p", status)
    assert kube_api.get("deployment", "a", "-n", namespace)["status"]["readyReplicas"] == 1
    assert kube_api.get("pods", "-n", namespace)["items"] == []


def test_others_may_do_what_rbac_allows_them(kube_api: KubernetesApi) -> None:
    namespace = kube_api.new_namespace("api")
    account = kube_api.kubeconfig_for_service_account(namespace, "robot")
    ana = kube_api.kubeconfig_for("ana", ["builders"])
    for kubeconfig, who in ((account, f"system:serviceaccount:{namespace}:robot"), (ana, "ana")):
        assert f'User "{who}" cannot create resource "services"' in create(kube_api, namespace, SERVICE, kubeconfig)
    kube_api.kubectl("create", "role", "make", "--verb=create", "--resource=services", "-n", namespace)
    to = f"--serviceaccount={namespace}:robot"
    kube_api.kubectl("create", "rolebinding", "robot", "--role=make", to, "--group=builders", "-n", namespace)
    assert create(kube_api, namespace, SERVICE, account) == ""
    assert "already exists" in create(kube_api, namespace, SERVICE, ana)
    assert "cannot create" in create(kube_api, namespace, DEPLOYMENT, ana)


def test_programs_that_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    (tmp_path / "etcd").touch(mode=0o755)
    with pytest.raises(
        ServerError, match=r"KUBEBUILDER_ASSETS: .* lacks kube-apiserver, kubectl: correct it, or unset"
    ):
        find_assets()


def test_a_build_that_fails_says_how_to_see_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "tests" / "kube" / "build-assets"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\nexit 7\n")
    script.chmod(0o755)
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setattr("tests.kubernetes_api.BUILD", script)
    monkeypatch.setattr("tests.kubernetes_api.ROOT", tmp_path)
    with pytest.raises(ServerError, match=r"expected tests/kube/build-assets to build .* code 7: run it by itself"):
        find_assets()


def test_what_kubectl_says_is_told(kube_api: KubernetesApi) -> None:
    with pytest.raises(
        ServerError, match=r"expected kubectl get nothing to succeed, .*\n.*doesn't have a resource type"
    ):
        kube_api.kubectl("get", "nothing")
