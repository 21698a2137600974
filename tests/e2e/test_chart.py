"""charts/relevo as Helm renders it: what must hold for every pod, whatever the values. Needs helm, no cluster."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo_jobs.settings import CollectSettings
from relevo_operator import manifests, wire
from tests.e2e.whole.release import helm
from tests.e2e.whole.repository import ROOT
from tests.monitoring.conftest import promtool
from tests.monitoring.queries import alerts
from tests.operator.worlds import World

__all__ = ["promtool"]

CHART = ROOT / "charts" / "relevo"
TOKENS = {"relevo-operator", "relevo-scheduler", "relevo-install"}
"""Whose pods may speak to the API server."""
DATABASES = ("raw", "clean", "metadata", "airflow")
DASK = {
    "scheduler": "tls://training-scheduler:8786",
    "tlsSecret": "my-dask",
    "workerLabels": {"dask.org/cluster-name": "training"},
}
OWN = {
    "postgres": {"databases": {name: {"existingSecret": f"my-{name}"} for name in DATABASES}},
    "bucket": {
        "endpoint": "https://s3.eu-west-1.amazonaws.com",
        "region": "eu-west-1",
        "existingSecret": "my-bucket",
        "name": "mine",
    },
    "source": {"url": "http://source.example"},
    "airflow": {"git": {"url": "https://git.example/relevo.git", "existingSecret": "my-git"}},
    "dask": DASK,
    "networkPolicies": False,
    "serving": {"replicas": None},
}


WATCHED = {
    "prometheus": {"enabled": True, "alertmanagers": ["alertmanager.monitoring:9093"], "uiUrl": "https://p.example"},
    "grafana": {"enabled": True, "size": "1Gi", "uiUrl": "https://g.example"},
    "postgres": {"exporter": {"enabled": True}},
}
OUTSIDE = WATCHED | {
    "hosts": {
        "ui": "relevo.example.org",
        "serving": "prices.example.org",
        "airflow": "airflow.example.org",
        "mlflow": "mlflow.example.org",
        "grafana": "grafana.example.org",
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
    },
    "gateway": {
        "enabled": True,
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "controllerNamespace": "envoy-gateway-system",
    },
    "grafana": {"enabled": True},
}
GUARDED = OUTSIDE | {
    "oauth2Proxy": {
        "enabled": True,
        "issuerUrl": "https://login.example.org/realms/shop",
        "existingSecret": "my-oauth2",
    }
}
"""With a login in front of the UI and MLflow."""
OPERATOR = ("--api-versions", "monitoring.coreos.com/v1")
"""A cluster that knows a Prometheus operator's kinds."""


def rendered(values: dict[str, Any], *options: str) -> list[dict[str, Any]]:
    """The chart's objects, and the pods that the steps' ConfigMap holds."""
    text = helm(
        "template", "relevo", str(CHART), "--namespace", "shop", "--kube-version", "1.34.0", "--include-crds",
        "--set-json", f"image={json.dumps({'tag': '1.2.3'})}", *_set(values), *options,
    )  # fmt: skip
    found = [one for one in yaml.safe_load_all(text) if one]
    for one in list(found):
        if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "relevo-steps":
            found += [yaml.safe_load(text) for text in one["data"].values()]
    return found


def _set(values: dict[str, Any]) -> list[str]:
    return [part for name, value in values.items() for part in ("--set-json", f"{name}={json.dumps(value)}")]


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, labels and spec of every pod that would run."""
    for one in objects:
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["metadata"]["labels"], one["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = one["spec"]["template"]
            yield one["metadata"]["name"], template["metadata"]["labels"], template["spec"]
        elif one["kind"] == "CronJob":
            template = one["spec"]["jobTemplate"]["spec"]["template"]
            yield one["metadata"]["name"], template["metadata"]["labels"], template["spec"]


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of this kind and name."""
    (found,) = [one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@pytest.fixture(
    scope="module",
    params=[{}, OWN, WATCHED, GUARDED],
    ids=["all of it", "databases, bucket, source and git of one's own", "Prometheus and Grafana", "from outside"],
)
def objects(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The chart, rendered."""
    return rendered(request.param)


def test_every_pod_passes_the_restricted_level_with_a_read_only_root(objects: list[dict[str, Any]]) -> None:
    for name, _, spec in pods(objects):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is (name in TOKENS), name
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            where = f"{name}/{one['name']}"
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }, where
            assert one["resources"]["requests"] and one["resources"]["limits"]["memory"], where
            assert not one["image"].endswith((":latest", ":")), where


def served_pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The pod that the operator makes for the chart's ModelDeployment."""
    spec = next(one["spec"] for one in objects if one["kind"] == "ModelDeployment")
    seen = replace(World().observed(), spec=wire.spec_of({"metadata": {"namespace": "shop"}, "spec": spec}))
    pod: dict[str, Any] = manifests.deployment(seen, 1)["spec"]["template"]["spec"]
    return pod


def deployed() -> Iterator[tuple[str, dict[str, Any]]]:
    """The pods of what is installed without the chart."""
    for path in ("operator/deploy/operator.yaml", "jobs/deploy/dask.yaml"):
        found = [one for one in yaml.safe_load_all((ROOT / path).read_text()) if one]
        yield from ((f"{path}: {name}", spec) for name, _, spec in pods(found))


def test_no_pod_can_fill_its_nodes_disk(objects: list[dict[str, Any]]) -> None:
    ours = [(name, spec) for name, _, spec in pods(objects)]
    for name, spec in [*ours, ("serving", served_pod(objects)), *deployed()]:
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            resources = one["resources"]
            where = f"{name}/{one['name']}"
            assert resources["limits"]["ephemeral-storage"] and resources["requests"]["ephemeral-storage"], where
        for volume in spec["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], f"{name}: {volume['name']}"


def test_collects_folder_holds_the_longest_answer_of_the_source() -> None:
    (spec,) = (spec for name, _, spec in pods(rendered({})) if name == "relevo-collect")
    (tmp,) = (one["emptyDir"]["sizeLimit"] for one in spec["volumes"] if one["name"] == "tmp")
    assert int(tmp.removesuffix("Gi")) * 2**30 > CollectSettings.model_fields["source_most_bytes"].default
    larger = rendered({"steps": {"collect": {"resources": {"limits": {"ephemeral-storage": "9Gi"}}}}})
    (spec,) = (spec for name, _, spec in pods(larger) if name == "relevo-collect")
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "9Gi"}} in spec["volumes"]


def test_no_secret_is_rendered_and_no_password_stands_in_an_environment(objects: list[dict[str, Any]]) -> None:
    assert "Secret" not in {one["kind"] for one in objects}
    for name, _, spec in pods(objects):
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            for variable in one.get("env", ()):
                secret = any(
                    word in variable["name"] for word in ("PASSWORD", "SECRET", "KEY", "CONN", "_URL", "STORE")
                )
                plain = str(variable.get("value", ""))
                assert not secret or "@" not in plain, f"{name}: {variable['name']}"


def test_services_and_policies_select_pods_that_there_are(objects: list[dict[str, Any]]) -> None:
    labels = [found for _, found, _ in pods(objects)]
    labels.append({"relevo.dev/modeldeployment": "house-prices"})  # the operator's
    for one in objects:
        if one["kind"] == "Service":
            selector = one["spec"]["selector"]
        elif one["kind"] == "NetworkPolicy" and "matchLabels" in one["spec"]["podSelector"]:
            selector = one["spec"]["podSelector"]["matchLabels"]
        else:
            continue
        assert any(selector.items() <= found.items() for found in labels), one["metadata"]["name"]


def test_what_somebody_has_already_is_not_installed() -> None:
    kinds = {(one["kind"], one["metadata"]["name"]) for one in rendered(OWN)}
    assert not {name for kind, name in kinds if kind == "StatefulSet"} - {"relevo-scheduler"}
    assert ("Deployment", "relevo-source") not in kinds
    assert "NetworkPolicy" not in {kind for kind, _ in kinds}


def environments(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By pod and container the environment: a value, or the Secret and key that it comes from."""
    found: dict[str, dict[str, Any]] = {}
    for name, _, spec in pods(objects):
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            variables = found.setdefault(f"{name.partition('-prepare-')[0]}/{one['name']}", {})
            for variable in one.get("env", ()):
                secret = variable.get("valueFrom", {}).get("secretKeyRef", {})
                variables[variable["name"]] = variable.get("value", (secret.get("name"), secret.get("key")))
    return found


def secrets_of_volume(volume: dict[str, Any]) -> list[tuple[str, list[dict[str, str]]]]:
    """The Secrets that a volume shows, also one that puts several together, each with the keys that it shows."""
    sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [volume]) if "secret" in one]
    return [(one.get("secretName") or one["name"], one.get("items", [])) for one in sources]


def mounted(objects: list[dict[str, Any]]) -> dict[str, dict[str, tuple[str, str]]]:
    """By pod and container the Secret and key of each file that is mounted from one."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for name, _, spec in pods(objects):
        secrets = {one["name"]: secrets_of_volume(one) for one in spec["volumes"]}
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            found[f"{name.partition('-prepare-')[0]}/{one['name']}"] = {
                f"{mount['mountPath']}/{item['path']}": (secret, item["key"])
                for mount in one.get("volumeMounts", ())
                for secret, items in secrets.get(mount["name"], ())
                for item in items
            }
    return found


def test_an_s3_and_databases_of_one_s_own_are_used_by_whoever_needs_them() -> None:
    objects = rendered(OWN)
    env, files = environments(objects), mounted(objects)
    for pod in ("relevo-collect/base", "relevo/base", "relevo-mlflow/mlflow"):  # relevo/base: the Job of prepare
        for key in ("access-key", "secret-key"):
            assert files[pod][f"/secrets/s3/{key}"] == ("my-bucket", key), pod
        assert env[pod]["AWS_DEFAULT_REGION"] == "eu-west-1", pod
    for pod in ("relevo-collect/base", "relevo/base"):
        assert env[pod]["RELEVO_S3_ENDPOINT_URL"] == "https://s3.eu-west-1.amazonaws.com"
        assert env[pod]["RELEVO_BUCKET"] == "mine"
    assert env["relevo-mlflow/mlflow"]["MLFLOW_S3_ENDPOINT_URL"] == "https://s3.eu-west-1.amazonaws.com"
    databases = {
        "raw": {"relevo-collect/base", "relevo-clean/base", "relevo-decide/base", "relevo-promote/base", "relevo/base"},
        "clean": {"relevo-clean/base", "relevo-decide/base", "relevo-train/base", "relevo-promote/base", "relevo/base"},
    }
    for name, has in databases.items():
        path = f"/secrets/{name}/url"
        assert {pod for pod, found in files.items() if path in found} == has
        assert {files[pod][path] for pod in has} == {(f"my-{name}", "url")}
    theirs = {
        pod.split("/")[0]: found["/secrets/database/url"]
        for pod, found in files.items()
        if "/secrets/database/url" in found
    }
    assert theirs.pop("relevo-mlflow") == ("my-metadata", "url")
    assert set(theirs.values()) == {("my-airflow", "url")}


IN_ENVIRONMENT = {
    "AIRFLOW_CONN_RELEVO_DAGS": "Airflow reads a connection from its environment or its database, and from no file",
}
"""The only variables that come from a Secret, and why; of texts only the chart's values are in that environment."""


def test_no_password_is_in_an_environment_where_a_text_could_name_it(objects: list[dict[str, Any]]) -> None:
    for pod, variables in environments(objects).items():
        secret = {name for name, value in variables.items() if isinstance(value, tuple) and value[0]}
        assert secret <= set(IN_ENVIRONMENT), f"{pod}: expected files instead"
    assert "secretRef" not in json.dumps([spec for _, _, spec in pods(objects)]), "no envFrom either"
    (served,) = (one["spec"]["serving"] for one in objects if one["kind"] == "ModelDeployment")
    assert not [one for one in served.get("env", ()) if "secretKeyRef" in one.get("valueFrom", {})]
    assert [one["name"] for one in served["secretFiles"]] == ["RELEVO_RAW_URL"]
    spec = next(one["spec"] for one in objects if one["kind"] == "ModelDeployment")
    body = {"metadata": {"namespace": "shop"}, "spec": spec}
    made = manifests.deployment(replace(World().observed(), spec=wire.spec_of(body)), 1)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert not [one for one in container["env"] if "valueFrom" in one]


def test_every_file_that_a_variable_names_is_mounted(objects: list[dict[str, Any]]) -> None:
    files = mounted(objects)
    for pod, variables in environments(objects).items():
        named_files = set()
        for value in (one for one in variables.values() if isinstance(one, str)):
            named_files |= set(re.findall(r"/secrets/[-\w./]+", value))
        whole = {path for path in named_files if path.startswith("/secrets/webhook/")}  # the Secret, all of it
        folders = {str(folder) for path in files[pod] for folder in Path(path).parents}
        assert named_files - whole <= set(files[pod]) | folders, pod


def test_a_superusers_password_is_in_the_pod_of_its_database_alone(objects: list[dict[str, Any]]) -> None:
    has = {
        (pod, secret)
        for pod, files in mounted(objects).items()
        for secret, _ in files.values()
        if secret.endswith("-superuser")
    }
    databases = {one["metadata"]["name"] for one in objects if one["kind"] == "StatefulSet"} - {
        "relevo-scheduler", "relevo-s3", "relevo-prometheus",
    }  # fmt: skip
    assert has == {(f"{name}/{one}", f"{name}-superuser") for name in databases for one in ("prepare", "postgres")}


def test_an_inference_api_with_keys_has_all_of_them_and_the_ui_its_own() -> None:
    objects = rendered({"serving.auth.existingSecret": "api-keys"})
    (served,) = (one["spec"]["serving"] for one in objects if one["kind"] == "ModelDeployment")
    assert {"name": "RELEVO_API_KEYS", "secretName": "api-keys", "key": "keys"} in served["secretFiles"]
    (volume,) = (
        one["secret"]
        for name, _, spec in pods(objects)
        for one in spec["volumes"]
        if one.get("secret", {}).get("secretName") == "api-keys" and name.endswith("-ui")
    )
    assert volume["items"] == [{"key": "ui-key", "path": "ui-key"}]
    assert [name for name, files in mounted(objects).items() if "api-keys" in str(files)] == ["relevo-ui/ui"]


TEXTS = {
    "model.name": "RELEVO_MODEL", "source.url": "RELEVO_SOURCE_URL",
    "bucket.name": "RELEVO_BUCKET", "bucket.region": "AWS_DEFAULT_REGION", "airflow.schedule": "RELEVO_SCHEDULE",
    "mlflow.uiUrl": "RELEVO_MLFLOW_UI", "airflow.uiUrl": "RELEVO_AIRFLOW_UI", "grafana.uiUrl": "GF_SERVER_ROOT_URL",
    "dask.scheduler": "RELEVO_DASK", "airflow.git.ref": "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST",
    "airflow.login.username": "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
}  # fmt: skip
"""Values of the chart that are texts of a person, and a variable that each is in."""


def test_no_text_of_the_values_is_expanded() -> None:
    """But what somebody writes as a variable himself (steps.*.env, serving.env …), which is Kubernetes' as ever."""
    text = "http://$(X)"
    values = [part for path in TEXTS for part in ("--set-json", f"{path}={json.dumps(text)}")]
    own = [part for one in ("airflow.git.url", "bucket.endpoint") for part in ("--set", f"{one}={text}")]
    objects = rendered(
        WATCHED, *values, *own, "--set", "bucket.existingSecret=b,networkPolicies=false", "--skip-schema-validation",
        "--set-json", 'steps={"train": {"env": {"MINE": "$(RELEVO_GROUP)"}}}',
    )  # fmt: skip
    env = environments(objects)
    for path, variable in TEXTS.items():
        found = {variables[variable] for variables in env.values() if variable in variables}
        assert found, path
        assert all(text.replace("$", "$$") in value for value in found), (path, found)
    assert env["relevo-train/base"]["MINE"] == "$(RELEVO_GROUP)"
    env["relevo-train/base"].pop("MINE")
    for name, _, spec in pods(objects):
        for one in [*spec.get("initContainers", ()), *spec["containers"]]:
            told = [*one.get("command", ()), *one.get("args", ()), *map(str, env_values(one))]
            assert not [word for word in told if "$(X)" in word.replace("$$", "")], f"{name}/{one['name']}"


def env_values(container: dict[str, Any]) -> list[Any]:
    return [one.get("value", "") for one in container.get("env", ())]


def test_train_alone_is_told_of_a_dask_cluster_and_its_workers_alone_are_let_in_to_clean() -> None:
    objects = rendered({"dask": DASK})
    env = environments(objects)
    assert {pod for pod, variables in env.items() if "RELEVO_DASK" in variables} == {"relevo-train/base"}
    train = next(spec for name, _, spec in pods(objects) if name == "relevo-train")
    files = {value for name, value in env["relevo-train/base"].items() if "__TLS__" in name}
    assert files == {f"/secrets/dask/{key}" for key in ("ca.crt", "tls.crt", "tls.key")}
    assert {"name": "dask", "mountPath": "/secrets/dask", "readOnly": True} in train["containers"][0]["volumeMounts"]
    assert "my-dask" in {one["secret"]["secretName"] for one in train["volumes"] if "secret" in one}
    workers = {"podSelector": {"matchLabels": DASK["workerLabels"]}}
    let_in = {
        one["metadata"]["name"]
        for one in objects
        if one["kind"] == "NetworkPolicy" and any(workers in rule["from"] for rule in one["spec"]["ingress"])
    }
    assert let_in == {"relevo-clean"}
    assert not any("RELEVO_DASK" in variables for variables in environments(rendered({})).values())


def test_the_charts_definition_is_the_projects() -> None:
    assert (CHART / "crds" / "modeldeployments.yaml").read_text() == (
        ROOT / "crds" / "modeldeployments.yaml"
    ).read_text()


@pytest.mark.parametrize(
    ("values", "ui", "serving"),
    [
        ({"image.tag": "", "ui.image.tag": ""}, "docker.io/relevo/ui:dev", ":dev"),
        ({"image.tag": "1.4.0"}, "docker.io/relevo/ui:1.4.0", ":1.4.0"),
        ({"image.tag": "1.4.0", "ui.image.tag": "mine"}, "docker.io/relevo/ui:mine", ":1.4.0"),
        ({"image.registry": "ghcr.io/acme/relevo", "image.tag": ""}, "ghcr.io/acme/relevo/ui:dev", ":dev"),
    ],
    ids=["the chart's own version", "one for all", "its own", "another registry"],
)
def test_an_image_is_its_own_or_the_one_for_all_or_the_charts_version(
    values: dict[str, Any], ui: str, serving: str
) -> None:
    found = rendered(values)
    assert {spec["containers"][0]["image"] for name, _, spec in pods(found) if name == "relevo-ui"} == {ui}
    (deployment,) = [one for one in found if one["kind"] == "ModelDeployment"]
    assert deployment["spec"]["serving"]["image"].endswith(f"/serving{serving}")


def test_an_image_of_somebody_elses_is_pinned_by_its_digest_if_there_is_one() -> None:
    def images(values: dict[str, Any]) -> set[str]:
        found = (one["image"] for _, _, spec in pods(rendered(values)) for one in spec["containers"])
        return {image for image in found if not image.startswith("docker.io/relevo/")}

    tagged = images(WATCHED)
    assert len(tagged) == 5
    assert not [image for image in tagged if "@" in image]
    digest = f"sha256:{'0' * 64}"
    parts = ("postgres", "postgres.exporter", "seaweedfs", "prometheus", "grafana")
    pinned = images(WATCHED | {f"{part}.image.digest": digest for part in parts})
    assert pinned == {f"{image}@{digest}" for image in tagged}
    with pytest.raises(pytest.fail.Exception, match="digest"):
        rendered({"postgres.image.digest": "17.6"})


def test_nobody_is_watched_who_did_not_ask_for_it() -> None:
    objects = rendered({})
    kinds = {one["kind"] for one in objects}
    assert not kinds & {"PodMonitor", "ServiceMonitor", "PrometheusRule"}
    text = json.dumps(objects)
    assert "RELEVO_BATCH_SECONDS" not in text
    assert "PLUGINS_FOLDER" not in text
    assert not {"relevo-prometheus", "relevo-grafana", "relevo-dashboards"} & {
        one["metadata"]["name"] for one in objects
    }


def test_who_asks_is_told_everything() -> None:
    for values, options in ((WATCHED, ()), ({"prometheus": {"external": True}}, ()), ({}, OPERATOR)):
        objects = rendered(values, *options)
        found = {name: spec["containers"][0] for name, _, spec in pods(objects)}
        env = {name: {one["name"] for one in container.get("env", ())} for name, container in found.items()}
        assert "RELEVO_BATCH_SECONDS" in env["relevo-operator"]
        told = {name for name, variables in env.items() if "AIRFLOW__CORE__PLUGINS_FOLDER" in variables}
        assert told == {"relevo-airflow"}, "a task's process would import the plugin anew"


def test_prometheus_takes_its_configuration(promtool: str, tmp_path: Path) -> None:
    data = named(rendered(WATCHED), "ConfigMap", "relevo-prometheus")["data"]
    (tmp_path / "rules.yaml").write_text(data["rules.yaml"])
    (tmp_path / "prometheus.yml").write_text(data["prometheus.yml"].replace("/etc/prometheus/", ""))
    ended = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    jobs = yaml.safe_load(data["prometheus.yml"])["scrape_configs"]
    parts = ("serving", "operator", "mlflow", "airflow", "ui", "prometheus", "grafana", "postgres")
    assert {one["job_name"] for one in jobs} == {f"relevo-{part}" for part in parts}
    assert not [one for one in jobs if "kubernetes_sd_configs" in one], "it has no token"


def test_what_is_asked_is_what_there_is() -> None:
    objects = rendered(WATCHED)
    ports = {
        f"{one['metadata']['name']}:{port['port']}"
        for one in objects
        if one["kind"] == "Service"
        for port in one["spec"]["ports"]
    }
    config = yaml.safe_load(named(objects, "ConfigMap", "relevo-prometheus")["data"]["prometheus.yml"])
    static = [
        target for job in config["scrape_configs"] for one in job.get("static_configs", ()) for target in one["targets"]
    ]
    assert set(static) - {"localhost:9090"} <= ports
    (dns,) = [one for job in config["scrape_configs"] for one in job.get("dns_sd_configs", ())]
    assert dns["names"] == ["relevo-model-pods.shop.svc"]
    assert f"relevo-model-pods:{dns['port']}" in ports


def test_a_prometheus_operator_gets_the_same_jobs_and_rules() -> None:
    objects = rendered(WATCHED | {"monitors": {"labels": {"release": "theirs"}}}, *OPERATOR)
    own = named(objects, "ConfigMap", "relevo-prometheus")["data"]
    assert named(objects, "PrometheusRule", "relevo-rules")["spec"] == yaml.safe_load(own["rules.yaml"])
    monitors = [one for one in objects if one["kind"] in ("PodMonitor", "ServiceMonitor", "PrometheusRule")]
    assert all(one["metadata"]["labels"]["release"] == "theirs" for one in monitors)
    endpoints = [
        endpoint
        for one in monitors
        for endpoint in one["spec"].get("endpoints", []) + one["spec"].get("podMetricsEndpoints", [])
    ]
    jobs = {one["job_name"] for one in yaml.safe_load(own["prometheus.yml"])["scrape_configs"]}
    assert {one["relabelings"][0]["replacement"] for one in endpoints} == jobs - {"relevo-prometheus", "relevo-grafana"}
    names = {(port["name"]) for one in objects if one["kind"] == "Service" for port in one["spec"]["ports"]}
    assert {one["port"] for one in endpoints} <= names


def test_alerts_are_changed_by_their_names() -> None:
    change = {"RelevoPredictionsSlow": {"for": "1h", "labels": {"severity": "critical"}}, "RelevoModelErrs": False}
    changed = {"noBatchSeconds": 604800, "runbooks": "https://wiki.example/relevo", "change": change}
    rules = named(rendered({"alerts": changed}, *OPERATOR), "PrometheusRule", "relevo-rules")["spec"]["groups"]
    found = {rule["alert"]: rule for group in rules for rule in group["rules"] if "alert" in rule}
    assert set(found) == set(alerts()) - {"RelevoModelErrs"}
    slow = found["RelevoPredictionsSlow"]
    assert (slow["for"], slow["labels"]) == ("1h", {"severity": "critical"})
    assert slow["expr"] == alerts()["RelevoPredictionsSlow"]["expr"]
    assert found["RelevoNoBatch"]["expr"].endswith("> 604800")
    assert found["RelevoNoBatch"]["annotations"]["runbook_url"] == "https://wiki.example/relevo#relevonobatch"


def test_grafana_has_no_password_but_one_that_is_made_in_the_cluster() -> None:
    objects = rendered(WATCHED)
    made = yaml.safe_load(named(objects, "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
    assert made["relevo-grafana-login"] == {"username": "admin", "password": {"random": "password"}}
    rights = named(objects, "Role", "relevo-install")["rules"][0]["resourceNames"]
    assert "relevo-grafana-login" in rights
    path = environments(objects)["relevo-grafana/grafana"]["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    assert mounted(objects)["relevo-grafana/grafana"][path] == ("relevo-grafana-login", "password")
    theirs = rendered(WATCHED | {"grafana": {"enabled": True, "login": {"existingSecret": "theirs"}}})
    job = named(theirs, "Job", "relevo-install")["spec"]["template"]["spec"]["containers"][0]
    required = next(one["value"] for one in job["env"] if one["name"] == "RELEVO_REQUIRED_SECRETS")
    assert json.loads(required) == {"theirs": ["username", "password"]}


def test_grafana_comes_up_with_every_dashboard() -> None:
    objects = rendered(WATCHED)
    files = named(objects, "ConfigMap", "relevo-dashboards")["data"]
    assert set(files) == {path.name for path in (CHART / "dashboards").glob("*.json")}
    provisioning = named(objects, "ConfigMap", "relevo-grafana")["data"]
    (source,) = yaml.safe_load(provisioning["datasources.yaml"])["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://relevo-prometheus:9090")
    (provider,) = yaml.safe_load(provisioning["dashboards.yaml"])["providers"]
    spec = named(objects, "Deployment", "relevo-grafana")["spec"]["template"]["spec"]
    mounts = {one["name"]: one["mountPath"] for one in spec["containers"][0]["volumeMounts"]}
    assert mounts["dashboards"] == provider["options"]["path"]


def test_argo_cd_may_make_every_kind_that_the_chart_has() -> None:
    environment = {
        "name": "shop",
        "namespace": "shop",
        "repoURL": "https://git.example/relevo.git",
        "targetRevision": "main",
    }
    project = helm(
        "template", "relevo", str(ROOT / "charts" / "argocd"), "--kube-version", "1.34.0", "--namespace", "argocd",
        "--set-json", f"environments={json.dumps([environment])}", "--show-only", "templates/project.yaml",
    )  # fmt: skip
    spec = yaml.safe_load(project)["spec"]
    lists = ("clusterResourceWhitelist", "namespaceResourceWhitelist")
    allowed = {(one["group"], one["kind"]) for name in lists for one in spec[name]}
    for one in rendered(GUARDED | {"serving": {"replicas": 2}}, *OPERATOR):
        if one["metadata"].get("annotations", {}).get("helm.sh/hook") != "test":
            group, _, _ = one["apiVersion"].rpartition("/")
            assert (group, one["kind"]) in allowed or one["kind"] in ("CustomResourceDefinition", "Pod"), one["kind"]
