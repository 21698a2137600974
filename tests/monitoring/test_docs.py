"""docs/monitoring.md and docs/runbooks.md name every metric, panel, alert and setting, and none that is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring import exposed
from tests.monitoring.documented import FILE, anchors, names_in, rows, section
from tests.monitoring.queries import ALERTS, CHART, DASHBOARDS, ROOT, alerts, panels

RUNBOOKS = ROOT / "docs" / "runbooks.md"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def test_every_metric_of_every_part_is_documented(tmp_path: Path) -> None:
    serving = (ROOT / "docs" / "serving.md").read_text()
    assert names_in("Metrics", serving) == {name for name in exposed.of_serving(tmp_path) if "process_" not in name}
    operator = (ROOT / "docs" / "modeldeployment.md").read_text()
    assert names_in("The operator", operator) == exposed.of_operator()
    assert names_in("Airflow") == exposed.of_airflow()


def test_every_alert_is_documented_with_its_severity_and_its_runbook() -> None:
    told = {row[0]: row[1] for row in rows(section("Alerts")) if row[0].startswith("[Relevo")}
    assert told == {
        f"[{name}](runbooks.md#{name.lower()})": rule["labels"]["severity"] for name, rule in alerts().items()
    }


def test_every_limit_of_an_alert_is_documented() -> None:
    told = {row[0]: row[2] for row in rows(section("Alerts")) if row[0].startswith("[Relevo")}
    for name, rule in alerts().items():
        row = told[f"[{name}](runbooks.md#{name.lower()})"]
        lasts = {"m": "minutes", "h": "hour"}
        if wait := rule.get("for"):
            number, unit = wait[:-1], lasts[wait[-1]]
            assert f"for {number} {unit}" in row or (wait == "1h" and "for an hour" in row), name


def test_every_runbook_is_of_an_alert() -> None:
    headings = set(re.findall(r"^## (.+)$", RUNBOOKS.read_text(), re.MULTILINE))
    assert headings == set(alerts())


def test_every_panel_says_in_the_document_what_it_says_in_grafana() -> None:
    for file in DASHBOARDS:
        body = json.loads(file.read_text())
        told = rows(section(body["title"].removeprefix("Relevo / ")))[1:]
        shown = [[panel["title"], panel["description"]] for name, panel in panels() if name == file.stem]
        assert told == shown, f"{file.name}: write the table anew"


def test_every_setting_is_one_of_the_charts_with_its_default() -> None:
    for name, default, *_ in rows(section("Settings"))[1:]:
        value: Any = VALUES
        for part in name.strip("`").split("."):
            value = value[part]
        shown = "none" if value == "" else f"`{json.dumps(value) if not isinstance(value, str) else value}`"
        assert default == shown, name


@pytest.mark.parametrize("page", [FILE, RUNBOOKS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_the_limit_that_is_a_value_stands_in_the_alert_as_the_chart_replaces_it() -> None:
    assert ALERTS.read_text().count(f"> {VALUES['alerts']['noBatchSeconds']}\n") == 1
    assert VALUES["alerts"]["noBatchSeconds"] == 86400, "templates/_monitoring.tpl replaces this"


def test_promtool_is_of_the_prometheus_that_the_chart_installs() -> None:
    major, minor, patch = VALUES["prometheus"]["image"]["tag"].removeprefix("v").split(".")
    module = (ROOT / "toolchain" / "promtool" / "go.mod").read_text()
    assert f"github.com/prometheus/prometheus v0.{int(major)}{int(minor):02}.{patch}" in module


def test_ci_brings_the_images_that_the_chart_names() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    for image in (VALUES["prometheus"]["image"], VALUES["postgres"]["exporter"]["image"]):
        assert f"{image['repository']}:{image['tag']}" in script
