"""The `kubectl` commands of the pages, typed as they stand at a real Kubernetes API, controllers played by hand."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from relevo_contract.inclusion import inclusion
from relevo_operator.installing.cluster import ROTATE
from tests.docs.commands import ROOT, Command, blocks, run, typed
from tests.docs.test_operating import NO_MLFLOW, STARTING, STOPPING
from tests.killing import base_env
from tests.kubernetes_api import KubernetesApi, find_assets

MODELDEPLOYMENT = "docs/modeldeployment.md"
NAMESPACE = (typed("kubectl create namespace relevo"), typed("kubectl label namespace relevo"))
OPERATOR = (
    typed("kubectl apply -f crds/modeldeployments.yaml"),
    typed("kubectl create secret generic relevo-operator-webhook"),
    typed("kubectl apply -n relevo -f operator/deploy/operator.yaml"),
)
LOOKING = (typed("kubectl get modeldeployments -n relevo -o wide"), typed("kubectl get modeldeployments -o wide"))
WATCHING = typed("kubectl get modeldeployments -n relevo --watch")
ON_CALL = (
    typed("kubectl get modeldeployments,pods -n relevo", "docs/runbooks.md"),
    typed("kubectl describe modeldeployment house-prices -n relevo", "docs/runbooks.md"),
)
GRAFANAS_PASSWORD = typed("kubectl get secret relevo-grafana-login", "docs/monitoring.md")
RETRY = typed("kubectl annotate modeldeployment house-prices relevo.dev/retry")
RETRAINING = (
    typed(
        "kubectl annotate modeldeployment house-prices -n relevo --overwrite relevo.dev/retrain", "docs/kubernetes.md"
    ),
    typed("kubectl get modeldeployment house-prices -n relevo -o jsonpath='{.status.retraining}'"),
)
EARLIER_FORMAT = (
    typed(
        "kubectl annotate modeldeployment house-prices -n relevo --overwrite relevo.dev/retrain", "docs/operating.md"
    ),
    typed("kubectl wait modeldeployment/house-prices -n relevo --for=jsonpath", "docs/operating.md"),
    typed("kubectl get modeldeployment house-prices -n relevo -o wide", "docs/operating.md"),
)
LOGIN = typed("kubectl create secret generic mlflow-login", MODELDEPLOYMENT)
POLICY = typed("kubectl apply -f operator/deploy/admission-policy.yaml", "docs/security.md")
ASKING = (
    typed("kubectl create secret generic airflow-login", MODELDEPLOYMENT),
    typed("kubectl annotate modeldeployment house-prices relevo.dev/retrain", MODELDEPLOYMENT),
)
TAKING_BACK = typed("kubectl annotate modeldeployment house-prices relevo.dev/include", MODELDEPLOYMENT)
ASKED = (
    typed("kubectl wait modeldeployment/house-prices --for=jsonpath", MODELDEPLOYMENT),
    typed("kubectl get modeldeployment house-prices -o jsonpath='{.status.retraining.message}'", MODELDEPLOYMENT),
)
WORKERS = typed("kubectl apply -n relevo -f jobs/deploy/dask.yaml")
BUCKETS_KEYS = typed("kubectl create secret generic my-bucket", "docs/scaling.md")
SECRETS = (typed("kubectl get secrets -n relevo"), typed("kubectl create -f backup/secrets.yaml"))
NEW_PASSWORD = typed("kubectl annotate secret relevo-raw")
RESTART = (
    typed("kubectl rollout restart -n relevo statefulset/relevo-raw"),
    typed("kubectl rollout status -n relevo statefulset/relevo-raw"),
)
GONE = (typed("kubectl delete pvc"), typed("kubectl delete secret -n relevo -l"), typed("kubectl delete crd"))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    """An API server of these tests' own: one of them deletes the definition that the others' share."""
    with KubernetesApi(find_assets(), tmp_path_factory.mktemp("kubernetes")) as made:
        made.apply_crds(ROOT / "crds" / "modeldeployments.yaml")
        yield made


@pytest.fixture(scope="module")
def env(api: KubernetesApi, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who has kubectl, and `relevo` as the namespace of its context."""
    home = tmp_path_factory.mktemp("home")
    config = json.loads(api.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = "relevo"
    (home / "kubeconfig").write_text(json.dumps(config))
    path = f"{find_assets()}{os.pathsep}{os.environ['PATH']}"
    return {**base_env(), "PATH": path, "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig"), "PASSWORD": "p"}


@pytest.fixture(scope="module")
def namespace(api: KubernetesApi, env: dict[str, str]) -> str:
    """The namespace as the README makes it, with the page's ModelDeployment in it."""
    ended = run(NAMESPACE, env)
    assert ended.returncode == 0, ended.stderr
    labels = api.get("namespace/relevo")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    api.kubectl("apply", "-n", "relevo", "-f", "-", input=blocks(MODELDEPLOYMENT, "yaml")[0])
    return "relevo"


def said(commands: tuple[Command, ...], env: dict[str, str], folder: Path = ROOT) -> str:
    ended = run(commands, env, folder)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def annotated(api: KubernetesApi) -> dict[str, str]:
    found: dict[str, str] = api.get("modeldeployment/house-prices", "-n", "relevo")["metadata"]["annotations"]
    return found


def play(api: KubernetesApi, retraining: dict[str, str]) -> None:
    """Write into status what the operator would."""
    full = {"asked": "x", "runId": "r", "requestedAt": "2026-11-24T02:39:55Z", **retraining}
    patch = json.dumps({"status": {"retraining": full}})
    which = ["modeldeployment/house-prices", "-n", "relevo", "--subresource=status", "--type=merge", "-p", patch]
    api.kubectl("patch", *which)


def test_a_new_password_is_asked_for_and_its_server_restarted(
    api: KubernetesApi, env: dict[str, str], namespace: str
) -> None:
    api.kubectl("create", "secret", "generic", "relevo-raw", "-n", namespace, "--from-literal=password=old")
    labels = {"app": "raw"}
    spec = {
        "serviceName": "raw", "replicas": 0, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "one", "image": "one"}]}},
    }  # fmt: skip
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "relevo-raw"}, "spec": spec}
    api.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(made))
    try:
        said((NEW_PASSWORD,), env)
        assert ROTATE in api.get("secret/relevo-raw", "-n", namespace)["metadata"]["annotations"]
        said(RESTART[:1], env)
        pod = api.get("statefulset/relevo-raw", "-n", namespace)["spec"]["template"]
        assert "kubectl.kubernetes.io/restartedAt" in pod["metadata"]["annotations"]
        played = {"status": {"observedGeneration": 2, "replicas": 0, "currentRevision": "b", "updateRevision": "b"}}
        which = ("statefulset/relevo-raw", "-n", namespace, "--subresource=status", "--type=merge", "-p")
        api.kubectl("patch", *which, json.dumps(played))
        said(RESTART[1:], env)
    finally:
        api.kubectl("delete", "-n", namespace, "secret/relevo-raw", "statefulset/relevo-raw")


def test_the_operator_is_installed_alone(api: KubernetesApi, env: dict[str, str], namespace: str) -> None:
    said(OPERATOR, env)
    assert api.get("deployment/relevo-operator", "-n", namespace)
    secret = api.get("secret/relevo-operator-webhook", "-n", namespace)["data"]["secret"]
    assert len(secret) > 16 * 4 / 3, "the operator takes no secret of less than 16 characters"


def test_a_dask_cluster_and_the_keys_of_a_bucket_are_taken(
    api: KubernetesApi, env: dict[str, str], namespace: str
) -> None:
    said((WORKERS, BUCKETS_KEYS), env)
    assert api.get("deployment/training-worker", "-n", namespace)["spec"]["replicas"] == 2
    assert {"access-key", "secret-key"} == set(api.get("secret/my-bucket", "-n", namespace)["data"])


def test_a_look_shows_the_columns_of_the_page(env: dict[str, str], namespace: str) -> None:
    for command in LOOKING:
        columns = said((command,), env).splitlines()[0].split()
        shown = next(block for block in blocks(command.page, "text") if command.text in block)
        assert shown.splitlines()[1].split() == columns


def test_a_person_on_call_sees_what_there_is(api: KubernetesApi, env: dict[str, str], namespace: str) -> None:
    assert "house-prices" in said(ON_CALL[:1], env)
    assert "Tracking Uri" in said(ON_CALL[1:], env)
    api.kubectl("create", "secret", "generic", "relevo-grafana-login", "-n", namespace, "--from-literal=password=p w")
    assert said((GRAFANAS_PASSWORD,), env) == "p w"


def test_watching_tells_what_there_is_and_goes_on(env: dict[str, str], namespace: str) -> None:
    watching = subprocess.Popen(["bash", "-c", f"exec {WATCHING.text}"], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().startswith("NAME")
        assert watching.stdout.readline().startswith("house-prices")
        time.sleep(0.5)
        assert watching.poll() is None
    finally:
        watching.terminate()
        watching.wait()


def test_a_retry_and_a_retraining_are_asked_for(api: KubernetesApi, env: dict[str, str], namespace: str) -> None:
    said((RETRY,), env)
    assert annotated(api)["relevo.dev/retry"].isdigit()
    play(api, {"state": "Queued", "message": "waits"})
    assert json.loads(said(RETRAINING, env).partition("annotated\n")[2])["state"] == "Queued"
    assert annotated(api)["relevo.dev/retrain"] == "prices changed overnight"
    said(ASKING, env)
    assert annotated(api)["relevo.dev/retrain"] == "new prices in Texas"
    assert set(api.get("secret/airflow-login", "-n", namespace)["data"]) == {"url", "username", "password"}
    said((LOGIN,), env)
    assert set(api.get("secret/mlflow-login", "-n", namespace)["data"]) == {"url", "username", "password"}
    said((TAKING_BACK,), env)
    assert inclusion(annotated(api)["relevo.dev/include"])[0] == frozenset({3, 5})
    done = {"state": "Succeeded", "message": "a new version was trained"}
    later = threading.Timer(1, play, (api, done))
    later.start()
    assert said(ASKED, env).endswith("a new version was trained")
    later.join()
    assert "house-prices" in said(EARLIER_FORMAT, env)
    assert annotated(api)["relevo.dev/retrain"] == "a version of this release's format"


def test_the_policy_that_narrows_images_and_secrets_is_applied(
    api: KubernetesApi, env: dict[str, str], namespace: str
) -> None:
    said((POLICY,), env)
    found = api.get("validatingadmissionpolicy/modeldeployments.relevo.dev")["status"]
    assert not found.get("typeChecking", {}).get("expressionWarnings")
    api.kubectl("delete", "-f", str(ROOT / "operator" / "deploy" / "admission-policy.yaml"))


def test_secrets_come_back_with_their_values_and_labels(
    api: KubernetesApi, env: dict[str, str], namespace: str, tmp_path: Path
) -> None:
    labels = {"app.kubernetes.io/part-of": "relevo", "app.kubernetes.io/managed-by": "relevo-install"}
    for name in ("relevo-raw", "relevo-s3"):
        metadata = {"name": name, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": f"of {name}"}}
        api.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", input=json.dumps(body))
    (tmp_path / "backup").mkdir()
    before = {name: api.get(f"secret/{name}", "-n", namespace) for name in ("relevo-raw", "relevo-s3")}
    said(SECRETS[:1], env, tmp_path)
    assert len(yaml.safe_load((tmp_path / "backup" / "secrets.yaml").read_text())["items"]) == len(before)
    api.kubectl("delete", "secret", "-n", namespace, *before)
    said(SECRETS[1:], env, tmp_path)
    for name, secret in before.items():
        after = api.get(f"secret/{name}", "-n", namespace)
        assert after["data"] == secret["data"]
        assert after["metadata"]["labels"] == labels


def test_what_a_restore_stops_and_starts_is_what_it_names(
    api: KubernetesApi, env: dict[str, str], namespace: str
) -> None:
    labels = {"app": "x"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    for name in ("relevo-airflow", "relevo-dag-processor", "relevo-mlflow", "house-prices"):
        api.kubectl("create", "deployment", name, "--image=x", "-n", namespace)
    scheduler = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "relevo-scheduler"},
        "spec": {"serviceName": "x", "selector": {"matchLabels": labels}, "template": template},
    }
    api.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(scheduler))

    def replicas() -> dict[str, int]:
        found = api.get("deployments,statefulsets", "-n", namespace)["items"]
        return {one["metadata"]["name"]: one["spec"]["replicas"] for one in found}

    parts = {"relevo-airflow", "relevo-dag-processor", "relevo-mlflow", "relevo-scheduler"}
    said((*STOPPING, *NO_MLFLOW), env)
    assert {name for name, count in replicas().items() if count == 0} == parts
    said(STARTING[:2], env)
    assert {replicas()[name] for name in parts} == {1}
    status = {"status": {"observedGeneration": 99, "conditions": [{"type": "Available", "status": "True"}]}}
    which = ["deployment/relevo-mlflow", "-n", namespace, "--subresource=status", "--type=merge"]
    api.kubectl("patch", *which, "-p", json.dumps(status))
    said(STARTING[2:], env)
    pods = api.get("deployment/house-prices", "-n", namespace)["spec"]["template"]["metadata"]
    assert "kubectl.kubernetes.io/restartedAt" in pods["annotations"]


def test_what_an_uninstall_keeps_is_removed(api: KubernetesApi, env: dict[str, str], namespace: str) -> None:
    api.kubectl("create", "secret", "generic", "made", "-n", namespace)
    api.kubectl("label", "secret", "made", "-n", namespace, "app.kubernetes.io/part-of=relevo")
    said(GONE, env)
    assert not api.get("secrets", "-n", namespace, "-l", "app.kubernetes.io/part-of=relevo")["items"]
    assert api.kubectl("get", "crd", "modeldeployments.relevo.dev", check=False).returncode != 0
