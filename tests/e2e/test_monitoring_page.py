"""The commands of docs/monitoring.md and docs/runbooks.md that change no cluster of these tests. Needs helm.

Grafana's image is not to be had everywhere: what is seen here is that helm takes the upgrade with it, and that the
Services which the pages forward to are the chart's, with that port. tests/e2e/whole asks a real Prometheus.
"""

from __future__ import annotations

import re

import pytest

from tests.docs.commands import Command, typed
from tests.e2e.test_chart import rendered
from tests.e2e.upgrades import objects, upgraded

WATCHED = typed("helm upgrade relevo charts/relevo -n relevo --reset-then-reuse-values \\\n  --set prometheus")
ONE_FILE = typed("helm template relevo charts/relevo -n relevo --set prometheus.enabled=true")
FORWARDED = (
    typed("kubectl port-forward -n relevo svc/relevo-grafana"),
    typed("kubectl port-forward -n relevo svc/relevo-prometheus"),
)


def test_one_part_of_the_chart_is_shown() -> None:
    shown = Command(ONE_FILE.page, f"{ONE_FILE.text} --kube-version 1.34.0")
    assert {"ConfigMap", "StatefulSet", "Service"} <= {one["kind"] for one in objects(shown)}


def test_helm_takes_the_upgrade_that_brings_prometheus_and_grafana() -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in upgraded(WATCHED)}
    assert {("Service", "relevo-prometheus"), ("Service", "relevo-grafana")} <= names


@pytest.mark.parametrize("command", FORWARDED, ids=lambda one: one.text.split()[4])
def test_what_is_forwarded_to_is_the_charts(command: Command) -> None:
    found = re.search(r"svc/([a-z-]+) (\d+)$", command.text)
    assert found
    services = {
        one["metadata"]["name"]: [port["port"] for port in one["spec"]["ports"]]
        for one in rendered({"prometheus": {"enabled": True}, "grafana": {"enabled": True}})
        if one["kind"] == "Service"
    }
    assert int(found[2]) in services[found[1]]
