"""The names of the metrics that each part exposes, from the parts themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from relevo_operator.metrics import Metrics as OperatorMetrics
from relevo_serving.metrics import Metrics as ServingMetrics
from relevo_serving.schema import RegistryStatus
from relevo_serving.settings import Settings
from relevo_serving.state import State
from relevo_serving.storing.keeping import Keeper
from tests.monitoring.queries import ROOT

PLUGIN: Final = ROOT / "images" / "airflow" / "plugins" / "relevo_metrics.py"
OF_PROMETHEUS: Final = {"up", "ALERTS"}
"""What Prometheus itself knows of its targets and alerts."""


def _names(families: Iterable[Metric]) -> set[str]:
    """As dashboards and documents name them: a counter with its ending, a histogram without."""
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


def of_serving(spool: Path) -> set[str]:
    """The inference API's; `spool` is an empty folder."""
    settings = Settings(tracking_uri="http://127.0.0.1:9", raw_url="postgresql://127.0.0.1:9/raw", spool=spool)
    metrics = ServingMetrics(State(registry=RegistryStatus(reachable=True)), Keeper(settings), "house-prices")
    metrics.answered("/predict", 200, 0.001)
    text = metrics.text().decode()
    return _names(text_string_to_metric_families(text))


def of_operator() -> set[str]:
    """The operator's."""
    registry: CollectorRegistry = OperatorMetrics().registry
    return {name for name in _names(registry.collect()) if not name.endswith("_created")}


def of_airflow() -> set[str]:
    """Airflow's, by the plugin's text: its environment is another (tests/dags runs it)."""
    return set(re.findall(r'Figure\(\s*"(\w+)"', PLUGIN.read_text()))


def series(names: Iterable[str]) -> set[str]:
    """The names under which Prometheus keeps these metrics: a histogram is three."""
    return {f"{name}{ending}" for name in names for ending in ("", "_bucket", "_sum", "_count")}
