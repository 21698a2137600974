"""The operator as a process asks Airflow for runs: once each, whoever is killed or away meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube.types import PatchType

from relevo_operator import kinds, names
from tests.gate import Gate
from tests.kubernetes_api import KubernetesApi
from tests.operator.airflow import PASSWORD, Airflow, airflow_server
from tests.operator.cluster.conftest import Operate
from tests.operator.cluster.shop import ModelDeployment, Operator, Shop, eventually
from tests.operator.registry.hub import listening
from tests.versions import Versions

PAGE = Path(__file__).parents[3] / "docs" / "modeldeployment.md"
LOGIN = "airflow-login"


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with airflow_server() as server:
        yield server


@pytest.fixture
def way(airflow: Airflow) -> Iterator[Gate]:
    """The way to Airflow, which can be closed."""
    gate = Gate(airflow.port)
    yield gate
    gate.close()


@pytest.fixture
def asking(shop: Shop, way: Gate, kube_api: KubernetesApi) -> Shop:
    """A ModelDeployment with spec.retraining; the operator is let in by the Role that the docs give, to the letter."""
    role = next(
        text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "kind: Role\n" in text
    )
    kube_api.kubectl("apply", "-n", shop.namespace, "-f", "-", input=role)
    login = {"url": way.url, "username": "admin", "password": PASSWORD + "\n"}  # as of a file
    shop.client.create(
        kinds.SECRET({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LOGIN}, "stringData": login})
    )
    shop.apply(retraining={"dag": "relevo", "secretName": LOGIN})
    return shop


def retrain(shop: Shop, reason: str) -> None:
    shop.annotate(names.RETRAIN, reason)


def told(shop: Shop) -> dict[str, Any]:
    return dict(shop.status().get("retraining") or {})


def wait(shop: Shop, state: str, words: str = "") -> dict[str, Any]:
    """Wait for a state, and a message with these words."""

    def there() -> bool:
        found = told(shop)
        return found.get("state") == state and words in found["message"]

    eventually(there, f"state {state} with a message of {words!r}; operator's last word: {told(shop)}")
    return told(shop)


def set_password(shop: Shop, password: str) -> None:
    shop.client.patch(kinds.SECRET, LOGIN, {"stringData": {"password": password}}, patch_type=PatchType.MERGE)


def test_a_retraining_is_asked_for_followed_and_told(
    asking: Shop, airflow: Airflow, operator: Operator, kube_api: KubernetesApi
) -> None:
    airflow.dags["relevo"] = True
    retrain(asking, "new prices in Texas")
    found = wait(asking, "Queued", "the DAG relevo is paused")
    (made,) = airflow.runs.values()
    assert found["runId"] == made["dag_run_id"]
    assert made["conf"] == {"retrain": "new prices in Texas"}
    assert f"{asking.namespace}/prices" in made["note"]
    made["state"] = "running"
    wait(asking, "Running")
    airflow.end(found["runId"], "success", decide="skipped")
    place, state = f"-n{asking.namespace}", "jsonpath={.status.retraining.state}"
    kube_api.kubectl("wait", "modeldeployment/prices", place, f"--for={state}=Succeeded", "--timeout=60s")
    found = told(asking)
    assert "decide (skipped); not run after that: train, promote" in found["message"]
    assert (found["asked"], found["finishedAt"]) == ("new prices in Texas", "2026-11-25T21:26:39.573Z")
    assert found["url"].endswith(f"/dags/relevo/runs/{found['runId']}")
    eventually(lambda: {"RetrainingAsked", "RetrainingSucceeded"} <= set(asking.events()), "both Events")
    assert airflow.posts() == 1
    assert operator.metric("relevo_operator_airflow_calls_total", kind="ask", outcome="ok") == 1
    asked = len(airflow.asked)
    operator.wait_idle()
    assert len(airflow.asked) == asked, "what is over is asked about no more"
    retrain(asking, "and in Ohio")
    eventually(lambda: len(airflow.runs) == 2, "a second run")
    assert "finishedAt" not in wait(asking, "Queued"), "nothing of the first is left in status"


def test_batches_are_taken_back_by_a_run_of_their_own_once(
    asking: Shop, airflow: Airflow, operator: Operator, kube_api: KubernetesApi
) -> None:
    """Beside a retraining, and apart from it."""
    place = f"-n{asking.namespace}"
    kube_api.kubectl(
        "annotate", "modeldeployment/prices", place, "relevo.dev/include=3, 5: it was the summer", "--overwrite"
    )
    retrain(asking, "the summer counts")
    eventually(lambda: len(airflow.runs) == 2, "two runs")
    runs = {run["dag_run_id"].partition("__")[0]: run for run in airflow.runs.values()}
    by = f"ModelDeployment {asking.namespace}/prices"
    assert runs["include"]["conf"] == {"include": "3, 5: it was the summer", "include_by": by}
    assert runs["retrain"]["conf"] == {"retrain": "the summer counts"}
    airflow.end(runs["include"]["dag_run_id"], "success", train="skipped")
    state = "jsonpath={.status.inclusion.state}"
    kube_api.kubectl("wait", "modeldeployment/prices", place, f"--for={state}=Succeeded", "--timeout=60s")
    assert asking.status()["inclusion"]["asked"] == "3, 5: it was the summer"
    assert told(asking)["state"] == "Queued"
    eventually(lambda: {"InclusionAsked", "InclusionSucceeded"} <= set(asking.events()), "both Events")
    asking.annotate(names.INCLUDE, "the summer")
    eventually(lambda: asking.status()["inclusion"]["state"] == "Refused", "a value that names no batches is refused")
    asking.annotate(names.INCLUDE, "all")
    eventually(lambda: len(airflow.runs) == 3, "another value asks anew")
    assert airflow.posts() == 3


def test_a_run_that_failed_names_its_task(asking: Shop, airflow: Airflow, operator: Operator) -> None:
    retrain(asking, "drift")
    airflow.end(wait(asking, "Queued")["runId"], "failed", train="failed")
    assert "failed in train" in wait(asking, "Failed")["message"]
    eventually(lambda: "RetrainingFailed" in asking.events(), "the Event")


def test_an_operator_killed_before_it_heard_that_the_run_was_made_goes_on_with_it(
    asking: Shop, airflow: Airflow, operate: Operate
) -> None:
    airflow.answering.clear()
    with operate() as first:
        retrain(asking, "drift")
        eventually(lambda: airflow.runs, "the run to be made")
        assert told(asking)["state"] == "Requested"
        first.kill()
    airflow.answering.set()
    with operate() as second:
        found = wait(asking, "Queued")
        assert second.metric("relevo_operator_airflow_calls_total", kind="ask", outcome="exists") == 1
        airflow.end(found["runId"], "success")
        wait(asking, "Succeeded")
    assert list(airflow.runs) == [found["runId"]]
    assert asking.events().count("RetrainingAsked") == 1


def test_an_operator_killed_while_the_run_goes_on_asks_for_no_other(
    asking: Shop, airflow: Airflow, operate: Operate
) -> None:
    with operate() as first:
        retrain(asking, "drift")
        found = wait(asking, "Queued")
        first.kill()
    airflow.end(found["runId"], "success")
    with operate():
        wait(asking, "Succeeded")
    assert airflow.posts() == 1


def test_airflow_away_is_waited_for_and_nothing_else_notices(
    asking: Shop, airflow: Airflow, way: Gate, operate: Operate
) -> None:
    way.close()
    with operate() as operator:
        retrain(asking, "drift")
        assert "expected an answer from Airflow" in wait(asking, "Requested", "asked again")["message"]
        asking.apply("others")  # is looked at meanwhile
        asking.wait_condition("Ready", "False", "NoVersion", "others")
        asking.wait_condition("Ready", "False", "NoVersion")
        assert operator.get("/healthz").status_code == 200
        way.open()
        found = wait(asking, "Queued")
        way.close()
        wait(asking, "Queued", "when last heard of")
        airflow.tokens.clear()  # it was started anew, with other keys
        airflow.end(found["runId"], "success")
        way.open()
        wait(asking, "Succeeded")
    assert len(airflow.runs) == 1


def test_a_wrong_password_is_refused_and_shown_to_nobody(asking: Shop, airflow: Airflow, operator: Operator) -> None:
    set_password(asking, "wrong-hunter2")
    retrain(asking, "drift")
    assert "correct username and password in the Secret" in wait(asking, "Refused")["message"]
    eventually(lambda: "RetrainingRefused" in asking.events(), "the Event")
    set_password(asking, PASSWORD)
    retrain(asking, "drift, once more")
    wait(asking, "Queued")
    for place in (operator.log.read_text(), str(asking.get()), operator.get("/metrics").text):
        assert "hunter2" not in place
        assert not any(token in place for token in airflow.tokens)


def test_a_password_that_is_changed_while_a_run_goes_on_is_read_anew(
    asking: Shop, airflow: Airflow, operator: Operator
) -> None:
    retrain(asking, "drift")
    found = wait(asking, "Queued")
    airflow.users["admin"] = "another"
    airflow.tokens.clear()
    wait(asking, "Queued", "answers the login with 401")
    set_password(asking, "another")
    airflow.end(found["runId"], "success")
    wait(asking, "Succeeded")


def test_a_dag_that_is_not_there_is_refused(asking: Shop, airflow: Airflow, operator: Operator) -> None:
    airflow.dags = {}
    retrain(asking, "drift")
    assert "404; correct spec.retraining.dag" in wait(asking, "Refused")["message"]


def test_a_run_that_is_deleted_in_airflow_is_told(asking: Shop, airflow: Airflow, operator: Operator) -> None:
    retrain(asking, "drift")
    del airflow.runs[wait(asking, "Queued")["runId"]]
    assert "deleted in Airflow" in wait(asking, "Failed")["message"]
    assert airflow.posts() == 1


def test_without_the_right_to_the_secret_or_without_it_the_state_says_what_to_do(
    asking: Shop, airflow: Airflow, operator: Operator
) -> None:
    edit = {"spec": {"retraining": {"secretName": "somebody-elses"}}}
    asking.edit(edit)
    retrain(asking, "drift")
    message = wait(asking, "Refused")["message"]
    assert "system:serviceaccount:relevo:relevo-operator" in message
    rule = 'add the rule {apiGroups: [""], resources: [secrets], resourceNames: [somebody-elses], verbs: [get]}'
    assert f"{rule} to a Role of system:serviceaccount:relevo:relevo-operator in namespace" in message
    asking.client.delete(kinds.SECRET, LOGIN)
    asking.edit({"spec": {"retraining": {"secretName": LOGIN}}})
    retrain(asking, "drift, once more")
    assert f"expected a Secret {LOGIN}" in wait(asking, "Refused", "there is none: make it")["message"]
    for data, words in (
        ({"url": airflow.url, "username": "admin"}, "it lacks 'password'"),
        ({"url": airflow.url, "username": "", "password": ""}, "is empty"),
        ({"username": "admin", "password": PASSWORD}, "it lacks 'url'"),
    ):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LOGIN}, "stringData": data}
        asking.client.create(kinds.SECRET(secret))
        retrain(asking, words)
        wait(asking, "Refused", words)
        asking.client.delete(kinds.SECRET, LOGIN)
    assert airflow.asked == []


def test_the_login_goes_to_the_address_beside_it_and_not_to_one_that_the_spec_names(
    asking: Shop, airflow: Airflow, operator: Operator
) -> None:
    with listening() as thief:
        asking.edit({"spec": {"retraining": {"url": thief.url}}})
        retrain(asking, "drift")
        assert thief.url not in wait(asking, "Refused", "its login goes nowhere else")["message"]
        asking.edit({"spec": {"retraining": {"url": None}}})
        for status in (302, 307, 308):
            airflow.elsewhere = status, f"{thief.url}/auth/token"
            retrain(asking, f"sent elsewhere with {status}")
            wait(asking, "Requested", f"got: {status}")
        assert thief.requests == []
    airflow.elsewhere = None
    wait(asking, "Queued")


def test_no_word_of_what_answers_instead_of_airflow_reaches_status_or_events(
    asking: Shop, airflow: Airflow, operator: Operator
) -> None:
    """Else whoever writes a Secret and a ModelDeployment reads any address that the operator reaches."""
    secret = "the brown secret of an internal page"
    runs = "/api/v2/dags/relevo/dagRuns"
    for number, (path, answer) in enumerate(
        (
            ("/auth/token", (401, {"detail": secret})),
            ("/auth/token", (200, secret.encode())),
            ("/auth/token", (200, {"access_token": f"{secret}\n"})),
            (runs, (400, {"detail": secret})),
            (runs, (422, {"detail": [{"loc": [secret], "msg": secret}]})),
            (runs, (409, {"detail": {"reason": secret, "message": secret}})),
            (runs, (500, {"detail": secret})),
        )
    ):
        airflow.instead = {path: answer}
        retrain(asking, f"try {number}")
        value = f"try {number}"
        eventually(lambda: told(asking).get("asked") == value and told(asking)["message"], "it")  # noqa: B023
        eventually(
            lambda: "expected" in told(asking)["message"] or "answers" in told(asking)["message"], "a word of it"
        )
    airflow.instead = {}
    retrain(asking, "one that is made")
    found = wait(asking, "Queued")
    tasks = [{"task_id": secret, "state": "failed", "try_number": 1}, {"task_id": secret, "state": secret}]
    airflow.instead[f"{runs}/{found['runId']}/taskInstances"] = (200, {"task_instances": tasks})
    airflow.end(found["runId"], "failed")
    wait(asking, "Failed", "a task without an id")
    eventually(lambda: "RetrainingFailed" in asking.events(), "the Event")
    assert "brown" not in str(asking.get())
    assert not any("brown" in str(event) for event in asking.client.list(kinds.EVENT, namespace=asking.namespace))


def test_the_event_is_written_though_the_api_server_refuses_what_is_to_serve(
    shop: Shop, operator: Operator, versions: Versions
) -> None:
    versions.promote(1)
    shop.apply(serving={"image": "relevo/serving:test", "resources": {"requests": {"no such resource!": "2"}}})
    shop.wait_condition("Ready", "False", "Refused")
    retrain(shop, "drift")
    wait(shop, "Refused", "spec.retraining")
    eventually(lambda: "RetrainingRefused" in shop.events(), "the Event")


def test_suspended_a_retraining_goes_on(asking: Shop, airflow: Airflow, operator: Operator) -> None:
    asking.edit({"spec": {"suspend": True}})
    asking.wait_condition("Progressing", "False", "Suspended")
    retrain(asking, "drift")
    airflow.end(wait(asking, "Queued")["runId"], "success")
    wait(asking, "Succeeded")


def test_an_object_that_is_deleted_is_asked_for_no_more(asking: Shop, way: Gate, operate: Operate) -> None:
    way.close()
    with operate() as operator:
        retrain(asking, "drift")
        wait(asking, "Requested", "asked again")
        asking.client.delete(ModelDeployment, "prices")
        eventually(lambda: asking.namespace not in operator.get("/metrics").text, "the object to be forgotten")
        operator.wait_idle()  # with what was in flight
        calls = operator.metric("relevo_operator_airflow_calls_total")
        operator.wait_idle(5)
        assert operator.metric("relevo_operator_airflow_calls_total") == calls
