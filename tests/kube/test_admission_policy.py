"""operator/deploy/admission-policy.yaml in a real API server: it lets through what its ConfigMap names, and no more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes_api import KubernetesApi

POLICY = Path(__file__).parents[2] / "operator" / "deploy" / "admission-policy.yaml"
IMAGE = "docker.io/relevo/serving:1.4.0"
MOST: dict[str, Any] = {
    "registry": {"secretName": "relevo-mlflow-serving", "model": "m"},
    "serving": {
        "image": IMAGE,
        "env": [{"name": "A", "value": "a"}],
        "secretFiles": [{"name": "RELEVO_RAW_URL", "secretName": "relevo-raw-serving", "key": "url"}],
    },
    "retraining": {"dag": "relevo", "secretName": "relevo-airflow-login"},
}
LEAST: dict[str, Any] = {"registry": {"trackingUri": "http://mlflow:5000", "model": "m"}, "serving": {"image": IMAGE}}


@pytest.fixture(scope="module")
def namespace(kube_api: KubernetesApi, relevo_namespace: str) -> Iterator[str]:
    """A namespace of a cluster with the policy, which goes again: it holds in all of them."""
    kube_api.kubectl("apply", "-f", str(POLICY))
    name = kube_api.new_namespace("narrowed")
    try:
        for _ in range(600):  # the API server learns of a policy a moment later
            if refusal(kube_api, name, LEAST | {"serving": {"image": "nobody/none:1"}}):
                break
            time.sleep(0.1)
        yield name
    finally:
        kube_api.kubectl("delete", "--ignore-not-found", "-f", str(POLICY))
        while refusal(kube_api, name, LEAST | {"serving": {"image": "nobody/none:1"}}):
            time.sleep(0.1)


def refusal(api: KubernetesApi, namespace: str, spec: dict[str, Any]) -> str:
    """What the API server says against it; empty if it takes it."""
    metadata = {"name": "prices", "namespace": namespace}
    body = {"apiVersion": "relevo.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": spec}
    return api.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body), check=False).stderr


@pytest.mark.parametrize("spec", [LEAST, MOST])
def test_what_the_configmap_names_is_let_through(kube_api: KubernetesApi, namespace: str, spec: dict[str, Any]) -> None:
    assert refusal(kube_api, namespace, spec) == ""


@pytest.mark.parametrize(
    "image",
    [
        "",
        "evil/serving:1",
        "docker.io/relevo/serving-evil:1",
        "docker.io/relevo/serving",
        "x docker.io/relevo/serving:1",
    ],
)
def test_another_image_is_refused(kube_api: KubernetesApi, namespace: str, image: str) -> None:
    said = refusal(kube_api, namespace, LEAST | {"serving": {"image": image}})
    assert said
    assert not image or "without spaces" in said or f"in the ConfigMap relevo-allowed, got {image}" in said


def naming(secret: str) -> Iterator[dict[str, Any]]:
    """A spec for every field that can name a Secret."""
    yield MOST | {"registry": {"secretName": secret, "model": "m"}}
    yield MOST | {"retraining": {"dag": "relevo", "secretName": secret}}
    for serving in (
        {
            "secretFiles": [
                {"name": "A", "secretName": "relevo-raw-serving", "key": "a"},
                {"name": "B", "secretName": secret, "key": "a"},
            ]
        },
        {
            "env": [
                {"name": "A", "value": "a"},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": secret, "key": "a"}}},
            ]
        },
    ):
        yield MOST | {"serving": {"image": IMAGE, **serving}}


@pytest.mark.parametrize("secret", ["others", "relevo-mlflow-serving2", "relevo-raw"])
def test_another_secret_is_refused_wherever_it_is_named(kube_api: KubernetesApi, namespace: str, secret: str) -> None:
    for spec in naming(secret):
        assert f"secrets in the ConfigMap relevo-allowed, got {secret}" in refusal(kube_api, namespace, spec)
    for spec in naming("relevo-raw-serving"):
        assert refusal(kube_api, namespace, spec) == ""


def test_every_field_of_the_definition_that_names_a_secret_is_looked_at(kube_api: KubernetesApi) -> None:
    text = POLICY.read_text()
    crd = kube_api.get("crd", "modeldeployments.relevo.dev")["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, below in schema.get("properties", {}).items():
            yield from fields(below.get("items", below), f"{path}.{name}")
        if path.endswith(("secretName", "secretKeyRef")):
            yield path

    found = set(fields(crd["properties"]["spec"], ""))
    assert len(found) == 4
    for path in found:
        assert path.rpartition(".")[2] in text
        assert path.split(".")[1] in text


def test_without_its_configmap_nothing_is_let_through(kube_api: KubernetesApi, namespace: str) -> None:
    kube_api.kubectl("delete", "configmap", "relevo-allowed", "-n", "relevo")
    for _ in range(600):
        if "no params found" in (said := refusal(kube_api, namespace, LEAST)):
            break
        time.sleep(0.1)
    assert said
