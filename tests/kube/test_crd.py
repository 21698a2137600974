"""What the API server accepts as a ModelDeployment, what it refuses in which words, and what kubectl shows of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo_demo.servers.process import ServerError
from relevo_operator import names, wire
from relevo_operator.values import Outcome
from tests.kubernetes_api import KubernetesApi

CRD = Path(__file__).parents[2] / "crds" / "modeldeployments.yaml"
SMALLEST = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {"name": "house-prices", "namespace": "default"},
    "spec": {
        "registry": {"trackingUri": "http://mlflow:5000", "model": "house-prices"},
        "serving": {"image": "registry.example/relevo-serving:1.4.0"},
    },
}
NOW = "2026-01-02T03:04:05Z"
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Serving",
    "message": "version 4 serves with 2 of 2 replicas",
    "lastTransitionTime": NOW,
    "observedGeneration": 1,
}
ENTRY = {"version": 4, "outcome": "Serving", "startedAt": "2026-01-02T03:04:05.678Z", "readyAt": NOW}
RETRAINING = {
    "asked": "new prices",
    "runId": "retrain__0123456789ab",
    "state": "Succeeded",
    "message": "the run succeeded with every task",
    "requestedAt": "2026-01-02T03:04:05.678Z",
    "finishedAt": "2026-01-02T03:14:05.678Z",
    "url": "http://airflow:8080/dags/relevo/runs/retrain__0123456789ab",
}
STATUS = {
    "observedGeneration": 1,
    "desiredVersion": 5,
    "servedVersion": 4,
    "endpoint": "http://house-prices.default.svc:8000",
    "replicas": 2,
    "readyReplicas": 2,
    "selector": "relevo.dev/modeldeployment=house-prices",
    "rollout": {"version": 5, "generation": 1, "startedAt": NOW},
    "retraining": RETRAINING,
    "history": [ENTRY],
    "conditions": [READY],
}


def named(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}}


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


def registry(**fields: Any) -> dict[str, Any]:
    return spec(registry=fields)


def serving(**fields: Any) -> dict[str, Any]:
    return spec(serving=fields)


def rollout(**fields: Any) -> dict[str, Any]:
    return spec(rollout=fields)


def resources(requests: Any = None, limits: Any = None) -> dict[str, Any]:
    given = {"requests": requests, "limits": limits}
    return serving(resources={name: value for name, value in given.items() if value is not None})


def env(name: str, **fields: Any) -> dict[str, Any]:
    return serving(env=[{"name": name, **fields}])


def secret_file(name: str, **more: Any) -> dict[str, Any]:
    return serving(secretFiles=[{"name": name, "secretName": "login", "key": "password", **more}])


def value_from(**sources: Any) -> dict[str, Any]:
    return env("TOKEN", valueFrom=sources)


AIRFLOW = {"url": "http://airflow:8080", "dag": "relevo", "secretName": "airflow-login"}


def retraining(**fields: Any) -> dict[str, Any]:
    """AIRFLOW, with these fields instead; None leaves one out."""
    return spec(retraining={name: value for name, value in (AIRFLOW | fields).items() if value is not None})


KEY = {"name": "mlflow", "key": "token"}


def changed(value: Any, change: Mapping[str, Any]) -> Any:
    """The value with what the change says; None takes a field away."""
    result = dict(value)
    for name, new in change.items():
        inner = isinstance(new, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = changed(result[name], new) if inner else new
        if new is None:
            del result[name]
    return result


def try_it(api: KubernetesApi, change: Mapping[str, Any]) -> tuple[Any, str]:
    """What the API server would make of the smallest ModelDeployment so changed, and what it says against it."""
    body = json.dumps(changed(SMALLEST, change))
    done = api.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", input=body, check=False)
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr)


@pytest.mark.parametrize(
    "change",
    [
        {},
        named("a"),
        named("a" * 52),
        named("house-prices-2"),
        registry(trackingUri="https://mlflow.example"),
        registry(trackingUri="http://10.0.0.7:5000/team-a/mlflow/"),
        registry(trackingUri="http://[::1]:5000"),
        registry(trackingUri="http://mlflow/users/@me"),
        registry(secretName="mlflow-login"),
        registry(trackingUri=None, secretName="team-a.mlflow-2.login"),
        changed(registry(secretName="a"), env("MLFLOW_TRACKING_INSECURE_TLS", value="true")),
        secret_file("MLFLOW_TRACKING_TOKEN"),
        registry(model="m"),
        registry(model="m" * 256),
        registry(model="Precios de casas (España), v2.1 – 5% $HOME 'a' .."),
        registry(alias="champion_v3-b"),
        registry(alias="producción"),
        registry(alias="latest-good"),
        registry(alias="a" * 255),
        serving(image="localhost:5000/a/b@sha256:" + "0" * 64),
        serving(replicas=0),
        serving(replicas=1000),
        serving(port=1024),
        serving(port=65535),
        resources({"cpu": "500m", "memory": "512Mi"}, {"cpu": 1, "memory": "1Gi"}),
        resources({"cpu": 1, "memory": "1Gi"}, {"cpu": "1000m", "memory": "1024Mi"}),
        resources({"cpu": "0"}),
        resources(limits={"nvidia.com/gpu": 1, "ephemeral-storage": "1e9"}),
        env("GREETING", value="hello $(RELEVO_VERSION)"),
        env("EMPTY", value=""),
        env("some.dotted-name_2", value="x"),
        value_from(secretKeyRef=KEY),
        value_from(secretKeyRef=KEY | {"optional": True}),
        value_from(configMapKeyRef=KEY | {"optional": False}),
        serving(env=[{"name": f"VARIABLE_{number}", "value": "x"} for number in range(100)]),
        secret_file("RELEVO_RAW_URL"),
        secret_file("MLFLOW_TRACKING_TOKEN", optional=True),
        rollout(onFailure="Hold"),
        rollout(onFailure="Rollback"),
        spec(suspend=True),
        retraining(),
        retraining(url=None),
        retraining(url="https://airflow.example/team-a/"),
        retraining(url="http://[::1]:8080"),
        retraining(dag="d"),
        retraining(dag="House_prices-2.v1"),
        retraining(dag="precios_españa"),
        retraining(dag="d" * 250),
        retraining(secretName="a"),
        retraining(secretName="team-a.airflow-2.login"),
        retraining(secretName="a" * 253),
    ],
    ids=lambda change: json.dumps(change, ensure_ascii=False)[:60],
)
def test_accepts(kube_api: KubernetesApi, change: dict[str, Any]) -> None:
    accepted, complaint = try_it(kube_api, change)
    assert complaint == ""
    assert changed(accepted, change) == accepted, "something given was dropped or became something else"


NAME = "metadata.name is also the name of the Service and its pods: expected at most 52 lower-case letters, digits and"
ADDRESS = (
    "spec.registry.trackingUri: Invalid value: expected an address that begins with http:// or https:// and names a"
)
NO_LOGIN = (
    "spec.registry.trackingUri: Invalid value: expected an address without user and password, whoever may read this"
)
NO_QUERY = "spec.registry.trackingUri: Invalid value: expected an address without query (?), fragment (#) and spaces"
MODEL = (
    "spec.registry.model: Invalid value: expected a registered model's name alone, such as house-prices: without / and"
)
MODEL_NAME = "spec.registry.model: Invalid value: expected a name that MLflow accepts: not only spaces, not a dot alone"
ALIAS = (
    "spec.registry.alias: Invalid value: expected letters, digits, underscores and hyphens, which is all MLflow allows"
)
RESERVED = "spec.registry.alias: Invalid value: expected an alias that people move, such as production: MLflow keeps"
IMAGE = "spec.serving.image: Invalid value: expected an image's name without spaces, such as"
QUANTITY = "Invalid value: expected a quantity that is not negative, such as 2, 500m or 512Mi"
REQUESTS = "spec.serving.resources: Invalid value: expected each of requests to be at most its limit: lower the request"
VARIABLE = (
    "spec.serving.env[0].name: Invalid value: expected letters, digits, hyphens, dots and underscores, not beginning"
)
TAKEN = (
    "spec.serving.env[0].name: Invalid value: expected a variable that the operator does not set itself, got {}: leave"
)
ONE_LOGIN = "spec: Invalid value: expected the pods' login at MLflow in one place, got registry.secretName and"
AIRFLOW_ADDRESS = (
    "spec.retraining.url: Invalid value: expected Airflow's address, beginning with http:// or https:// and"
)
AIRFLOW_LOGIN = "spec.retraining.url: Invalid value: expected Airflow's address without user and password, whoever may"
AIRFLOW_QUERY = "spec.retraining.url: Invalid value: expected Airflow's address without query (?), fragment (#) and"
DAG = "spec.retraining.dag: Invalid value: expected a DAG's id: letters, digits, underscores, hyphens and dots, not"
REGISTRY_SECRET = (
    "spec.registry.secretName: Invalid value: expected a Secret's name, such as mlflow-login: lower-case letters,"
)
SECRET = (
    "spec.retraining.secretName: Invalid value: expected a Secret's name, such as airflow-login: lower-case letters,"
)
FILE = "spec.serving.secretFiles[0].name: Invalid value: expected"
FILE_NAME = f"{FILE} a setting's name, such as RELEVO_RAW_URL: capital letters, digits and underscores, not"
FILE_END = f"{FILE} the setting's name without _FILE, which is put behind it; got"
FILE_TAKEN = f"{FILE} a setting that the operator does not give itself, got {{}}: leave"
VALUE = "spec.serving.env[0]: Invalid value: expected either value or valueFrom, and not both"
SOURCE = "spec.serving.env[0].valueFrom: Invalid value: expected exactly one of secretKeyRef and configMapKeyRef"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (named("a" * 53), NAME),
        (named("3houses"), NAME),
        (named("house.prices"), NAME),
        (spec(registry=None), "spec.registry: Required value"),
        (spec(serving=None), "spec.serving: Required value"),
        (
            registry(trackingUri=None),
            "spec.registry: Invalid value: expected trackingUri, MLflow's address, or secretName",
        ),
        (registry(secretName=""), "spec.registry.secretName in body should be at least 1 chars long"),
        (registry(secretName="Mlflow"), REGISTRY_SECRET),
        (registry(secretName="a/b"), REGISTRY_SECRET),
        (registry(secretName="a" * 254), "spec.registry.secretName: Too long: may not be more than 253"),
        (changed(registry(secretName="a"), secret_file("MLFLOW_TRACKING_TOKEN")), ONE_LOGIN),
        (changed(registry(secretName="a"), env("MLFLOW_TRACKING_PASSWORD", value="b")), ONE_LOGIN),
        (changed(registry(secretName="a"), env("MLFLOW_TRACKING_USERNAME_FILE", value="b")), ONE_LOGIN),
        (registry(trackingUri=""), ADDRESS),
        (registry(trackingUri="mlflow:5000"), ADDRESS),
        (registry(trackingUri="file:///mlruns"), ADDRESS),
        (registry(trackingUri="postgresql://mlflow/registry"), ADDRESS),
        (registry(trackingUri="http://"), ADDRESS),
        (registry(trackingUri="http://:5000"), ADDRESS),
        (registry(trackingUri="http://mlflow:port"), ADDRESS),
        (registry(trackingUri="http://ana:secret@mlflow:5000"), NO_LOGIN),
        (registry(trackingUri="https://token@mlflow"), NO_LOGIN),
        (registry(trackingUri="http://a@b@mlflow/path"), NO_LOGIN),
        (registry(trackingUri="http://mlflow?token=secret"), NO_QUERY),
        (registry(trackingUri="http://mlflow/#/models"), NO_QUERY),
        (registry(trackingUri="http://mlflow/ "), NO_QUERY),
        (
            registry(trackingUri="http://" + "m" * 2048),
            "spec.registry.trackingUri: Too long: may not be more than 2048",
        ),
        (registry(model=None), "spec.registry.model: Required value"),
        (registry(model=""), "spec.registry.model in body should be at least 1 chars long"),
        (registry(model="m" * 257), "spec.registry.model: Too long: may not be more than 256"),
        (registry(model="models:/prices"), MODEL),
        (registry(model="team/prices"), MODEL),
        (registry(model="prices:3"), MODEL),
        (registry(model="prices\n"), MODEL),
        (registry(model="  "), MODEL_NAME),
        (registry(model="."), MODEL_NAME),
        (registry(model="..prices"), MODEL_NAME),
        (registry(alias=""), "spec.registry.alias in body should be at least 1 chars long"),
        (registry(alias="a" * 256), "spec.registry.alias: Too long: may not be more than 255"),
        (registry(alias="pro duction"), ALIAS),
        (registry(alias="production\n"), ALIAS),
        (registry(alias="a/b"), ALIAS),
        (registry(alias="v3"), RESERVED),
        (registry(alias="V12"), RESERVED),
        (registry(alias="3"), RESERVED),
        (registry(alias="latest"), RESERVED),
        (registry(alias="Latest"), RESERVED),
        (serving(image=None), "spec.serving.image: Required value"),
        (serving(image=""), "spec.serving.image in body should be at least 1 chars long"),
        (serving(image="relevo-serving: 1.4.0"), IMAGE),
        (serving(replicas=-1), "spec.serving.replicas in body should be greater than or equal to 0"),
        (serving(replicas=1001), "spec.serving.replicas in body should be less than or equal to 1000"),
        (serving(port=1023), "spec.serving.port in body should be greater than or equal to 1024"),
        (serving(port=65536), "spec.serving.port in body should be less than or equal to 65535"),
        (serving(port="http"), 'spec.serving.port in body must be of type integer: "string"'),
        (resources({"cpu": "two"}), f'spec.serving.resources.requests[cpu]: {QUANTITY}; got "two"'),
        (resources(limits={"memory": "1 GB"}), f'spec.serving.resources.limits[memory]: {QUANTITY}; got "1 GB"'),
        (resources({"cpu": -1}), f'spec.serving.resources.requests[cpu]: {QUANTITY}; got "-1"'),
        (resources(limits={"cpu": "-500m"}), f'spec.serving.resources.limits[cpu]: {QUANTITY}; got "-500m"'),
        (resources({"cpu": 2}, {"cpu": "1500m", "memory": "1Gi"}), REQUESTS),
        (resources({"memory": "1Gi"}, {"memory": "1023Mi"}), REQUESTS),
        (env("3D", value="x"), VARIABLE),
        (env("A=B", value="x"), VARIABLE),
        (env("", value="x"), "spec.serving.env[0].name in body should be at least 1 chars long"),
        (env("RELEVO_VERSION", value="3"), TAKEN.format("RELEVO_VERSION")),
        (env("RELEVO_MODEL", value="other"), TAKEN.format("RELEVO_MODEL")),
        (env("RELEVO_ALIAS", value="other"), TAKEN.format("RELEVO_ALIAS")),
        (env("RELEVO_HOST", value="::"), TAKEN.format("RELEVO_HOST")),
        (env("RELEVO_PORT", value="80"), TAKEN.format("RELEVO_PORT")),
        (env("MLFLOW_TRACKING_URI", valueFrom={"secretKeyRef": KEY}), TAKEN.format("MLFLOW_TRACKING_URI")),
        (env("MLFLOW_TRACKING_URI_FILE", value="/tmp/url"), TAKEN.format("MLFLOW_TRACKING_URI_FILE")),
        (env("NOTHING"), VALUE),
        (env("BOTH", value="x", valueFrom={"secretKeyRef": KEY}), VALUE),
        (value_from(), SOURCE),
        (value_from(secretKeyRef=KEY, configMapKeyRef=KEY), SOURCE),
        (value_from(secretKeyRef={"name": "mlflow"}), "spec.serving.env[0].valueFrom.secretKeyRef.key: Required value"),
        (
            value_from(configMapKeyRef={"key": "a"}),
            "spec.serving.env[0].valueFrom.configMapKeyRef.name: Required value",
        ),
        (value_from(fieldRef={"fieldPath": "metadata.name"}), 'unknown field "spec.serving.env[0].valueFrom.fieldRef"'),
        (secret_file("relevo_raw_url"), FILE_NAME),
        (secret_file("../../tmp"), FILE_NAME),
        (secret_file("3D"), FILE_NAME),
        (secret_file("RELEVO_RAW_URL_FILE"), FILE_END),
        (secret_file("RELEVO_VERSION"), FILE_TAKEN.format("RELEVO_VERSION")),
        (secret_file("RELEVO_SPOOL"), FILE_TAKEN.format("RELEVO_SPOOL")),
        (serving(secretFiles=[{"name": "A", "key": "a"}]), "spec.serving.secretFiles[0].secretName: Required value"),
        (serving(env=[{"name": "TWICE", "value": "x"}] * 2), "spec.serving.env[1]: Duplicate value"),
        (
            serving(env=[{"name": f"VARIABLE_{number}", "value": "x"} for number in range(101)]),
            "spec.serving.env: Too many: 101: must have at most 100 items",
        ),
        (
            rollout(onFailure="Explode"),
            'spec.rollout.onFailure: Unsupported value: "Explode": supported values: "Rollback"',
        ),
        (retraining(dag=None), "spec.retraining.dag: Required value"),
        (retraining(secretName=None), "spec.retraining.secretName: Required value"),
        (retraining(url=""), AIRFLOW_ADDRESS),
        (retraining(url="airflow:8080"), AIRFLOW_ADDRESS),
        (retraining(url="ftp://airflow"), AIRFLOW_ADDRESS),
        (retraining(url="http://:8080"), AIRFLOW_ADDRESS),
        (retraining(url="http://airflow:port"), AIRFLOW_ADDRESS),
        (retraining(url="http://ana:secret@airflow:8080"), AIRFLOW_LOGIN),
        (retraining(url="https://token@airflow"), AIRFLOW_LOGIN),
        (retraining(url="http://airflow?token=secret"), AIRFLOW_QUERY),
        (retraining(url="http://airflow/#/dags"), AIRFLOW_QUERY),
        (retraining(url="http://airflow/ "), AIRFLOW_QUERY),
        (retraining(url="http://" + "a" * 2048), "spec.retraining.url: Too long: may not be more than 2048"),
        (retraining(dag=""), "spec.retraining.dag in body should be at least 1 chars long"),
        (retraining(dag="d" * 251), "spec.retraining.dag: Too long: may not be more than 250"),
        (retraining(dag="house prices"), DAG),
        (retraining(dag="a/b"), DAG),
        (retraining(dag="~"), DAG),
        (retraining(dag="relevo\n"), DAG),
        (retraining(dag=".."), DAG),
        (retraining(secretName=""), "spec.retraining.secretName in body should be at least 1 chars long"),
        (retraining(secretName="a" * 254), "spec.retraining.secretName: Too long: may not be more than 253"),
        (retraining(secretName="Airflow"), SECRET),
        (retraining(secretName="airflow_login"), SECRET),
        (retraining(secretName="-airflow"), SECRET),
        (retraining(secretName="airflow."), SECRET),
        (retraining(secretName="a/b"), SECRET),
        (spec(suspend="yes"), 'spec.suspend in body must be of type boolean: "string"'),
        (spec(serve={}), 'unknown field "spec.serve"'),
    ],
    ids=lambda given: json.dumps(given, ensure_ascii=False)[:60],
)
def test_refuses_and_says_why(kube_api: KubernetesApi, change: dict[str, Any], complaint: str) -> None:
    _, said = try_it(kube_api, change)
    # kubectl puts the value, or its type if it does not tell the value, between.
    assert complaint in said.replace('"string": ', "").replace('"object": ', "").replace('"": expected', "expected")


def test_a_password_in_an_address_is_not_repeated(kube_api: KubernetesApi) -> None:
    for scheme in ("http", "htp"):
        address = f"{scheme}://ana:hunter2@mlflow:5000"
        for field, change in {"trackingUri": registry(trackingUri=address), "url": retraining(url=address)}.items():
            _, said = try_it(kube_api, change)
            assert field in said
            assert "hunter2" not in said


DURATIONS = {
    "pollInterval": (
        "a duration from 1s to 1h, such as 30s",
        ["1s", "1000ms", "30s", "1m30s", "1.5m", "59m59.999s", "60m", "1h"],
        ["0s", "999ms", "0.5s", "1h1ms", "61m", "2h"],
    ),
    "progressDeadline": (
        "a duration from 5s to 24h, such as 5m",
        ["5s", "5000ms", "5m", "1h30m", "24h", "1440m"],
        ["0s", "4.999s", "24h1s", "999999h999999h"],
    ),
}
NO_DURATIONS = ["", "30", "30 s", "-30s", "+30s", "1d", "30S", ".5m", "1m30", "soon", "\u0663s", "1e1s", "30s\n"]


def duration(field: str, text: str) -> dict[str, Any]:
    return spec(pollInterval=text) if field == "pollInterval" else rollout(progressDeadline=text)


@pytest.mark.parametrize("field", DURATIONS)
def test_durations(kube_api: KubernetesApi, field: str) -> None:
    expected, good, bad = DURATIONS[field]
    for text in good:
        accepted, said = try_it(kube_api, duration(field, text))
        assert said == ""
        wire.spec_of(accepted)  # what the API server accepts the operator understands
    for text in [*bad, *NO_DURATIONS]:
        _, said = try_it(kube_api, duration(field, text))
        assert f"expected {expected} or 1m30s (units: ms, s, m, h); got {json.dumps(text, ensure_ascii=False)}" in said


def test_what_is_left_out_gets_its_default(kube_api: KubernetesApi) -> None:
    accepted, said = try_it(kube_api, {})
    assert said == ""
    assert accepted["spec"] == {
        "registry": SMALLEST["spec"]["registry"] | {"alias": "production"},  # type: ignore[index]
        "pollInterval": "30s",
        "serving": {
            "image": "registry.example/relevo-serving:1.4.0",
            "replicas": 1,
            "port": 8000,
            "resources": {},
        },
        "rollout": {"progressDeadline": "5m", "onFailure": "Rollback"},
        "suspend": False,
    }
    assert wire.spec_of(accepted) == wire.spec_of(SMALLEST), "the operator has the same defaults"


@pytest.fixture
def there(kube_api: KubernetesApi) -> str:
    """The namespace of a ModelDeployment `house-prices` of one test's own."""
    namespace = kube_api.new_namespace("crd")
    body = changed(SMALLEST, {"metadata": {"namespace": namespace}})
    kube_api.kubectl("create", "-f", "-", input=json.dumps(body))
    return namespace


def patch(api: KubernetesApi, namespace: str, change: Mapping[str, Any], *arguments: str, check: bool = True) -> str:
    body = json.dumps(change)
    command = ("patch", "mdep", "house-prices", "-n", namespace, "--type=merge", "-p", body, *arguments)
    return api.kubectl(*command, check=check).stderr


def found(api: KubernetesApi, namespace: str) -> Any:
    return api.get("mdep", "house-prices", "-n", namespace)


def test_everything_but_the_model_can_be_changed(kube_api: KubernetesApi, there: str) -> None:
    said = patch(kube_api, there, registry(model="flat-prices"), check=False)
    assert "spec.registry.model: Invalid value" in said
    assert "the model cannot be changed, its endpoint and history belong to it: create another ModelDeployment" in said
    change = changed(
        registry(trackingUri="https://other", alias="candidate"),
        serving(image="other", replicas=3, port=9000, env=[{"name": "A", "value": "b"}]),
    )
    patch(kube_api, there, changed(change, spec(pollInterval="1m", suspend=True)))
    now = found(kube_api, there)["spec"]
    assert (now["registry"]["model"], now["registry"]["alias"]) == ("house-prices", "candidate")
    assert (now["serving"]["replicas"], now["suspend"]) == (3, True)


def test_status_is_written_only_as_status(kube_api: KubernetesApi, there: str) -> None:
    patch(kube_api, there, {"status": STATUS})
    assert "status" not in found(kube_api, there), "a user's apply cannot write it"
    patch(kube_api, there, {"status": STATUS, **serving(replicas=7)}, "--subresource=status")
    now = found(kube_api, there)
    assert now["status"] == STATUS
    assert now["spec"]["serving"]["replicas"] == 1, "writing status cannot change the spec"
    assert now["metadata"]["generation"] == 1, "and is no new generation to be looked at"


def test_the_operator_reads_back_the_status_it_wrote(kube_api: KubernetesApi, there: str) -> None:
    past = wire.past_of({"status": STATUS})
    written = wire.status_of(past, generation=1, endpoint="http://a:8000", replicas=2, ready_replicas=1, selector="a=b")
    patch(kube_api, there, {"status": written}, "--subresource=status")
    assert found(kube_api, there)["status"] == written
    assert wire.past_of(found(kube_api, there)) == past


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        ({"servedVersion": 0}, "servedVersion in body should be greater than or equal to 1"),
        ({"history": [ENTRY | {"outcome": "Lost"}]}, 'status.history[0].outcome: Unsupported value: "Lost"'),
        ({"history": [{"version": 4, "outcome": "Serving"}]}, "status.history[0].startedAt: Required value"),
        ({"history": [ENTRY | {"startedAt": "yesterday"}]}, "history[0].startedAt in body must be of type"),
        ({"history": [ENTRY] * 21}, "status.history: Too many: 21: must have at most 20 items"),
        ({"rollout": {"version": 5}}, "status.rollout.startedAt: Required value"),
        ({"retraining": RETRAINING | {"state": "Lost"}}, 'status.retraining.state: Unsupported value: "Lost"'),
        ({"retraining": {"asked": "why"}}, "status.retraining.runId: Required value"),
        ({"retraining": RETRAINING | {"asked": "x" * 501}}, "status.retraining.asked: Too long"),
        ({"conditions": [READY | {"status": "Yes"}]}, 'status.conditions[0].status: Unsupported value: "Yes"'),
        ({"conditions": [READY | {"reason": "because it is"}]}, "conditions[0].reason in body should match"),
        ({"conditions": [READY | {"reason": ""}]}, "conditions[0].reason in body should be at least 1 chars"),
        ({"conditions": [READY | {"type": "Is Ready"}]}, "conditions[0].type in body should match"),
        ({"conditions": [READY] * 2}, 'status.conditions[1]: Duplicate value: {"type":"Ready"}'),
    ],
    ids=lambda given: json.dumps(given)[:60],
)
def test_a_status_that_makes_no_sense_is_refused(
    kube_api: KubernetesApi, there: str, status: dict[str, Any], complaint: str
) -> None:
    assert complaint in patch(kube_api, there, {"status": status}, "--subresource=status", check=False)


def test_every_outcome_is_known(kube_api: KubernetesApi, there: str) -> None:
    history = [ENTRY | {"outcome": outcome.value} for outcome in Outcome]
    patch(kube_api, there, {"status": {"history": history}}, "--subresource=status")
    assert [entry["outcome"] for entry in found(kube_api, there)["status"]["history"]] == list(Outcome)


def test_scale(kube_api: KubernetesApi, there: str) -> None:
    patch(kube_api, there, {"status": STATUS}, "--subresource=status")
    kube_api.kubectl("scale", "modeldeployment", "house-prices", "--replicas=5", "-n", there)
    assert found(kube_api, there)["spec"]["serving"]["replicas"] == 5
    path = f"/apis/{names.API_VERSION}/namespaces/{there}/modeldeployments/house-prices/scale"
    scale = json.loads(kube_api.kubectl("get", "--raw", path).stdout)
    assert scale["status"] == {"replicas": 2, "selector": STATUS["selector"]}


def test_columns(kube_api: KubernetesApi, there: str) -> None:
    empty = kube_api.kubectl("get", "mdep", "-n", there).stdout.splitlines()
    assert empty[0].split() == ["NAME", "MODEL", "ALIAS", "VERSION", "READY", "AGE"]
    patch(kube_api, there, {"status": STATUS}, "--subresource=status")
    heading, row = kube_api.kubectl("get", "modeldeployments", "-n", there, "-o", "wide").stdout.splitlines()
    assert heading.split() == ["NAME", "MODEL", "ALIAS", "VERSION", "READY", "REASON", "DESIRED", "AGE"]
    assert row.split()[:-1] == ["house-prices", "house-prices", "production", "4", "True", "Serving", "5"]


def test_wait_for_ready(kube_api: KubernetesApi, there: str) -> None:
    patch(kube_api, there, {"status": STATUS}, "--subresource=status")
    kube_api.kubectl("wait", "--for=condition=Ready", "mdep/house-prices", "-n", there, "--timeout=5s")
    patch(kube_api, there, {"status": {"conditions": [READY | {"status": "False"}]}}, "--subresource=status")
    with pytest.raises(ServerError, match="timed out"):
        kube_api.kubectl("wait", "--for=condition=Ready", "mdep/house-prices", "-n", there, "--timeout=1ms")


def objects(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each object with fields in a schema, by the path that kubectl explain takes."""
    inner = schema.get("items", schema)
    if "properties" in inner:
        yield path, inner["properties"]
        for name, field in inner["properties"].items():
            yield from objects(field, f"{path}.{name}")


SCHEMA = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
OBJECTS = dict(objects(SCHEMA, "modeldeployments"))


@pytest.mark.parametrize("path", OBJECTS)
def test_explain_teaches_every_field(kube_api: KubernetesApi, path: str) -> None:
    explained = " ".join(kube_api.kubectl("explain", path).stdout.split())
    ours = {name: field for name, field in OBJECTS[path].items() if name not in ("apiVersion", "kind")}
    for name, field in ours.items():
        assert field.get("description", "").endswith("."), f"{path}.{name} has no description"
        assert " ".join(field["description"].split()) in explained
    if path != "modeldeployments":  # Kubernetes has its own words for these two
        assert ours == OBJECTS[path]


def rules(schema: Any) -> Iterator[str]:
    """What each CEL rule of a schema says."""
    if isinstance(schema, list):
        for one in schema:
            yield from rules(one)
    elif isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations", ()):
            yield rule.get("message") or rule["messageExpression"].lstrip('"')
        for one in schema.values():
            yield from rules(one)


def test_every_rule_is_tried_here() -> None:
    source = Path(__file__).read_text()
    said = list(rules(SCHEMA))
    assert len(said) > 15
    assert [words for words in said if words.removeprefix("expected ")[:35] not in source] == []


def test_explain_tells_what_it_is_for(kube_api: KubernetesApi) -> None:
    explained = " ".join(kube_api.kubectl("explain", "mdep").stdout.split())
    assert SCHEMA["description"] in explained
    assert names.REFRESH in explained
    assert names.RETRY in explained
    assert names.RETRAIN in explained
