"""The operator on a real cluster with real pods: promotions under a steady load, and what must not disturb it."""

from __future__ import annotations

from relevo_contract import names
from tests.e2e import in_cluster_load
from tests.e2e.system import System


def answered_by(system: System, version: int, name: str = "load") -> in_cluster_load.LoadSummary:
    """Stop the load once the version answered it.

    A pod is ready before the last proxy knows of it, and a kept connection stays with its pod until that asks it to
    leave.
    """
    system.namespace.until(lambda: version in in_cluster_load.first_answers(system.namespace, name))
    return in_cluster_load.stop(system.namespace, name)


def test_a_promotion_reaches_users_without_a_failed_request(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("prices", versions)
    system.wait_served("prices", 1)
    in_cluster_load.start(system.namespace, system.url("prices"), rate=50)
    in_cluster_load.start(system.namespace, system.url("prices"), rate=50, name="kept", keep_alive=True)
    for version in (2, 1, 2):
        versions.promote(version)
        system.namespace.until(lambda v=version: system.status("prices").get("servedVersion") == v)  # type: ignore[misc]
    system.namespace.wait("condition=Ready", "modeldeployment/prices")
    system.namespace.until(lambda: versions.tags(2).get(names.TAG_SERVING) == names.SERVING_READY)
    for name in ("load", "kept"):
        load = answered_by(system, 2, name)
        assert (load.failed, set(load.by_status)) == (0, {200}), load.failures
        assert set(load.by_version) == {1, 2}
    assert system.outcomes("prices")[:3] == [(2, "Serving"), (1, "Replaced"), (2, "Replaced")]
    columns = system.namespace.kubectl("get", "modeldeployments", "prices", "-o", "wide", "--no-headers").split()
    assert columns[1:7] == [versions.model, "production", "2", "True", "Serving", "2"]


def test_a_broken_version_never_answers_and_the_old_one_never_stops(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("broken", versions)
    system.wait_served("broken", 1)
    in_cluster_load.start(system.namespace, system.url("broken"), rate=50)
    versions.promote(3)
    message = system.wait_condition("broken", "Ready", "False", "VersionFailed")
    assert names.ONNX_FILE in message
    assert (system.status("broken")["failedVersion"], system.status("broken")["servedVersion"]) == (3, 1)
    system.namespace.until(lambda: versions.tags(3).get(names.TAG_SERVING) == names.SERVING_FAILED)
    system.namespace.kubectl("annotate", "modeldeployment", "broken", "relevo.dev/retry=1")
    system.namespace.until(lambda: [o for o in system.outcomes("broken") if o == (3, "Failed")][1:])
    versions.promote(2)
    system.wait_served("broken", 2)
    load = answered_by(system, 2)
    assert (load.failed, set(load.by_version)) == (0, {1, 2}), load.failures
    events = system.namespace.kubectl("get", "events", "--field-selector", "involvedObject.name=broken")
    assert "VersionFailed" in events


def test_a_registry_that_is_away_disturbs_nothing(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("away", versions, replicas=1)
    system.wait_served("away", 1)
    in_cluster_load.start(system.namespace, system.url("away"), rate=20)
    mlflow = ["patch", "service", "mlflow", "--type=merge", "-p"]
    system.namespace.kubectl(*mlflow, '{"spec": {"selector": {"app": "nobody"}}}')
    try:
        system.wait_condition("away", "RegistryReachable", "False", "Unreachable")
        system.wait_condition("away", "Ready", "True", "Serving")
        system.kill_operator()
        system.namespace.wait("condition=Available", "deployment/relevo-operator")
        versions.promote(2)
    finally:
        system.namespace.kubectl(*mlflow, '{"spec": {"selector": {"app": "mlflow"}}}')
    system.wait_served("away", 2)
    load = answered_by(system, 2)
    assert (load.failed, set(load.by_version)) == (0, {1, 2}), load.failures


def test_an_operator_killed_in_mid_rollout_is_gone_on_with(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("killed", versions)
    system.wait_served("killed", 1)
    in_cluster_load.start(system.namespace, system.url("killed"), rate=20)
    versions.promote(2)
    system.namespace.until(lambda: system.status("killed").get("rollout"), pause=0.02)
    system.kill_operator()
    system.wait_served("killed", 2)
    load = answered_by(system, 2)
    assert (load.failed, set(load.by_version)) == (0, {1, 2}), load.failures
    assert system.outcomes("killed") == [(2, "Serving"), (1, "Replaced")]


def test_an_image_that_does_not_exist_is_told_and_what_serves_goes_on(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("image", versions, replicas=1)
    system.wait_served("image", 1)
    in_cluster_load.start(system.namespace, system.url("image"), rate=20)
    system.apply("image", versions, replicas=1, serving={"image": "relevo/no-such-image:1"})
    assert "no-such-image" in system.wait_condition("image", "Progressing", "False", "ImageUnavailable")
    system.apply("image", versions, replicas=1)
    system.namespace.wait("condition=Ready", "modeldeployment/image")
    load = in_cluster_load.stop(system.namespace)
    assert load.failed == 0, load.failures
    assert "failedVersion" not in system.status("image")


def test_a_full_quota_is_told_and_what_serves_goes_on(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("quota", versions, replicas=1)
    system.wait_served("quota", 1)
    pods = len(system.namespace.find("pods"))
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "full"},
        "spec": {"hard": {"pods": pods}},
    }
    system.namespace.apply(quota)
    system.namespace.until(lambda: system.namespace.get("resourcequota/full").get("status", {}).get("used"))
    try:
        versions.promote(2)
        assert "exceeded quota" in system.wait_condition("quota", "Progressing", "False", "QuotaExceeded")
        assert system.status("quota")["servedVersion"] == 1
    finally:
        system.namespace.delete("resourcequota/full")
    system.wait_served("quota", 2)


def test_what_somebody_edits_or_deletes_is_put_right(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("edited", versions, replicas=1)
    system.wait_served("edited", 1)
    image = system.namespace.get("deployment/edited")["spec"]["template"]["spec"]["containers"][0]["image"]
    system.namespace.kubectl("set", "image", "deployment/edited", "serving=somebody/else:1")

    def current() -> str:
        deployment = system.namespace.get("deployment/edited")
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    system.namespace.until(lambda: current() == image)
    system.namespace.wait("condition=Ready", "modeldeployment/edited")
    system.namespace.delete("deployment/edited", "service/edited")
    system.namespace.until(lambda: system.namespace.get("service/edited") and current() == image)
    system.namespace.wait("condition=Ready", "modeldeployment/edited")


def test_scaling_and_deleting_with_the_operator_away(system: System) -> None:
    versions = system.versions()
    versions.promote(1)
    system.apply("gone", versions, replicas=1)
    system.wait_served("gone", 1)
    system.namespace.kubectl("scale", "modeldeployment/gone", "--replicas=2")
    system.namespace.until(lambda: system.status("gone").get("readyReplicas") == 2)
    system.namespace.kubectl("scale", "deployment/relevo-operator", "--replicas=0")
    try:
        system.namespace.kubectl("delete", "modeldeployment/gone", "--timeout=10s")
        system.namespace.wait("delete", "deployment/gone", "service/gone", timeout=60)
    finally:
        system.namespace.kubectl("scale", "deployment/relevo-operator", "--replicas=1")
        system.namespace.wait("condition=Available", "deployment/relevo-operator")
