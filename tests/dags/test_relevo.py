"""The DAG: what runs after what, what a skip or a failure leads to, and which failures are tried again."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import AirflowException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowSkipException, ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.db import initdb
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

import dags.relevo as relevo

DAG = relevo.DAGS["loans"]
STEPS = ("collect", "clean", "decide", "train", "promote")
TRY_ONCE = {"retries": 0}


@pytest.fixture(scope="session")
def database() -> None:
    initdb()


def states(monkeypatch: pytest.MonkeyPatch, **ends: str) -> dict[str, str]:
    """Run the DAG once with steps that end so: done (where none is named), nothing, failed."""

    def execute(self: KubernetesPodOperator, context: Any) -> None:
        end = ends.get(self.task_id, "done")
        if end == "nothing":
            raise AirflowSkipException("Pod returned exit code 99. Skipping.")
        if end == "failed":
            raise AirflowException("Pod returned a failure.")

    monkeypatch.setattr(KubernetesPodOperator, "execute", execute)
    for task in DAG.tasks:
        monkeypatch.setattr(task, "retries", 0)
    run = DAG.test()
    return {one.task_id: str(one.state) for one in run.get_task_instances()}


def was(*names: str) -> dict[str, str]:
    """States in the order of the steps, `next` last."""
    return dict(zip((*STEPS, "next"), names, strict=True))


OK, SKIP, BAD, HELD = "success", "skipped", "failed", "upstream_failed"


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param({}, was(OK, OK, OK, OK, OK, OK), id="a training"),
        pytest.param({"decide": "nothing"}, was(OK, OK, SKIP, SKIP, SKIP, OK), id="no training: the next batch"),
        pytest.param(
            dict.fromkeys(STEPS, "nothing"), was(SKIP, SKIP, SKIP, SKIP, SKIP, SKIP), id="exhausted: it rests"
        ),
        pytest.param(
            {"collect": "nothing"}, was(SKIP, OK, OK, OK, OK, OK), id="a batch that a killed collect left behind"
        ),
        pytest.param(
            {"collect": "nothing", "clean": "nothing"}, was(SKIP, SKIP, OK, OK, OK, OK), id="one that clean left behind"
        ),
        pytest.param({"train": "failed"}, was(OK, OK, OK, BAD, HELD, HELD), id="a failure stops the loop"),
        pytest.param({"collect": "failed"}, was(BAD, HELD, HELD, HELD, HELD, HELD), id="and at once"),
    ],
)
def test_what_follows(
    database: None, monkeypatch: pytest.MonkeyPatch, ends: dict[str, str], expected: dict[str, str]
) -> None:
    assert states(monkeypatch, **ends) == expected


def test_the_scheduler_can_read_it() -> None:
    serialized = DagSerialization.to_dict(DAG)
    again = DagSerialization.from_dict(json.loads(json.dumps(serialized)))
    assert {task.task_id for task in again.tasks} == {*STEPS, "next"}
    assert [outlet.name for outlet in again.get_task("next").outlets] == ["loans-batch"]
    assert again.max_active_runs == 1


def test_each_use_case_has_a_dag_of_its_own() -> None:
    """Its pods are its own, and no batch of one starts a run of the other."""
    found = DagBag(Path(relevo.__file__).parent)
    assert not found.import_errors
    assert set(found.dags) == {"loans", "bikes"}
    batches = set()
    for name, dag in found.dags.items():
        (batch,) = dag.get_task("next").outlets
        batches.add(batch.name)
        assert [one.name for one in dag.timetable.asset_condition.objects] == [batch.name]
        for step in STEPS:
            assert dag.get_task(step).pod_template_file == f"/etc/relevo/steps/{name}/{step}.yaml"
    assert len(batches) == 2


@pytest.mark.parametrize(
    ("last_words", "action"),
    [
        ('{"step": "collect", "status": "failed", "error": "SettingsError", "retry": false}', RetryAction.FAIL),
        ('{"step": "collect", "status": "failed", "error": "Unavailable", "retry": true}', RetryAction.DEFAULT),
        ("", RetryAction.DEFAULT),
    ],
)
def test_only_what_a_retry_can_help_is_tried_again(last_words: str, action: RetryAction) -> None:
    error = AirflowException(f"Pod relevo-collect-abc returned a failure.\n{last_words}")
    assert relevo.RetryIfItCanHelp().evaluate(error, 1, 5).action is action


def test_the_sentence_and_the_mlflow_run_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    pushed: dict[str, str] = {}
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))}
    said = json.dumps({"step": "decide", "sentence": "nothing moved", "run_id": "abc"})
    relevo.LastWords.on_pod_completion(pod=pod(said), operator=DAG.get_task("decide"), context=context)
    assert pushed == {"sentence": "nothing moved"}
    assert relevo.MlflowRun().get_link(DAG.get_task("decide"), ti_key=None) == "http://mlflow.example/#/runs/abc"


@pytest.mark.parametrize("message", [None, "", "OOMKilled", "{}"])
def test_a_pod_without_last_words_is_no_error(message: str | None) -> None:
    relevo.LastWords.on_pod_completion(pod=pod(message), operator=DAG.get_task("clean"), context={})
    assert relevo.MlflowRun().get_link(DAG.get_task("clean"), ti_key=None) == ""


def pod(message: str | None) -> k8s.V1Pod:
    """A pod whose container ended with these last words."""
    state = k8s.V1ContainerState(terminated=k8s.V1ContainerStateTerminated(exit_code=0, message=message))
    one = k8s.V1ContainerStatus(
        name="base", state=state, image="", image_id="", ready=False, restart_count=0, started=False
    )
    return k8s.V1Pod(status=k8s.V1PodStatus(container_statuses=[one]))


def test_kubernetes_is_reached_without_a_connection_of_airflows() -> None:
    assert DAG.get_task("collect").hook.conn_extras == {}


def expanded(text: str, variables: dict[str, str]) -> str:
    """What a container finds in a variable: the kubelet's own rule (k8s.io/kubernetes/third_party/forked/golang)."""
    made, rest = "", text
    while rest:
        here, dollar, rest = rest.partition("$")
        made += here
        if not dollar:
            break
        if rest.startswith("$"):
            made, rest = made + "$", rest[1:]
        elif rest.startswith("(") and ")" in rest:
            name, _, rest = rest[1:].partition(")")
            made += variables.get(name, f"$({name})")
        else:
            made += "$"
    return made


SECRETS = {"RELEVO_CLEAN_URL": "postgresql://relevo:geheim@clean/clean", "X": "geheim"}
REASONS = {
    "a variable": ("$(RELEVO_CLEAN_URL)", "$(RELEVO_CLEAN_URL)"),
    "an escaped variable": ("$$(X)", "$$(X)"),
    "three": ("$$$(X)", "$$$(X)"),
    "within itself": ("$($(X))", "$($(X))"),
    "money": ("prices of $1 and 2$", "prices of $1 and 2$"),
    "a dollar alone": ("$", "$"),
    "lines": ("one\r\ntwo\n\tthree", "one two three"),
    "a line between dollar and name": ("$\n(X)", "$ (X)"),
    "a control character between them": ("$\x00(X)", "$(X)"),
    "control characters": ("a\x00b\x1b[31mc\x7f\x85d", "ab[31mc d"),
    "another direction": ("\u202egnp.exe\u202c \u2066x\u2069\u200f", "gnp.exe x"),
    "a template": ("{{ 7 * 7 }}{% raw %}", "{{ 7 * 7 }}{% raw %}"),
    "letters of anybody": ("casas más caras 👩‍👩‍👧 房价", "casas más caras 👩‍👩‍👧 房价"),
    "long": ("$(X)" * 2_500, "$(X)" * 2_500),
    "nothing": ("", ""),
}


def environment(reason: str = "", run: str = "manual__1", **params: str) -> dict[str, str]:
    """What a step's pod of a run finds, beside its passwords."""
    task = copy.copy(DAG.get_task("decide"))
    told = {"retrain": reason, "include": "", "include_by": ""} | params
    task.render_template_fields({"params": told, "run_id": run, "dag": DAG})
    return {one.name: expanded(one.value, SECRETS) for one in task.env_vars}


@pytest.mark.parametrize(("reason", "found"), REASONS.values(), ids=REASONS)
def test_a_reason_reaches_the_step_as_it_was_written_and_no_password_comes_of_it(reason: str, found: str) -> None:
    env = environment(reason)
    assert env["RELEVO_RETRAIN"] == found
    assert env["RELEVO_RETRAIN_ID"] == ("manual__1" if reason else "")
    assert environment("", run="$(X)")["RELEVO_AIRFLOW_RUN"] == "$(X)"


def test_a_reason_that_is_too_long_starts_no_run() -> None:
    asked = DAG.params.get_param("retrain")
    assert asked.resolve("x" * 1024)
    with pytest.raises(ParamValidationError):
        asked.resolve("x" * 10_000)


def test_batches_to_be_taken_back_reach_decide_and_so_does_who_asks() -> None:
    assert environment()["RELEVO_INCLUDE"] == ""
    env = environment(include="3, 5: it was the summer")
    assert (env["RELEVO_INCLUDE"], env["RELEVO_INCLUDE_BY"]) == ("3, 5: it was the summer", "Airflow run manual__1")
    asked = environment(include="all", include_by="ModelDeployment shop/prices")
    assert asked["RELEVO_INCLUDE_BY"] == "ModelDeployment shop/prices"
    secret = environment(include="3: $(RELEVO_CLEAN_URL)", include_by="$(X)")
    assert (secret["RELEVO_INCLUDE"], secret["RELEVO_INCLUDE_BY"]) == ("3: $(RELEVO_CLEAN_URL)", "$(X)")


@pytest.mark.parametrize("text", ["", "3", "3, 5", "3 5: why", "all", "all: why, and more: $5"])
def test_what_names_batches_starts_a_run(text: str) -> None:
    assert DAG.params.get_param("include").resolve(text) == text


@pytest.mark.parametrize("text", ["three", "3;5", "-3", "all of them"])
def test_what_names_none_does_not(text: str) -> None:
    with pytest.raises(ParamValidationError):
        DAG.params.get_param("include").resolve(text)


def seen(phase: str, *, ended: bool) -> dict[str, Any]:
    """What a watch says of a pod."""
    found = pod("{}")
    found.status.phase = phase
    if not ended:
        found.status.container_statuses[0].state = k8s.V1ContainerState(running=k8s.V1ContainerStateRunning())
    return {"type": "MODIFIED", "object": found}


def managed(monkeypatch: pytest.MonkeyPatch, *news: dict[str, Any] | Exception) -> relevo.WatchedPods:
    """A manager of pods whose watch says all of that but the last; a pod that is looked up is as the last says."""

    def stream(*_: Any, **__: Any) -> Iterator[dict[str, Any]]:
        for one in news[:-1]:
            if isinstance(one, Exception):
                raise one
            yield one

    monkeypatch.setattr(relevo, "Watch", lambda: SimpleNamespace(stream=stream))
    manager = relevo.WatchedPods(kube_client=SimpleNamespace(list_namespaced_pod=None))
    monkeypatch.setattr(manager, "read_pod", lambda _: news[-1]["object"])
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("expected no second look"))
    return manager


POD = k8s.V1Pod(metadata=k8s.V1ObjectMeta(name="relevo-collect-abc", namespace="relevo"))
RUNNING, ENDED, DONE = seen("Running", ended=False), seen("Running", ended=True), seen("Succeeded", ended=True)


@pytest.mark.parametrize(
    ("news", "running"),
    [
        pytest.param([RUNNING, ENDED, ENDED], False, id="it ends"),
        pytest.param([RUNNING, RUNNING], True, id="only its log was cut"),
        pytest.param([ApiException(status=403), ENDED], False, id="a watch that is refused"),
    ],
)
def test_a_containers_end_is_waited_for(monkeypatch: pytest.MonkeyPatch, news: list[Any], running: bool) -> None:
    assert managed(monkeypatch, *news).container_is_running(POD, "base") is running


def test_a_pods_phase_follows_its_container(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = managed(monkeypatch, ENDED, DONE, DONE).await_pod_completion(POD, False, "base", False)
    assert ended.status.phase == "Succeeded"
