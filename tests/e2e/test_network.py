"""Who reaches whom in the rendered chart, on a network that enforces NetworkPolicies. Needs helm, no cluster."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from relevo_operator import manifests, wire
from tests.docs.commands import ROOT
from tests.e2e.network import Address, Pod, reaches
from tests.e2e.test_chart import DASK, OPERATOR, OWN, WATCHED, named, pods, rendered
from tests.operator.worlds import World

NAMESPACE = "shop"
Connection = tuple[str, str, int]
"""Who, whom, and the port."""
STEPS = {"collect", "clean", "decide", "train", "promote"}
MAY: dict[tuple[str, int], set[str]] = {
    ("raw", 5432): {"step-collect", "step-clean", "step-decide", "step-promote", "prepare", "serving"},
    ("clean", 5432): {"step-clean", "step-decide", "step-train", "step-promote", "prepare"},
    ("metadata", 5432): {"mlflow"},
    ("airflow-db", 5432): {"airflow", "scheduler", "dag-processor", "airflow-migrate"},
    ("s3", 8333): {"step-collect", "prepare", "mlflow", "backup"},
    ("source", 8000): {"step-collect", "test"},
    ("mlflow", 5000): {"step-decide", "step-train", "step-promote", "operator", "serving", "ui", "test"},
    ("operator", 8080): {"mlflow", "test"},
    ("airflow", 8080): {"scheduler", "dag-processor", "operator", "test"},
    ("scheduler", 8793): {"airflow"},
    ("ui", 8501): {"test"},
    ("serving", 8000): {"ui", "test"},
}
"""Who may reach whom, and nobody else."""
MAY_BE_WATCHED: dict[tuple[str, int], set[str]] = {
    **{(part, 9187): {"prometheus"} for part in ("raw", "clean", "metadata", "airflow-db")},
    ("mlflow", 5000): {"prometheus"},
    ("operator", 8080): {"prometheus"},
    ("airflow", 8080): {"prometheus"},
    ("ui", 8501): {"prometheus"},
    ("serving", 8000): {"prometheus"},
    ("grafana", 3000): {"prometheus", "test"},
    ("prometheus", 9090): {"grafana", "test"},
}
"""Beside these, with the chart's Prometheus and Grafana."""
ELSEWHERE: Address = "203.0.113.7"
PORTS = (22, 80, 443, 5000, 5432, 6443, 8080, 8333, 8786, 9090, 9093, 9418)
"""Ports of servers outside that are tried."""
API_SERVER = {"operator": {443, 6443}, "scheduler": {443, 6443}, "install": {443, 6443}}
UNSAID: dict[Connection, str] = {
    ("airflow", "scheduler", 8793): "Airflow keeps in its database which pod has a task's log",
    ("operator", "airflow", 8080): "the ModelDeployment names the Secret with Airflow's address",
    ("prometheus", "serving", 8000): "the pods' name in DNS stands apart from their port",
}
"""Connections of which no address stands in a pod."""
UNUSED: dict[Connection, str] = {
    ("airflow-migrate", "airflow", 8080): "it has every Airflow process's environment, and asks the database alone",
}
"""Addresses that a pod has and never asks."""


def part_of(labels: dict[str, str]) -> str:
    component = labels["app.kubernetes.io/component"]
    return f"step-{labels['relevo.dev/step']}" if component == "step" else component


class Release:
    """The rendered chart, the pods that its operator makes, and its policies."""

    def __init__(self, values: dict[str, Any], *options: str) -> None:
        self.objects = rendered(values, *options)
        self.policies = [one for one in self.objects if one["kind"] == "NetworkPolicy"]
        for one in self.policies:
            one["metadata"].setdefault("namespace", NAMESPACE)
        self.specs = {part_of(labels): spec for _, labels, spec in pods(self.objects)}
        self.pods = {part_of(labels): Pod(labels, NAMESPACE) for _, labels, _ in pods(self.objects)}
        spec = next(one["spec"] for one in self.objects if one["kind"] == "ModelDeployment")
        body = {"metadata": {"namespace": NAMESPACE}, "spec": spec}
        seen = replace(World().observed(), name="house-prices", namespace=NAMESPACE, spec=wire.spec_of(body))
        template = manifests.deployment(seen, 1)["spec"]["template"]
        self.specs["serving"], self.pods["serving"] = template["spec"], Pod(template["metadata"]["labels"], NAMESPACE)

    def ports(self) -> set[tuple[str, int]]:
        """Of every part each port that one of its containers listens at."""
        return {
            (part, port["containerPort"])
            for part, spec in self.specs.items()
            for one in spec["containers"]
            for port in one.get("ports", ())
        }

    def connections(self) -> dict[tuple[str, int], set[str]]:
        """Who of the release may reach whom of the release."""
        return {
            (part, port): {
                who
                for who, pod in self.pods.items()
                if who != part and reaches(self.policies, pod, self.pods[part], port)
            }
            for part, port in self.ports()
        }

    def going_out(self, target: Pod | Address = ELSEWHERE) -> dict[str, set[int]]:
        """At which ports each part may reach something else."""
        found = {
            who: {port for port in PORTS if reaches(self.policies, pod, target, port)} for who, pod in self.pods.items()
        }
        return {who: ports for who, ports in found.items() if ports}

    def coming_in(self, source: Pod | Address) -> set[tuple[str, int]]:
        """Whom something else may reach."""
        return {(part, port) for part, port in self.ports() if reaches(self.policies, source, self.pods[part], port)}

    def texts(self, part: str) -> list[str]:
        """What a pod reads: its manifest, and the Secrets and configuration that are mounted into it."""
        spec = self.specs[part]
        made = yaml.safe_load(named(self.objects, "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
        found = [json.dumps(spec)]
        for volume in spec["volumes"]:
            secret, config = volume.get("secret", {}), volume.get("configMap", {})
            for item in secret.get("items", ()):
                found.append(json.dumps(made.get(secret["secretName"], {}).get(item["key"], "")))
            # Those of the others hold what they hand on: manifests of steps, Secrets to make.
            if part in ("prometheus", "grafana") and config and not config["name"].endswith("-dashboards"):
                found.append(json.dumps(named(self.objects, "ConfigMap", config["name"])["data"]))
        return found

    def implied(self) -> set[Connection]:
        """By the addresses that stand in what each pod reads."""
        services = {one["metadata"]["name"]: one["spec"] for one in self.objects if one["kind"] == "Service"}
        services["house-prices"] = {
            "selector": self.pods["serving"].labels,
            "ports": [{"port": 8000, "targetPort": "http"}],
        }
        found = set()
        for part in self.specs:
            for text in self.texts(part):
                for host, port in re.findall(r"(?<![\w.-])([a-z0-9-]+)(?:\.shop[\w.]*)?:(\d+)(?!\d)", text):
                    for target, number in self._behind(services.get(host), int(port)):
                        if target != part:
                            found.add((part, target, number))
        return found

    def _behind(self, service: dict[str, Any] | None, port: int) -> set[tuple[str, int]]:
        """The pods behind a Service's port."""
        if service is None:
            return set()
        names = [one["targetPort"] for one in service["ports"] if one["port"] == port]
        return {
            (part, open_port["containerPort"])
            for part, pod in self.pods.items()
            if service["selector"].items() <= pod.labels.items()
            for one in self.specs[part]["containers"]
            for open_port in one.get("ports", ())
            if open_port["name"] in names
        }


@pytest.fixture(scope="module")
def release() -> Release:
    return Release({})


@pytest.fixture(scope="module")
def watched() -> Release:
    return Release(WATCHED)


def expected(*tables: dict[tuple[str, int], set[str]]) -> dict[tuple[str, int], set[str]]:
    found: dict[tuple[str, int], set[str]] = {}
    for table in tables:
        for target, who in table.items():
            found[target] = found.get(target, set()) | who
    return found


def test_every_pod_has_one_policy_for_both_directions(watched: Release) -> None:
    for part, pod in watched.pods.items():
        here = [
            one["spec"]
            for one in watched.policies
            if one["spec"]["podSelector"]["matchLabels"].items() <= pod.labels.items()
        ]
        assert [one["policyTypes"] for one in here] == [["Ingress", "Egress"]], part


def test_each_part_reaches_whom_it_needs_and_nobody_else(release: Release, watched: Release) -> None:
    nobody = {("scheduler", 8974): set[str]()}  # its health, which the kubelet asks for
    assert release.connections() == expected(MAY, nobody)
    assert watched.connections() == expected(MAY, MAY_BE_WATCHED, nobody)


@pytest.mark.parametrize("values", [{}, WATCHED], ids=["all of it", "Prometheus and Grafana"])
def test_what_may_be_reached_is_what_the_addresses_in_each_pod_say(values: dict[str, Any]) -> None:
    release = Release(values)
    may = {(who, part, port) for (part, port), some in release.connections().items() for who in some}
    assert may - release.implied() == set(UNSAID) & may
    assert release.implied() - may == set(UNUSED)


def test_each_step_is_told_by_its_label(release: Release) -> None:
    assert {part for part in release.pods if part.startswith("step-")} == {f"step-{step}" for step in STEPS}
    for step in STEPS:
        labels = release.pods[f"step-{step}"].labels
        assert (labels["app.kubernetes.io/component"], labels["relevo.dev/step"]) == ("step", step)


def test_the_names_of_servers_are_asked_for_by_whoever_asks_one(release: Release) -> None:
    dns = Pod({"k8s-app": "kube-dns"}, "kube-system")
    silent = {"raw", "clean", "metadata", "airflow-db", "s3", "source"}
    for protocol in ("TCP", "UDP"):
        asks = {who for who, pod in release.pods.items() if reaches(release.policies, pod, dns, 53, protocol)}
        assert asks == set(release.pods) - silent


def test_nothing_goes_out_but_to_the_api_server(release: Release) -> None:
    assert release.going_out() == API_SERVER
    assert release.going_out(Pod({"app": "other"}, NAMESPACE)) == API_SERVER, "the port alone tells the API server"


def test_what_is_outside_is_reached_at_its_own_port_by_whoever_needs_it() -> None:
    own = Release({**OWN, "networkPolicies": True})
    databases = {port: {5432} for port in ("step-clean", "step-decide", "step-promote", "airflow", "airflow-migrate")}
    assert own.going_out() == {
        **databases,
        "step-collect": {5432, 443, 80},
        "step-train": {5432, 8786},
        "prepare": {5432, 443},
        "backup": {443},
        "mlflow": {5432, 443},
        "serving": {5432},
        "scheduler": {5432, 443, 6443},
        "dag-processor": {5432, 443},
        "operator": {443, 6443},
        "install": {443, 6443},
        "test": {80},
    }
    assert not {part for one in own.policies if (part := one["metadata"]["name"]) in ("relevo-raw", "relevo-s3")}
    more = Release(
        {
            "prometheus.enabled": True,
            "prometheus.alertmanagers": ["one.monitoring:9093", "two.monitoring:8080"],
            "grafana": {"enabled": True, "prometheusUrl": "https://prometheus.example"},
            "airflow.git.url": "git@git.example:acme/relevo.git",
        }
    )
    assert {who: ports for who, ports in more.going_out().items() if who not in ("operator", "install")} == {
        "prometheus": {9093, 8080},
        "grafana": {443},
        "scheduler": {22, 443, 6443},
        "dag-processor": {22},
    }


def test_what_is_outside_can_be_narrowed_and_widened() -> None:
    values = {
        "networkPolicies": True,
        "allowTo.databases": {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [6432]},
        "allowTo.kubernetesApi": {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [6443]},
        "allowTo.registries.ports": [5000],
        "allowTo.dns.ports": [53, 5353],
    }
    release = Release({**OWN, **values})
    assert release.going_out()["operator"] == {5000}
    assert release.going_out("10.0.0.1")["install"] == {6443}
    for address, reached in (("10.1.2.3", True), (ELSEWHERE, False)):
        assert reaches(release.policies, release.pods["step-clean"], address, 6432) is reached
    assert reaches(release.policies, release.pods["ui"], Pod({}, "openshift-dns"), 5353, "UDP")


def test_from_outside_nobody_comes_in_but_to_the_model_from_its_namespace(release: Release, watched: Release) -> None:
    for one in (release, watched):
        assert one.coming_in(ELSEWHERE) == set()
        assert one.coming_in(Pod({"app": "other"}, "elsewhere")) == set()
        assert one.coming_in(Pod({"app": "other"}, NAMESPACE)) == {("serving", 8000)}


def test_who_is_let_in_is_a_value() -> None:
    everywhere: list[dict[str, Any]] = [{"namespaceSelector": {}}]
    values = {"allowFrom": {"ui": everywhere, "mlflow": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "serving": []}}
    release = Release(values)
    assert release.coming_in(Pod({}, "elsewhere")) == {("ui", 8501)}
    assert release.coming_in(ELSEWHERE) == {("mlflow", 5000)}
    assert release.coming_in(Pod({}, NAMESPACE)) == {("ui", 8501)}


def test_a_prometheus_elsewhere_asks_for_metrics_and_nothing_else() -> None:
    asked = {(part, port) for part, port in MAY_BE_WATCHED if part not in ("prometheus", "grafana")}
    exporter = {"postgres.exporter.enabled": True}
    for release in (Release({"prometheus.external": True, **exporter}), Release(exporter, *OPERATOR)):
        inside = {("serving", 8000)}
        assert release.coming_in(Pod({}, "monitoring")) == asked
        assert release.coming_in(Pod({}, "elsewhere")) == set()
        assert release.coming_in(Pod({}, NAMESPACE)) == inside


def test_a_dask_clusters_workers_reach_clean_and_train_alone_its_scheduler() -> None:
    release = Release({"dask": DASK})
    worker = Pod({"dask.org/cluster-name": "training"}, NAMESPACE)
    assert release.coming_in(worker) == {("clean", 5432), ("serving", 8000)}
    assert {who for who, ports in release.going_out().items() if 8786 in ports} == {"step-train"}


def test_without_policies_there_is_none() -> None:
    assert Release({"networkPolicies": False}).policies == []


def test_the_page_has_the_whole_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("## Who reaches whom")[1].split("\n## ")[0]
    found: dict[tuple[str, int], set[str]] = {}
    for part, port, who in re.findall(r"^\| `([\w-]+)` \| (\d+) \| (.+?) \|$", table, re.MULTILINE):
        found[part, int(port)] = set(re.findall(r"`([^`]+)`", who))
    assert found == expected(MAY, MAY_BE_WATCHED)
