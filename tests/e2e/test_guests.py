"""Several use cases in one namespace: a platform's release of charts/relevo and a guest's. Needs helm, no cluster."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.e2e.network import Pod, reaches
from tests.e2e.test_chart import CHART, WATCHED, environments, mounted, named, pods, rendered
from tests.e2e.test_use_cases import text, told
from tests.e2e.whole.release import helm

GUEST = {"release": "loans", "name": "bad-loans"}
STEPS = ("collect", "clean", "decide", "train", "promote")


def guest(**values: Any) -> list[dict[str, Any]]:
    """The loans' release, on the servers of the release `relevo`."""
    given = {"useCase": text(), "platform": "relevo"} | values
    arguments = [part for key, one in given.items() for part in ("--set-json", f"{key}={json.dumps(one)}")]
    made = helm("template", "loans", str(CHART), "--namespace", "shop", "--kube-version", "1.34.0", *arguments)
    found = [one for one in yaml.safe_load_all(made) if one]
    steps = named(found, "ConfigMap", "loans-steps")["data"]
    return found + [yaml.safe_load(one) for one in steps.values()]


def test_a_guest_has_its_own_rows_steps_model_and_ui_and_no_server_beside() -> None:
    running = {one["metadata"]["name"] for one in guest() if one["kind"] in {"Deployment", "StatefulSet", "CronJob"}}
    assert running == {"loans-ui"}
    ours = {(one["kind"], one["metadata"]["name"]) for one in rendered(WATCHED | {"guests": [GUEST]})}
    shared = ours & {(one["kind"], one["metadata"]["name"]) for one in guest()} - {
        ("Pod", f"relevo-{step}") for step in STEPS
    }
    assert not shared, "two releases cannot own one object"


def test_a_guest_finds_the_servers_of_its_platform() -> None:
    objects = guest()
    deployment = named(objects, "ModelDeployment", "bad-loans")["spec"]
    assert deployment["registry"]["secretName"] == "relevo-mlflow-serving"
    assert deployment["retraining"] == {"dag": "bad-loans", "secretName": "relevo-airflow-login"}
    platform = rendered({"guests": [GUEST]})
    made = yaml.safe_load(named(platform, "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
    own = yaml.safe_load(named(objects, "ConfigMap", "loans-install")["data"]["secrets.yaml"])
    assert own == {}
    rules = named(objects, "Role", "loans-install")["rules"]
    assert [(one["verbs"], bool(one["resourceNames"])) for one in rules] == [(["get"], True)]
    used = {secret for files in mounted(objects).values() for secret, _ in files.values()}
    assert used <= set(made)
    job = named(objects, "Job", "loans-install")["spec"]["template"]["spec"]["containers"][0]
    required = json.loads(next(one["value"] for one in job["env"] if one["name"] == "RELEVO_REQUIRED_SECRETS"))
    for secret, keys in required.items():
        assert set(keys) <= set(made[secret]), "what a guest asks for at installation the platform has made"


def test_a_guests_databases_are_on_its_platforms_servers_with_logins_of_its_own() -> None:
    objects = rendered({"guests": [GUEST]})
    made = yaml.safe_load(named(objects, "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
    for server, logins in (("raw", ("owner", "serving")), ("clean", ("owner",))):
        spec = named(objects, "StatefulSet", f"relevo-{server}")["spec"]["template"]["spec"]
        mounted = {one["mountPath"]: one["name"] for one in spec["initContainers"][0]["volumeMounts"]}
        secrets = {one["name"]: one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one}
        for login in logins:
            secret = secrets[mounted[f"/secrets/{login}-loans"]]
            assert secret == f"loans-{server}" + "-serving" * (login == "serving")
            assert made[secret]["username"] == f"guest_loans_{login}", "as files/postgres.sh names its role"
            assert made[secret]["url"]["url"].endswith(f"@relevo-{server}:5432/guest_loans")
    assert not [secret for secret in made if secret.startswith("loans") and secret not in {
        "loans-raw", "loans-raw-serving", "loans-clean"}]  # fmt: skip
    elsewhere = {"postgres": {"databases": {"raw": {"existingSecret": "mine"}}}}
    made = yaml.safe_load(
        named(rendered({"guests": [GUEST]} | elsewhere), "ConfigMap", "relevo-install")["data"]["secrets.yaml"]
    )
    assert "loans-raw" not in made, "the guest is told that it misses one"


def test_the_platform_runs_its_guests_dag_and_makes_their_model() -> None:
    objects = rendered(WATCHED | {"guests": [GUEST]})
    env = environments(objects)
    assert env["relevo-dag-processor/dag-processor"]["RELEVO_DAGS"] == "house-prices bad-loans"
    assert env["relevo-mlflow/logins"]["RELEVO_MODELS"] == "house-prices bad-loans"
    spec = named(objects, "StatefulSet", "relevo-scheduler")["spec"]["template"]["spec"]
    assert {"name": "steps-loans", "configMap": {"name": "loans-steps", "optional": True}} in spec["volumes"]
    mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    assert mounts["steps-loans"] == "/etc/relevo/steps/bad-loans"
    config = yaml.safe_load(named(objects, "ConfigMap", "relevo-prometheus")["data"]["prometheus.yml"])
    targets = json.dumps(config["scrape_configs"])
    assert "loans-model-pods.shop.svc" in targets and "loans-ui:8501" in targets


def test_a_guest_reaches_its_platforms_servers_and_neither_the_others_api_or_ui() -> None:
    host, other = rendered(WATCHED | {"guests": [GUEST]}), guest()
    policies = [one for one in (*host, *other) if one["kind"] == "NetworkPolicy"]
    for one in policies:
        one["metadata"].setdefault("namespace", "shop")

    def found(objects: list[dict[str, Any]], name: str) -> dict[str, Pod]:
        parts = {
            labels.get("relevo.dev/step", labels["app.kubernetes.io/component"]): Pod(labels, "shop")
            for _, labels, _ in pods(objects)
        }
        return parts | {"serving": Pod({"relevo.dev/modeldeployment": name}, "shop")}

    ours, theirs = found(host, "house-prices"), found(other, "bad-loans")
    servers = {labels["app.kubernetes.io/component"]: Pod(labels, "shop") for _, labels, _ in pods(host)}
    asked = {"mlflow": 5000, "airflow": 8080, "operator": 8080, "s3": 8333, "raw": 5432, "clean": 5432}
    may = {
        (who, part)
        for who, pod in theirs.items()
        for part, port in asked.items()
        if reaches(policies, pod, servers[part], port)
    }
    assert may == {
        *((who, "mlflow") for who in ("decide", "train", "promote", "serving", "ui", "test")),
        ("collect", "s3"), ("prepare", "s3"), ("test", "airflow"), ("test", "operator"),
        *((who, "raw") for who in ("prepare", "collect", "clean", "decide", "promote", "serving")),
        *((who, "clean") for who in ("prepare", "clean", "decide", "train", "promote")),
    }  # fmt: skip
    assert not [
        (who, part)
        for who, pod in ours.items()
        for part in ("ui", "serving")
        if reaches(policies, pod, theirs[part], {"ui": 8501}.get(part, 8000)) and who != "prometheus"
    ]
    for part, port in (("serving", 8000), ("ui", 8501)):
        assert reaches(policies, ours["prometheus"], theirs[part], port)


def test_platform_and_guests_contradict_nothing() -> None:
    assert "got its own name" in told(text(), platform="relevo")
    assert "expected one of the two" in told(text(), platform="other", guests=[GUEST])
    assert "expected each release once" in told(text(), guests=[{"release": "a", "name": "bad-loans"}])
    assert "expected each release once" in told(text(), guests=[{"release": "relevo", "name": "x"}])
    assert "are the release other's" in told(text(), platform="other", prometheus={"enabled": True})
