"""charts/relevo as Helm renders it: what must hold for every pod, whatever the values. Needs helm, no cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.whole.release import helm
from tests.e2e.whole.repository import ROOT

CHART = ROOT / "charts" / "relevo"
TOKENS = {"relevo-operator", "relevo-scheduler", "relevo-install"}
"""Whose pods may speak to the API server."""
DATABASES = ("raw", "clean", "metadata", "airflow")
OWN = {
    "postgres": {"databases": {name: {"existingSecret": f"my-{name}"} for name in DATABASES}},
    "bucket": {"endpoint": "https://s3.example", "existingSecret": "my-bucket"},
    "source": {"url": "http://source.example"},
    "airflow": {"git": {"url": "https://git.example/relevo.git", "existingSecret": "my-git"}},
    "networkPolicies": False,
    "serving": {"replicas": None},
}


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The chart's objects, and the pods that the steps' ConfigMap holds."""
    text = helm(
        "template", "relevo", str(CHART), "--namespace", "shop", "--kube-version", "1.34.0", "--include-crds",
        "--set-json", f"image={json.dumps({'tag': '1.2.3'})}", *_set(values),
    )  # fmt: skip
    found = [one for one in yaml.safe_load_all(text) if one]
    for one in list(found):
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "relevo-steps":
            found += [yaml.safe_load(text) for text in one["data"].values()]
    return found


def _set(values: dict[str, Any]) -> list[str]:
    return [part for name, value in values.items() for part in ("--set-json", f"{name}={json.dumps(value)}")]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, labels and spec of every pod that would run."""
    for one in objects:
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["metadata"]["labels"], one["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = one["spec"]["template"]
            yield one["metadata"]["name"], template["metadata"]["labels"], template["spec"]


@pytest.fixture(scope="module", params=[{}, OWN], ids=["all of it", "databases, bucket, source and git of one's own"])
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The chart, rendered."""
    return rendered(request.param)


def test_every_pod_passes_the_restricted_level_with_a_read_only_root(objects: list[dict[str, Any]]) -> None:
    for name, _, spec in pods(objects):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is (name in TOKENS), name
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            where = f"{name}/{one['name']}"
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }, where
            assert one["resources"]["requests"] and one["resources"]["limits"]["memory"], where
            assert not one["image"].endswith((":latest", ":")), where


def test_no_secret_is_rendered_and_no_password_stands_in_an_environment(objects: list[dict[str, Any]]) -> None:
    assert "Secret" not in {one["kind"] for one in objects}
    for name, _, spec in pods(objects):
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            for variable in one.get("env", ()):
                secret = any(
                    word in variable["name"] for word in ("PASSWORD", "SECRET", "KEY", "CONN", "_URL", "STORE")
                )
                plain = str(variable.get("value", ""))
                assert not secret or "@" not in plain, f"{name}: {variable['name']}"


def test_services_and_policies_select_pods_that_there_are(objects: list[dict[str, Any]]) -> None:
    labels = [found for _, found, _ in pods(objects)]
    for one in objects:
        if one["kind"] == "Service":
            selector = one["spec"]["selector"]
        elif one["kind"] == "NetworkPolicy" and "matchLabels" in one["spec"]["podSelector"]:
            selector = one["spec"]["podSelector"]["matchLabels"]
        else:
            continue
        assert any(selector.items() <= found.items() for found in labels), one["metadata"]["name"]


def test_what_somebody_has_already_is_not_installed() -> None:
    kinds = {(one["kind"], one["metadata"]["name"]) for one in rendered(OWN)}
    assert not {name for kind, name in kinds if kind == "StatefulSet"} - {"relevo-scheduler"}
    assert ("Deployment", "relevo-source") not in kinds
    assert "NetworkPolicy" not in {kind for kind, _ in kinds}


def test_the_charts_definition_is_the_projects() -> None:
    assert (CHART / "crds" / "modeldeployments.yaml").read_text() == (
        ROOT / "crds" / "modeldeployments.yaml"
    ).read_text()


@pytest.mark.parametrize(
    ("values", "ui", "serving"),
    [
        ({"image.tag": "", "ui.image.tag": "", "image.tags.ui": "sha-1"}, "docker.io/relevo/ui:sha-1", ":dev"),
        ({"image.tag": "1.4.0", "image.tags.ui": "sha-1"}, "docker.io/relevo/ui:1.4.0", ":1.4.0"),
        ({"image.tag": "1.4.0", "ui.image.tag": "mine"}, "docker.io/relevo/ui:mine", ":1.4.0"),
        ({"image.registry": "ghcr.io/acme/relevo", "image.tag": ""}, "ghcr.io/acme/relevo/ui:dev", ":dev"),
    ],
    ids=["the published one", "one for all", "its own", "another registry"],
)
def test_an_image_is_its_own_or_the_one_for_all_or_the_published_one(
    values: dict[str, Any], ui: str, serving: str
) -> None:
    found = rendered(values)
    assert {spec["containers"][0]["image"] for name, _, spec in pods(found) if name == "relevo-ui"} == {ui}
    (deployment,) = [one for one in found if one["kind"] == "ModelDeployment"]
    assert deployment["spec"]["serving"]["image"].endswith(f"/serving{serving}")
