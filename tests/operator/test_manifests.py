"""The Deployment and Service that are made, and when what is there counts as another."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relevo_contract import mlflow_login, settings
from relevo_operator import applying, manifests, names
from relevo_serving.settings import Settings
from tests.operator.worlds import SPEC, World


def made(**spec: Any) -> dict[str, Any]:
    return manifests.deployment(World(spec=replace(SPEC, **spec)).observed(), 3)


def live(**spec: Any) -> dict[str, Any]:
    """As the API server gives it back: with defaults, a status, and quantities written its way."""
    found = copy.deepcopy(made(**spec))
    found["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    found["status"] = {"replicas": 1}
    pod = found["spec"]["template"]["spec"]
    pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    pod["containers"][0] |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
    for one in pod["containers"][0]["env"]:
        if one.get("value") == "":
            del one["value"]
    return found


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


def test_it_pins_the_version_and_never_stops_the_old_before_the_new() -> None:
    deployment = made()
    assert {"name": "RELEVO_VERSION", "value": "3"} in container(deployment)["env"]
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert deployment["spec"]["template"]["metadata"]["labels"][names.VERSION_LABEL] == "3"
    # The version is no part of the selector, which cannot be changed.
    assert deployment["spec"]["selector"]["matchLabels"] == {names.OWNER_LABEL: "prices"}


@pytest.mark.parametrize("text", ["$(RELEVO_RAW_URL)", "$$(X)", "$", "a$b$$c", "$(", "{{ x }}", ""])
def test_no_text_of_a_person_is_expanded(text: str) -> None:
    """By the kubelet's rule: a doubled dollar is a dollar, and nothing after it is a variable."""
    spec = replace(SPEC, registry=replace(SPEC.registry, model=text, tracking_uri=text))
    env = {one["name"]: one["value"] for one in container(manifests.deployment(World(spec=spec).observed(), 1))["env"]}
    for name in ("RELEVO_MODEL", "MLFLOW_TRACKING_URI"):
        halves = env[name].split("$$")
        assert "$" not in "".join(halves)
        assert "$".join(halves) == text


def test_what_a_person_says_of_his_pods_environment_stays_as_kubernetes_has_it() -> None:
    env = ({"name": "BASE", "value": "/x"}, {"name": "RELEVO_DRAIN_SECONDS", "value": "$(BASE)"})
    found = container(made(env=env))["env"]
    assert found[-2:] == list(env)
    assert len({one["name"] for one in found}) == len(found), "the server refuses a variable that is there twice"


def test_its_pods_answer_to_the_services_names_and_to_those_that_a_person_adds() -> None:
    def hosts(**spec: Any) -> str:
        (found,) = (one["value"] for one in container(made(**spec))["env"] if one["name"] == "RELEVO_ALLOWED_HOSTS")
        return str(found)

    ours = "prices,prices.shop,prices.shop.svc,prices.shop.svc.cluster.local"
    assert hosts() == ours
    assert hosts(env=({"name": "RELEVO_ALLOWED_HOSTS", "value": "prices.example.org"},)) == f"{ours},prices.example.org"


def registered(deployment: dict[str, Any] | None = None, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The Deployment of one that names a Secret, of which these keys are known, or nothing is now."""
    registry = replace(SPEC.registry, tracking_uri="", secret=("shop", "mlflow-login"))
    seen = World(spec=replace(SPEC, registry=registry), deployment=deployment).observed()
    return manifests.deployment(replace(seen, registry_keys=keys), 3)


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        (("username", "password"), "Basic dXNlcm5hbWUgb2YgYW5hOnBhc3N3b3JkIG9mIGFuYQ=="),
        (("token",), "Bearer token of ana"),
    ],
)
def test_a_pods_login_comes_with_its_address_from_one_secret(
    keys: tuple[str, ...], header: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mounted and read as the serving image reads it, by whatever address the environment of the pod has otherwise."""
    deployment = registered(keys=keys)
    (volume,) = (one for one in deployment["spec"]["template"]["spec"]["volumes"] if one["name"] == "registry")
    assert volume["secret"]["secretName"] == "mlflow-login"
    for item in volume["secret"]["items"]:
        value = "http://owner:5000" if item["key"] == "url" else f"{item['key']} of ana"
        (tmp_path / item["path"]).write_text(f"{value}\n")
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    for one in container(deployment)["env"]:
        monkeypatch.setenv(one["name"], one["value"].replace("/secrets/registry", str(tmp_path)))
    assert settings.read(Settings, ValueError).tracking_uri == "http://owner:5000"
    assert mlflow_login.login() == {"Authorization": header}
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_while_the_secret_cannot_be_read_pods_stay_as_they_are() -> None:
    """Else an API server that says no for a moment would roll out pods without a login."""
    for keys in (("token", "ca.crt"), ("username", "password")):
        before = registered(keys=keys)
        assert registered(before, keys=None)["spec"] == before["spec"]
    assert registered(keys=None)["spec"] == registered(keys=("username", "password"))["spec"]


def test_its_pods_pass_the_restricted_level() -> None:
    pod = made()["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container(made())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False


def bytes_of(quantity: str) -> int:
    assert quantity.endswith("Mi")
    return int(quantity.removesuffix("Mi")) * 2**20


def disk(**spec: Any) -> tuple[dict[str, int], dict[str, Any]]:
    """How large each folder of a pod may become, and the resources that its container gets."""
    deployment = made(**spec)
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    sizes = {one["name"]: bytes_of(one["emptyDir"]["sizeLimit"]) for one in volumes if "emptyDir" in one}
    return sizes, container(deployment)["resources"]


def test_its_folders_and_its_share_of_the_nodes_disk_have_limits() -> None:
    sizes, resources = disk()
    assert set(sizes) == {"tmp", "spool"}
    assert sizes["spool"] > Settings.model_fields["spool_bytes"].default
    assert bytes_of(resources["limits"]["ephemeral-storage"]) == sum(sizes.values())
    assert bytes_of(resources["requests"]["ephemeral-storage"]) < sizes["spool"]
    more, resources = disk(env=({"name": "RELEVO_SPOOL_BYTES", "value": "8000000000"},))
    assert 0 <= more["spool"] - sizes["spool"] - (8_000_000_000 - 2**30) < 2**20
    assert bytes_of(resources["limits"]["ephemeral-storage"]) == sum(more.values())


def test_a_person_may_say_what_share_of_the_nodes_disk_it_gets() -> None:
    asked = {"limits": {"memory": "1Gi", "ephemeral-storage": "9Gi"}}
    assert disk(resources=asked)[1] == asked
    limited = disk(resources={"limits": {"memory": "1Gi"}})[1]["limits"]
    assert set(limited) == {"memory", "ephemeral-storage"}


def test_what_the_operator_made_is_owned_so_that_it_goes_with_its_owner() -> None:
    seen = World().observed()
    for manifest in (manifests.deployment(seen, 1), manifests.service(seen)):
        assert manifests.is_owned(manifest, "uid-1")
        assert not manifests.is_owned(manifest, "of an earlier object of the same name")


def test_what_the_api_server_adds_is_no_difference() -> None:
    spec: dict[str, Any] = {
        "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}, "limits": {"cpu": 1}},
        "env": ({"name": "EMPTY", "value": ""},),
    }
    there = live(**spec)
    disk = {"ephemeral-storage": "256Mi"}, {"ephemeral-storage": "3328Mi"}
    container(there)["resources"] = {
        "requests": {"cpu": "500m", "memory": "1Gi", **disk[0]}, "limits": {"cpu": "1", **disk[1]}
    }  # fmt: skip
    tmp, spool, *_ = there["spec"]["template"]["spec"]["volumes"]
    tmp["emptyDir"], spool["emptyDir"] = {"sizeLimit": "2Gi"}, {"sizeLimit": "1280Mi"}
    assert applying.is_applied(made(**spec), there)


def _restart(there: dict[str, Any]) -> None:
    there["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}


OTHERS: dict[str, Any] = {
    "a restart by hand": _restart,
    "one more variable": lambda there: container(there)["env"].insert(0, {"name": "DEBUG", "value": "1"}),
    "a sidecar": lambda there: there["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar"}),
    "one more resource": lambda there: container(there)["resources"]["limits"].update({"example.com/gpu": "1"}),
    "an owner that controls nothing": lambda there: there["metadata"]["ownerReferences"].append({"uid": "other"}),
}


@pytest.mark.parametrize("add", OTHERS.values(), ids=OTHERS)
def test_what_others_add_is_let_be(add: Any) -> None:
    spec: dict[str, Any] = {"resources": {"limits": {"memory": "1Gi"}}}
    there = live(**spec)
    add(there)
    assert applying.is_applied(made(**spec), there)


def test_what_is_wanted_no_more_is_seen_though_all_that_is_wanted_is_there() -> None:
    resources = {"limits": {"memory": "1Gi", "cpu": "2"}, "requests": {"cpu": "1"}}
    for less in ({}, {"limits": resources["limits"]}, {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}):
        assert not applying.is_applied(made(resources=less), live(resources=resources))
    secret = {"name": "login", "key": "password"}
    optional, required = (
        {"env": ({"name": "PASSWORD", "valueFrom": {"secretKeyRef": one}},)}
        for one in ({**secret, "optional": True}, secret)
    )
    assert not applying.is_applied(made(**required), live(**optional))


FIELDS: Any = {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {".": {}, "f:volumes": {}}}}}


def entry(operation: str, fields: Any = FIELDS, *, manager: str = names.MANAGER, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def managed(*entries: dict[str, Any]) -> dict[str, Any]:
    there = live()
    there["metadata"] |= {"managedFields": list(entries), "creationTimestamp": "2026-11-25T12:00:00Z"}
    return there


def test_what_was_created_or_patched_counts_as_applied_and_what_others_wrote_does_not() -> None:
    kubelet = entry("Update", {"f:status": {}}, manager="kube-controller-manager", subresource="status")
    status = entry("Update", {"f:status": {}}, subresource="status")
    person = entry("Update", {"f:spec": {"f:paused": {}}}, manager="kubectl-edit")
    patched = entry("Update", {"f:spec": {"f:template": {"f:spec": {"f:hostAliases": {}}}}}, time="t")
    union: Any = {
        "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {".": {}, "f:volumes": {}, "f:hostAliases": {}}}}
    }
    assert applying.adopted(managed(entry("Apply"), kubelet, patched, status, person)) == [
        entry("Apply", union, time="t"), kubelet, status, person
    ]  # fmt: skip
    assert applying.adopted(managed(entry("Apply"), kubelet, status, person)) is None
    assert applying.adopted(live()) is None


def test_a_patch_of_a_release_that_knew_no_digest_is_seen() -> None:
    created = entry("Update", time="2026-11-25T12:00:00Z")
    assert applying.is_applied(made(), managed(created))
    assert applying.is_applied(made(), managed(entry("Apply", time="2026-11-26T12:00:00Z")))
    assert not applying.is_applied(made(), managed(entry("Apply"), entry("Update", time="2026-11-26T12:00:00Z")))


EDITS: dict[str, Any] = {
    "another image": lambda there: container(there).update(image="somebody/else:1"),
    "another version": lambda there: container(there)["env"][0].update(value="9"),
    "no variable": lambda there: container(there)["env"].pop(),
    "fewer replicas": lambda there: there["spec"].update(replicas=0),
    "no probe": lambda there: container(there).pop("readinessProbe"),
    "stops the old first": lambda there: there["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
    "more memory": lambda there: container(there).update(resources={"limits": {"memory": "2Gi"}}),
    "its owner": lambda there: there["metadata"].update(ownerReferences=[]),
    "the digest": lambda there: there["metadata"]["annotations"].pop(names.APPLIED),
    "whom it selects": lambda there: there["spec"]["selector"]["matchLabels"].update(app="other"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_edit_of_what_the_operator_sets_is_seen(edit: Any) -> None:
    spec: dict[str, Any] = {"resources": {"limits": {"memory": "1Gi"}}}
    there = live(**spec)
    edit(there)
    assert not applying.is_applied(made(**spec), there)
