"""`python -m charts.dashboards` writes charts/relevo/dashboards/*.json from the *.yaml beside this file.

A person writes questions, their units and what the answers mean; where a panel stands and whom it asks is worked out
here. `width` is of 24; `queries` are PromQL by their legend, `words` what a value stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
FOLDER: Final = HERE.parent / "relevo" / "dashboards"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WIDTH: Final = 24
"""Of Grafana's grid."""
HEIGHTS: Final = {"stat": 4, "timeseries": 8, "bargauge": 8}
NAMESPACES: Final = "label_values(relevo_operator_objects, namespace)"

Written = Mapping[str, Any]
"""As it stands in the YAML."""


def rendered(dashboard: Written) -> str:
    """A dashboard's file for Grafana."""
    body = {
        "uid": f"relevo-{dashboard['name']}",
        "title": dashboard["title"],
        "description": dashboard["description"],
        "tags": ["relevo"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "editable": False,
        "graphTooltip": 1,  # one cross for all panels
        "links": [{"type": "dashboards", "tags": ["relevo"], "title": "Relevo", "asDropdown": False, "keepTime": True}],
        "templating": {"list": [_datasource(), _namespace()]},
        "panels": list(_panels(dashboard["rows"])),
    }
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": SOURCE,
        "query": NAMESPACES,
        "definition": NAMESPACES,
        "refresh": 2,  # when the time range changes
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels(rows: Sequence[Written]) -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for row in rows:
        at = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": row["title"], "collapsed": False, "panels": [], "gridPos": at}
        number, y, x, height = number + 1, y + 1, 0, 0
        for panel in row["panels"]:
            kind, width = panel.get("kind", "timeseries"), panel.get("width", 8)
            if x + width > WIDTH:
                x, y, height = 0, y + height, 0
            at = {"x": x, "y": y, "w": width, "h": HEIGHTS[kind]}
            yield _panel(panel, kind) | {"id": number, "gridPos": at}
            number, x, height = number + 1, x + width, max(height, HEIGHTS[kind])
        y += height


def _panel(panel: Written, kind: str) -> dict[str, Any]:
    words = panel.get("words", {})
    defaults: dict[str, Any] = {
        "unit": panel["unit"],
        "mappings": [{"type": "value", "options": {value: {"text": word}}} for value, word in words.items()],
    }
    if kind == "timeseries":
        mode, opacity = ("normal", 20) if panel.get("stacked") else ("none", 5)
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": opacity, "stacking": {"mode": mode}}
    return {
        "type": kind,
        "title": panel["title"],
        "description": panel["description"],
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(kind),
        "targets": [
            {
                "datasource": SOURCE,
                "expr": text,
                "legendFormat": legend,
                "refId": "ABCDEFGH"[number],
                "instant": kind != "timeseries",
                "range": kind == "timeseries",
            }
            for number, (legend, text) in enumerate(panel["queries"].items())
        ],
    }


def _options(kind: str) -> dict[str, Any]:
    if kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {"reduceOptions": last, "orientation": "horizontal" if kind == "bargauge" else "auto", "textMode": "auto"}


def dashboards() -> Iterator[tuple[Path, str]]:
    """Each file for Grafana, and what is to stand in it."""
    for source in sorted(HERE.glob("*.yaml")):
        body = yaml.safe_load(source.read_text())
        yield FOLDER / f"{body['name']}.json", rendered(body)


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for file, text in dashboards():
        file.write_text(text)


if __name__ == "__main__":
    main()
