"""Every query of the chart's dashboards and alerts, and what stands in it. Read from the files that are shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "charts" / "relevo"
ALERTS: Final = CHART / "files" / "alerts.yaml"
DASHBOARDS: Final = sorted((CHART / "dashboards").glob("*.json"))
EXPORTER: Final = ("pg_",)
"""What the names of metrics begin with that are there with `postgres.exporter` alone."""
_VARIABLES: Final = {"$namespace": ".*", "$__rate_interval": "2m", "$__interval": "30s"}
_WORDS: Final = {
    "sum", "min", "max", "avg", "count", "and", "or", "unless", "on", "ignoring", "group_left", "group_right", "by",
    "without", "bool", "offset",
    "namespace", "instance", "name", "registry", "model", "column", "which", "role", "le", "job", "status", "route",
    "input", "outcome", "kind", "part", "dag", "task", "state", "database", "reason", "type",
}  # fmt: skip
"""Words of PromQL and labels: whatever else is no function is a metric's name."""


@dataclass(frozen=True)
class Query:
    """A query as Prometheus is asked it, and where it stands."""

    where: str
    text: str

    @property
    def needs_exporter(self) -> bool:
        """Whether it asks for what the databases' exporter tells."""
        return any(name.startswith(EXPORTER) for name in self.metrics())

    def metrics(self) -> set[str]:
        """The names of metrics and of recorded series in it."""
        bare = re.sub(r'"(\\.|[^"\\])*"', '""', self.text)
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
        found = re.findall(r"(?<![a-zA-Z0-9_:])[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])", bare)
        return {name for name in found if name not in _WORDS and not name[0].isdigit()}


def panels() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every panel of every dashboard, with its file's name."""
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            if panel["type"] != "row":
                yield file.stem, panel


def of_panels() -> Iterator[Query]:
    """Every panel's queries, with what Grafana puts in place of its variables."""
    for file, panel in panels():
        for target in panel["targets"]:
            text = target["expr"]
            for variable, value in _VARIABLES.items():
                text = text.replace(variable, value)
            yield Query(f"{file}: {panel['title']}", text)


def rules() -> list[dict[str, Any]]:
    """The alerts, and the series that are recorded for them."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> list[Query]:
    """The series that are recorded."""
    return [Query(rule["record"], rule["expr"]) for rule in rules() if "record" in rule]


def of_alerts() -> Iterator[Query]:
    """Every alert's query without its limits: what it compares must be there, whether anything is wrong or not."""
    for name, rule in alerts().items():
        text = re.sub(r"\s*(?:>=|<=|==|>|<)\s*(?:bool\s+)?[0-9][0-9.e]*(?!\s*\*)", "", rule["expr"])
        text = re.sub(r"(?:>|<)\s*[0-9.]+\s*\*", "/", text).replace("!=", "-").replace("unless", "and")
        yield Query(name, text)
