"""The operator as a process against a real API server and a real MLflow: what it follows, gives up and puts right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from lightkube.types import PatchType

from relevo_operator import names
from tests.gate import Gate
from tests.kubernetes_api import KubernetesApi
from tests.operator.cluster.conftest import SECRET, Operate
from tests.operator.cluster.shop import Deployment, ModelDeployment, Operator, Service, Shop, eventually
from tests.versions import Versions


def test_a_promotion_is_handed_over_when_the_webhook_tells(shop: Shop, operator: Operator, versions: Versions) -> None:
    """The poll interval is an hour: only the webhook can have told."""
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    shop.wait_condition("Ready", "True", "Serving")
    versions.promote(2)
    shop.wait_pinned(2)
    shop.roll_out(starting=True)
    assert "version 1 serves meanwhile" in shop.wait_condition("Ready", "False", "RollingOut")
    assert shop.status()["servedVersion"] == 1
    shop.serving(2)
    shop.wait_condition("Ready", "True", "Serving")
    assert [(one["version"], one["outcome"]) for one in shop.status()["history"]] == [(2, "Serving"), (1, "Replaced")]
    eventually(lambda: versions.tags(2).get("serving") == "ready", "the tag serving=ready on version 2")
    assert shop.events().count("HandedOver") == 2
    assert operator.metric("relevo_operator_webhook_deliveries_total", outcome="accepted") >= 1
    assert operator.metric("relevo_operator_handover_seconds_count") == 2
    labels = {"namespace": shop.namespace, "name": "prices", "type": "Ready", "status": "True"}
    assert operator.metric("relevo_modeldeployment_condition", **labels) == 1


def test_polling_finds_what_no_webhook_told(shop: Shop, operate: Operate, versions: Versions) -> None:
    with operate(RELEVO_WEBHOOK_URL=""):
        versions.promote(1)
        shop.apply(pollInterval="1s")
        shop.serving(1)
        versions.promote(2)
        shop.wait_pinned(2)


def test_refresh_asks_at_once(shop: Shop, operate: Operate, versions: Versions) -> None:
    with operate(RELEVO_WEBHOOK_URL=""):
        versions.promote(1)
        shop.apply()
        shop.serving(1)
        versions.promote(2)
        shop.annotate(names.REFRESH, "now")
        shop.wait_pinned(2)
        eventually(lambda: shop.status().get("refreshed") == "now", "status.refreshed")


def test_an_alias_that_is_followed_again_is_asked_for_again(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    versions.client.set_registered_model_alias(versions.model, "staging", "2")
    shop.apply()
    shop.serving(1)
    shop.edit({"spec": {"registry": {"alias": "staging"}}})
    shop.serving(2)
    versions.promote(3)
    shop.edit({"spec": {"registry": {"alias": "production"}}})
    shop.serving(3)
    assert [one["version"] for one in shop.status()["history"]] == [3, 2, 1]


def test_a_version_that_cannot_serve_is_given_up_and_tried_again_only_when_asked(
    shop: Shop, operator: Operator, versions: Versions
) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    versions.promote(2)
    shop.wait_pinned(2)
    shop.roll_out(starting=True)
    shop.broken_pod(2, "self-test: expected 100,000.00 for example 3 of 20 within 0.001, the model says 112,000.00")
    shop.wait_pinned(1)
    shop.roll_out()
    assert "example 3 of 20" in shop.wait_condition("Ready", "False", "VersionFailed")
    assert (shop.status()["failedVersion"], shop.status()["servedVersion"]) == (2, 1)
    eventually(lambda: versions.tags(2).get("serving") == "failed", "the tag serving=failed on version 2")
    assert "VersionFailed" in shop.events()
    shop.annotate(names.RETRY, "1")
    eventually(lambda: shop.status().get("retried") == "1", "status.retried")
    # Its pod is as broken as before: it is given up again in a moment, perhaps before anybody saw it pinned.
    tried = [(2, "Failed"), (2, "Failed"), (1, "Serving")]
    eventually(lambda: [(one["version"], one["outcome"]) for one in shop.status()["history"]] == tried, f"{tried}")
    shop.wait_pinned(1)
    versions.promote(3)
    shop.serving(3)
    shop.wait_condition("Ready", "True", "Serving")


def test_a_version_that_is_not_ready_in_time_is_given_up(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply(rollout={"progressDeadline": "5s"})
    shop.serving(1)
    versions.promote(2)
    shop.wait_pinned(2)
    shop.roll_out(starting=True)
    shop.wait_pinned(1)
    shop.roll_out()
    assert "progressDeadline" in shop.wait_condition("Ready", "False", "VersionFailed")


def test_the_newest_wins(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    for version in (2, 3):
        versions.promote(version)
        shop.wait_pinned(version)
        shop.roll_out(starting=True)
    shop.serving(3)
    outcomes = [(one["version"], one["outcome"]) for one in shop.status()["history"]]
    assert outcomes == [(3, "Serving"), (2, "Superseded"), (1, "Replaced")]


def test_what_serves_goes_on_while_mlflow_is_away(
    shop: Shop, operator: Operator, versions: Versions, gate: Gate
) -> None:
    versions.promote(1)
    shop.apply(pollInterval="1s")
    shop.serving(1)
    before = shop.deployment()["metadata"]["resourceVersion"]
    gate.close()
    shop.wait_condition("RegistryReachable", "False", "Unreachable")
    assert shop.condition("Ready")[:2] == ("True", "Serving")
    assert operator.get("/healthz").status_code == 200
    gate.open()
    shop.wait_condition("RegistryReachable", "True", "Resolved")
    assert shop.deployment()["metadata"]["resourceVersion"] == before


def test_mlflow_away_from_the_start_is_asked_again_before_the_interval_is_over(
    shop: Shop, operate: Operate, versions: Versions, gate: Gate
) -> None:
    versions.promote(1)
    gate.close()
    with operate():
        shop.apply()  # its interval is an hour
        shop.wait_condition("RegistryReachable", "False", "Unreachable")
        gate.open()
        shop.serving(1)


def test_what_serves_goes_on_when_the_alias_is_deleted(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    versions.client.delete_registered_model_alias(versions.model, "production")
    shop.wait_condition("RegistryReachable", "False", "AliasMissing")
    assert shop.condition("Ready")[:2] == ("True", "Serving")
    assert shop.pinned() == 1


@pytest.mark.parametrize(
    ("registry", "reason"),
    [
        ({"trackingUri": "http://127.0.0.1:1"}, "Unreachable"),
        ({"model": "no such model"}, "ModelMissing"),
        ({"model": "häuser & preise 100%?"}, "ModelMissing"),
        ({"alias": "staging"}, "AliasMissing"),
    ],
)
def test_without_a_version_the_conditions_say_what_is_missing(
    shop: Shop, operator: Operator, registry: dict[str, str], reason: str
) -> None:
    shop.apply(registry={"trackingUri": shop.tracking_uri, "model": shop.model} | registry)
    shop.wait_condition("Ready", "False", "NoVersion")
    shop.wait_condition("RegistryReachable", "False", reason)


def test_an_edited_or_deleted_child_is_put_right(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    container = {"name": names.CONTAINER, "image": "somebody/else:1"}
    shop.client.patch(Deployment, "prices", {"spec": {"template": {"spec": {"containers": [container]}}}})

    def image() -> bool:
        containers = shop.deployment()["spec"]["template"]["spec"]["containers"]
        return [one["image"] for one in containers] == ["relevo/serving:test"]

    eventually(image, "the image that the spec names")
    for kind in (Deployment, Service):
        uid = shop.client.get(kind, "prices")["metadata"]["uid"]
        shop.client.delete(kind, "prices")
        eventually(lambda k=kind, u=uid: shop.client.get(k, "prices")["metadata"]["uid"] != u, "another one")  # type: ignore[misc]
    shop.serving(1)


def test_a_deployment_whose_label_is_removed_is_put_right(shop: Shop, operate: Operate, versions: Versions) -> None:
    """It leaves what is watched with that; the next pass is an hour away."""
    versions.promote(1)
    shop.apply()
    with operate(RELEVO_PASS_SECONDS="3600") as operator:
        shop.serving(1)
        operator.wait_idle()
        unlabelled = {"metadata": {"labels": {names.OWNER_LABEL: None}}}
        shop.client.patch(Deployment, "prices", unlabelled, patch_type=PatchType.MERGE)
        eventually(lambda: names.OWNER_LABEL in shop.deployment()["metadata"]["labels"], "the label")


def test_scaling_reaches_the_deployment(
    shop: Shop, operator: Operator, versions: Versions, kube_api: KubernetesApi
) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    kube_api.kubectl("scale", "modeldeployment", "prices", "--replicas=3", "-n", shop.namespace)
    eventually(lambda: shop.deployment()["spec"]["replicas"] == 3, "three replicas")
    shop.roll_out()
    eventually(lambda: shop.status()["readyReplicas"] == 3, "three replicas ready")
    kube_api.kubectl("wait", "--for=condition=Ready", "modeldeployment/prices", "-n", shop.namespace, "--timeout=60s")


def test_an_operator_killed_in_mid_rollout_is_gone_on_with(shop: Shop, operate: Operate, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    with operate() as first:
        shop.serving(1)
        versions.promote(2)
        shop.wait_pinned(2)
        eventually(lambda: shop.status().get("rollout"), "status.rollout")
        began = shop.status()["rollout"]
        first.kill()
    shop.roll_out(starting=True)
    with operate():
        eventually(lambda: shop.condition("Progressing")[0] == "True", "the rollout to go on")
        assert shop.status()["rollout"] == began
        shop.serving(2)


def test_deleting_never_waits_for_the_operator(
    shop: Shop, operate: Operate, versions: Versions, kube_api: KubernetesApi
) -> None:
    versions.promote(1)
    with operate():
        shop.apply()
        shop.serving(1)
        made = shop.get()
    assert "finalizers" not in made["metadata"]
    kube_api.kubectl("delete", "modeldeployment", "prices", "-n", shop.namespace, "--timeout=10s")
    # No garbage collector runs here; it removes what names its owner so.
    owners = shop.deployment()["metadata"]["ownerReferences"]
    assert [(one["uid"], one["controller"]) for one in owners] == [(made["metadata"]["uid"], True)]


def test_suspended_nothing_is_followed(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    shop.edit({"spec": {"suspend": True}})
    shop.wait_condition("Progressing", "False", "Suspended")
    versions.promote(2)
    eventually(lambda: "version 2" in shop.condition("RegistryReachable")[2], "the alias to be seen")
    assert shop.pinned() == 1
    shop.edit({"spec": {"suspend": False}})
    shop.wait_pinned(2)


def test_what_belongs_to_somebody_else_is_not_touched(shop: Shop, operator: Operator, versions: Versions) -> None:
    port = [{"port": 80}]
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "prices"}, "spec": {"ports": port}}
    shop.client.create(Service(theirs))
    versions.promote(1)
    shop.apply()
    assert "Service prices" in shop.wait_condition("Ready", "False", "NameTaken")
    assert shop.client.get(Service, "prices")["spec"]["ports"][0]["port"] == 80


def test_what_the_api_server_refuses_is_told_and_corrected(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    resources = {"requests": {"no such resource!": "2"}}
    shop.apply(serving={"image": "relevo/serving:test", "resources": resources})
    assert "no such resource!" in shop.wait_condition("Ready", "False", "Refused")
    shop.edit({"spec": {"serving": {"resources": {"requests": {"no such resource!": None, "cpu": "500m"}}}}})
    shop.serving(1)
    shop.wait_condition("Ready", "True", "Serving")


def test_a_forged_webhook_changes_nothing(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    body = {"entity": "model_version_alias", "action": "created", "data": {"name": shop.model, "alias": "production"}}
    headers = {"X-MLflow-Signature": "v1,AAAA", "X-MLflow-Delivery-Id": "1", "X-MLflow-Timestamp": "1700000000"}
    before = shop.get()["metadata"]["resourceVersion"]
    for given in (headers, {}):
        assert httpx.post(f"{operator.url}/webhooks/mlflow", json=body, headers=given).status_code == 403
    assert operator.metric("relevo_operator_webhook_deliveries_total", outcome="accepted") == 0
    assert operator.metric("relevo_operator_webhook_deliveries_total") == 2
    assert shop.get()["metadata"]["resourceVersion"] == before


def test_a_registry_is_asked_once_an_interval_whoever_follows_it(
    shop: Shop, operate: Operate, versions: Versions
) -> None:
    versions.promote(1)
    with operate(RELEVO_WEBHOOK_URL="") as operator:
        for number in range(20):
            shop.apply(f"prices-{number}", pollInterval="2s")
        for number in range(20):
            shop.wait_pinned(1, f"prices-{number}")
        polls = operator.metric("relevo_operator_registry_calls_total")
        versions.promote(2)
        for number in range(20):
            shop.wait_pinned(2, f"prices-{number}")
        assert operator.metric("relevo_operator_registry_calls_total") - polls < 10


def test_the_probe_fails_when_passes_go_stale(
    shop: Shop, operate: Operate, kube_api: KubernetesApi, operator_kubeconfig: Path
) -> None:
    port = int(kube_api.url.rsplit(":", 1)[1])
    gate = Gate(port)
    kubeconfig = shop.kubeconfig.with_name(f"gated-{shop.namespace}.kubeconfig")
    kubeconfig.write_text(operator_kubeconfig.read_text().replace(f":{port}", f":{gate.port}"))
    try:
        settings = {"RELEVO_PASS_SECONDS": "0.5", "RELEVO_STALE_SECONDS": "3", "KUBECONFIG": str(kubeconfig)}
        with operate(**settings) as operator:
            assert operator.get("/healthz").status_code == 200
            gate.close()
            eventually(lambda: operator.get("/healthz").status_code == 503, "a failing probe")
            assert "last one ended" in operator.get("/healthz").json()["error"]
            gate.open()
            eventually(lambda: operator.get("/healthz").status_code == 200, "the probe to recover")
    finally:
        gate.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"RELEVO_WEBHOOK_SECRET_FILE": ""}, "RELEVO_WEBHOOK_SECRET_FILE"),
        ({"RELEVO_WEBHOOK_SECRET_FILE": "/nowhere"}, "No such file"),
        ({"RELEVO_PASS_SECONDS": "-1"}, "RELEVO_PASS_SECONDS"),
        ({"KUBECONFIG": "/nowhere"}, "KUBECONFIG"),
    ],
)
def test_wrong_settings_end_it_naming_them(settings: dict[str, str], said: str) -> None:
    env = os.environ | {"RELEVO_WEBHOOK_URL": "http://127.0.0.1:1/webhooks/mlflow", "RELEVO_PORT": "0"} | settings
    if "KUBECONFIG" in settings:
        env.pop("RELEVO_WEBHOOK_URL")
    done = subprocess.run(
        [sys.executable, "-m", "relevo_operator"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_line_of_its_log_is_json_and_no_secret_is_in_it(
    shop: Shop, operator: Operator, versions: Versions
) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    assert {"listening", "alias_answer", "applied", "told"} <= {line["event"] for line in operator.lines()}
    assert SECRET not in operator.log.read_text()


def test_deleted_objects_leave_the_metrics(shop: Shop, operator: Operator, versions: Versions) -> None:
    versions.promote(1)
    shop.apply()
    shop.serving(1)
    shop.client.delete(ModelDeployment, "prices")
    eventually(lambda: shop.namespace not in operator.get("/metrics").text, "metrics without the object")
