"""The Deployment and Service that are made, and when what is there counts as another."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from relevo_operator import manifests, names
from tests.operator.worlds import SPEC, World


def made(**spec: Any) -> dict[str, Any]:
    return manifests.deployment(World(spec=replace(SPEC, **spec)).observed(), 3)


def live(**spec: Any) -> dict[str, Any]:
    """As the API server gives it back: with defaults, a status, and quantities written its way."""
    found = copy.deepcopy(made(**spec))
    found["metadata"] |= {"uid": "u", "resourceVersion": "7", "annotations": {"deployment.kubernetes.io/revision": "1"}}
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


def test_its_pods_pass_the_restricted_level() -> None:
    pod = made()["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container(made())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False


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
    container(there)["resources"] = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}}
    assert not manifests.differs(made(**spec), there)


def _annotate(there: dict[str, Any]) -> None:
    there["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}


def test_a_restart_by_hand_is_let_be() -> None:
    there = live()
    _annotate(there)
    assert not manifests.differs(made(), there)


EDITS: dict[str, Any] = {
    "another image": lambda there: container(there).update(image="somebody/else:1"),
    "another version": lambda there: container(there)["env"][0].update(value="9"),
    "one more variable": lambda there: container(there)["env"].append({"name": "DEBUG", "value": "1"}),
    "a sidecar": lambda there: there["spec"]["template"]["spec"]["containers"].append({"name": "sidecar"}),
    "fewer replicas": lambda there: there["spec"].update(replicas=0),
    "no probe": lambda there: container(there).pop("readinessProbe"),
    "stops the old first": lambda there: there["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1),
    "more memory": lambda there: container(there).update(resources={"limits": {"memory": "2Gi"}}),
    "its owner": lambda there: there["metadata"].update(ownerReferences=[]),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_edit_of_what_the_operator_sets_is_seen(edit: Any) -> None:
    spec: dict[str, Any] = {"resources": {"limits": {"memory": "1Gi"}}}
    there = live(**spec)
    edit(there)
    assert manifests.differs(made(**spec), there)
