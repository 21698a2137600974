"""The whole system on a real cluster, from a git repository to a prediction. The tests stand in order of time."""

from __future__ import annotations

import base64
import gzip
import json
import time
from pathlib import Path
from typing import Any

import httpx
import yaml
from mlflow.tracking import MlflowClient

from relevo_contract import names
from relevo_demo.source.__main__ import prepare
from tests.e2e import in_cluster_load
from tests.e2e.whole.airflow import STEPS, Airflow, Run
from tests.e2e.whole.conftest import BATCHES, SEED
from tests.e2e.whole.release import MODEL, NAME, VALUES, Release, helm, version
from tests.e2e.whole.repository import ROOT
from tests.houses import COLUMNS

DONE = dict.fromkeys(STEPS, "success")
UNTRAINED = DONE | dict.fromkeys(("decide", "train", "promote"), "skipped")
RESTING = dict.fromkeys(STEPS, "skipped")
LOOP = 900
"""Seconds in which the source's batches must be through."""


def wait_runs(release: Release, count: int, seconds: float = LOOP, airflow: Airflow | None = None) -> list[Run]:
    """Wait until so many runs are over and none is under way."""

    def over() -> list[Run] | None:
        try:
            runs = (airflow or release.airflow).runs()
        except httpx.TransportError:  # it, or the way there, is being made anew
            return None
        return runs if len(runs) >= count and all(run.state in ("success", "failed") for run in runs) else None

    found: list[Run] = release.namespace.until(over, timeout=seconds, pause=2)
    return found


def kill_while(release: Release, run: int, step: str, *others: str) -> None:
    """Kill, without notice, a step's pod in the run of this number, or other pods while it runs."""

    def running() -> str | None:
        if len(release.airflow.runs()) < run:
            return None
        found = release.namespace.find("pods", f"app.kubernetes.io/component=step,task_id={step}")
        return next((pod["metadata"]["name"] for pod in found if pod["status"]["phase"] == "Running"), None)

    pod = release.namespace.until(running, timeout=LOOP, pause=0.2)
    release.namespace.kubectl("delete", "pod", *(others or (pod,)), "--grace-period=0", "--force")


def test_the_loop_runs_by_itself_until_the_source_rests_whoever_is_killed(release: Release) -> None:
    release.namespace.until(lambda: release.status().get("servedVersion"), timeout=LOOP, pause=1)
    in_cluster_load.start(release.namespace, f"http://{MODEL}:8000/predict", rate=20, at_most=1800)
    kill_while(release, 2, "train")
    kill_while(release, 3, "train", f"{NAME}-scheduler-0", f"{NAME}-clean-0")
    runs = wait_runs(release, BATCHES + 1)
    assert [run.state for run in runs] == ["success"] * (BATCHES + 1)
    assert [run.tasks for run in runs] == [DONE, DONE, DONE, UNTRAINED, RESTING]
    time.sleep(5)
    assert len(release.airflow.runs()) == BATCHES + 1, "expected the loop to rest"


def test_airflow_shows_what_each_step_said(release: Release) -> None:
    first, *_, untrained, _ = release.airflow.runs()
    assert release.airflow.sentence(first.id, "decide").startswith("no model yet")
    assert "version 1" in release.airflow.sentence(first.id, "promote")
    assert "17 rows are too few" in release.airflow.sentence(untrained.id, "decide")
    assert release.airflow.sentence(first.id, "train") in release.airflow.log(first.id, "train")
    run = release.airflow.link(first.id, "decide").rsplit("/", 1)[1]
    assert MlflowClient(release.mlflow).get_run(run).info.run_id == run


def test_raw_and_the_bucket_hold_what_the_source_sent(release: Release, data: Path) -> None:
    sent = prepare(data, BATCHES, SEED)
    with release.database("raw") as raw:
        batches = raw.execute(
            "select batch_id, batch_number, row_count, body_sha256, body_key from raw.batches order by batch_number"
        ).fetchall()
        assert [(number, rows) for _, number, rows, _, _ in batches] == [
            (number, len(rows)) for number, rows in enumerate(sent, start=batches[0][1])
        ]
        for (batch, _, _, _, key), rows in zip(batches, sent, strict=True):
            kept = raw.execute(
                f"select {', '.join(COLUMNS)} from raw.listings where batch_id = %s order by row_number", (batch,)
            ).fetchall()
            expected = [json.loads(row, parse_float=str, parse_int=str) for row in rows]
            assert kept == [tuple(row[column] for column in COLUMNS) for row in expected]
            body = release.bucket().get_object(Bucket="relevo", Key=key)["Body"].read()
            assert json.loads(gzip.decompress(body), parse_float=str, parse_int=str)["data"] == expected


def test_clean_holds_each_row_or_says_why_not(release: Release) -> None:
    with release.database("raw") as raw, release.database("clean") as clean:
        came = raw.execute("select batch_number, row_count from raw.batches order by 1").fetchall()
        kept = clean.execute(
            "select batch_number, (select count(*) from clean.listings l where l.batch_number = b.batch_number)"
            " + (select count(*) from clean.rejections r where r.batch_number = b.batch_number)"
            " from clean.batches b order by 1"
        ).fetchall()
    assert kept == came


def test_mlflow_tells_every_decision(release: Release) -> None:
    client = MlflowClient(release.mlflow)
    experiment = client.get_experiment_by_name(MODEL)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    assert len(runs) == BATCHES
    versions = client.search_model_versions(f"name='{MODEL}'")
    assert sorted(int(one.version) for one in versions) == [1, 2, 3]
    served = {one["version"] for one in release.status()["history"]}
    assert all(one.tags.get(names.TAG_SERVING) == names.SERVING_READY for one in versions if int(one.version) in served)
    assert int(client.get_model_version_by_alias(MODEL, "production").version) == release.status()["servedVersion"]


def test_the_promoted_version_answers_and_no_request_was_lost(release: Release) -> None:
    serving = release.status()["servedVersion"]
    release.namespace.wait("condition=Ready", f"modeldeployment/{MODEL}")
    release.namespace.until(lambda: serving in in_cluster_load.first_answers(release.namespace))
    load = in_cluster_load.stop(release.namespace)
    assert (load.failed, set(load.by_status)) == (0, {200}), load.failures
    assert len(load.by_version) > 1, "expected a promotion while requests kept coming"
    assert load.stored == load.requests
    release.namespace.until(lambda: _kept(release) >= load.stored)  # a pod that was replaced delivers before it ends
    assert _kept(release) == load.stored
    columns = release.namespace.kubectl("get", "modeldeployments", MODEL, "-o", "wide", "--no-headers").split()
    assert columns[1:6] == [MODEL, "production", str(serving), "True", "Serving"]


def _kept(release: Release) -> int:
    """Rows of the load that RAW holds, each under a request of its own."""
    with release.database("raw") as raw:
        row = raw.execute("select count(distinct request) from raw.inferences where street = 'load'").fetchone()
        rows = raw.execute("select count(*) from raw.inferences where street = 'load'").fetchone()
    assert row is not None
    assert row == rows, "a row is there twice"
    return int(row[0])


REASON = "the 17 rows matter, $(RELEVO_CLEAN_URL) $$(RELEVO_RAW_URL) $(RELEVO_GROUP) costs $5"
"""Why somebody asks for a training; the kubelet must take none of it for a variable."""


def test_a_retraining_that_somebody_asks_for(release: Release) -> None:
    before = len(release.airflow.runs())
    release.namespace.kubectl("annotate", "modeldeployment", MODEL, f"relevo.dev/retrain={REASON}")
    release.namespace.until(lambda: release.status().get("retraining", {}).get("state") == "Succeeded", timeout=300)
    asked = release.status()["retraining"]
    run = next(one for one in wait_runs(release, before + 1) if one.id == asked["runId"])
    assert {step: run.tasks[step] for step in ("decide", "train", "promote")} == dict.fromkeys(
        ("decide", "train", "promote"), "success"
    )
    assert REASON in release.airflow.sentence(run.id, "decide")
    client = MlflowClient(release.mlflow)
    challenger = client.get_model_version(MODEL, "4")
    verdict = release.airflow.sentence(run.id, "promote")
    assert challenger.tags, verdict
    serving = int(client.get_model_version_by_alias(MODEL, "production").version)
    release.namespace.until(lambda: release.status()["servedVersion"] == serving)


def test_no_password_comes_of_a_reason_that_names_one(release: Release) -> None:
    """Only a real kubelet expands a pod's variables: the record in MLflow holds what the step found in its own."""
    client = MlflowClient(release.mlflow)
    record = release.airflow.link(release.status()["retraining"]["runId"], "decide").rsplit("/", 1)[1]
    told = json.dumps(client.get_run(record).data.to_dictionary(), ensure_ascii=False)
    login = (release.secret(f"{NAME}-mlflow-people", "username"), release.secret(f"{NAME}-mlflow-people", "password"))
    file = {"run_id": record, "path": names.RECORD_FILE}
    told += httpx.get(f"{release.mlflow}/get-artifact", params=file, auth=login, timeout=30).raise_for_status().text
    assert REASON in told
    for secret in ("clean", "raw"):
        assert release.secret(f"{NAME}-{secret}", "password") not in told


def test_no_pod_has_a_password_in_its_environment(release: Release) -> None:
    """Of what is mounted nothing may be in a variable, whatever an image, a policy or the operator added."""
    secrets = json.loads(release.namespace.kubectl("get", "secrets", "-o", "json"))["items"]
    passwords = {
        base64.b64decode(value).decode(errors="replace").strip()
        for one in secrets
        for key, value in one.get("data", {}).items()
        if key in ("password", "url", "secret-key", "secret", "fernet-key", "jwt-secret", "api-secret-key")
    }
    passwords = {one for one in passwords if "://" not in one or "@" in one}  # an address alone is none
    for one in release.namespace.find("pods"):
        for container in one["spec"]["containers"]:
            if one["status"]["phase"] == "Running" and one["metadata"]["labels"].get("app.kubernetes.io/name") == NAME:
                assert not [env for env in container.get("env", ()) if "secretKeyRef" in env.get("valueFrom", {})]
                assert not [env for env in container.get("env", ()) if env.get("value") in passwords]


def test_a_value_changed_in_git_is_rolled_out(release: Release) -> None:
    def smaller(body: Any) -> None:
        body["serving"]["replicas"] = 1

    revision = release.change(smaller, "One replica is enough")
    release.namespace.until(lambda: release.synced(revision), timeout=300, pause=1)
    release.namespace.until(lambda: release.status().get("replicas") == 1)
    assert release.namespace.get(f"modeldeployment/{MODEL}")["spec"]["serving"]["replicas"] == 1


def test_a_change_that_cannot_run_leaves_what_runs(release: Release) -> None:
    def wrong(body: Any) -> None:
        body["ui"] = {"image": {"repository": "no-such-image"}}

    def right(body: Any) -> None:
        del body["ui"]

    release.change(wrong, "An image that does not exist")
    release.namespace.until(lambda: "no-such-image" in release.namespace.kubectl("get", "pods", "-o", "yaml"))
    time.sleep(10)
    assert release.namespace.get(f"deployment/{NAME}-ui")["status"]["availableReplicas"] == 1
    revision = release.change(right, "The image as it was")
    release.namespace.until(lambda: release.synced(revision), timeout=300, pause=1)


def test_the_installed_release_passes_its_own_test(release: Release) -> None:
    body = helm(
        "template", NAME, str(ROOT / "charts" / "relevo"), "--namespace", release.namespace.name, "--kube-version",
        version(), "--show-only", "templates/test.yaml", "--values", str(release.repository.folder / VALUES),
    )  # fmt: skip
    for one in yaml.safe_load_all(body):
        release.namespace.apply(one)
    pod = f"pod/{NAME}-test"
    release.namespace.until(lambda: release.namespace.get(pod)["status"]["phase"] in ("Succeeded", "Failed"))
    assert release.namespace.get(pod)["status"]["phase"] == "Succeeded", release.namespace.logs(pod)


def test_argo_cd_and_the_operator_leave_each_other_alone(release: Release) -> None:
    def seen() -> dict[str, Any]:
        kinds = "deployments,statefulsets,services,modeldeployments,configmaps,roles,rolebindings,networkpolicies,jobs"
        found = json.loads(release.namespace.kubectl("get", kinds, "-o", "json"))["items"]
        # A generation counts changes of the spec; what has none is changed seldom, or never.
        return {
            f"{one['kind']}/{one['metadata']['name']}": one["metadata"].get(
                "generation", one["metadata"]["resourceVersion"]
            )
            for one in found
        }

    settle(release)
    before, operations = seen(), release.application()["status"]["operationState"]["startedAt"]
    time.sleep(120)
    assert seen() == before
    assert release.application()["status"]["operationState"]["startedAt"] == operations


def settle(release: Release) -> None:
    release.namespace.until(
        lambda: (
            release.application()["status"]["sync"]["status"] == "Synced"
            and release.application()["status"]["health"]["status"] == "Healthy"
        ),
        timeout=300,
        pause=1,
    )
