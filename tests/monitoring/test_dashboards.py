"""The dashboards: what is shipped is what was written, and each panel says what it asks and what the answer means."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

from charts.dashboards.__main__ import dashboards
from tests.monitoring import exposed
from tests.monitoring.documented import names_in
from tests.monitoring.queries import DASHBOARDS, Query, of_alerts, of_panels, panels, recorded, rules


def test_what_is_shipped_is_what_was_written() -> None:
    written = dict(dashboards())
    assert set(DASHBOARDS) == set(written)
    for file, text in written.items():
        assert file.read_text() == text, f"{file.name} is older than its YAML: run make dashboards"


def test_every_panel_says_what_it_means_and_in_which_unit() -> None:
    for file, panel in panels():
        where = f"{file}: {panel['title']}"
        assert len(panel["description"]) > 20, where
        assert panel["description"].endswith("."), where
        assert panel["fieldConfig"]["defaults"]["unit"], where
        assert panel["targets"], where
        assert panel["type"] != "timeseries" or all(one["legendFormat"] for one in panel["targets"]), where


def test_nothing_stands_on_anything_else() -> None:
    for file in DASHBOARDS:
        body = json.loads(file.read_text())
        assert not [one for one, times in Counter(panel["id"] for panel in body["panels"]).items() if times > 1]
        taken: set[tuple[int, int]] = set()
        for panel in body["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert not cells & taken, panel["title"]
            assert at["x"] + at["w"] <= 24, panel["title"]
            taken |= cells


def test_a_dashboard_asks_the_prometheus_that_is_chosen_for_the_namespace_that_is_chosen() -> None:
    for file, panel in panels():
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            asked = Query(file, target["expr"].replace('namespace=~"$namespace"', ""))
            selectors = target["expr"].count('namespace=~"$namespace"')
            assert selectors >= len(asked.metrics() - {"ALERTS"}), f"{file}: {panel['title']}"


def test_every_query_is_one_that_prometheus_understands(promtool: str, tmp_path: Path) -> None:
    asked = [{"record": f"query:{number}", "expr": one.text} for number, one in enumerate([*of_panels(), *of_alerts()])]
    file = tmp_path / "queries.yaml"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": asked}]}))
    ended = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_metric_that_is_asked_for_is_there(tmp_path: Path) -> None:
    known = exposed.of_serving(tmp_path) | exposed.of_operator() | exposed.of_airflow()
    known |= names_in("MLflow") | names_in("The UI") | names_in("The databases")
    there = exposed.series(known) | exposed.OF_PROMETHEUS | {rule["record"] for rule in rules() if "record" in rule}
    for query in [*recorded(), *of_panels(), *of_alerts()]:
        assert query.metrics() <= there, f"{query.where} asks for {query.metrics() - there}, which nobody exposes"


def test_what_stands_in_a_query_is_found() -> None:
    text = (
        'histogram_quantile(0.9, sum by (le) (rate(a_bucket{x="b c{",y!="d"}[5m]))) / ignoring (le) c:d:e5m or up > 1e6'
    )
    assert Query("", text).metrics() == {"a_bucket", "c:d:e5m", "up"}
