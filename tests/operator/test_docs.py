"""docs/modeldeployment.md names every field, condition, reason, outcome, annotation, setting and metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo_contract.settings import variable
from relevo_operator import airflow_api, conditions, names
from relevo_operator.conditions import Reason
from relevo_operator.metrics import Metrics
from relevo_operator.settings import Settings
from relevo_operator.values import Absence, Outcome, RunState

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "modeldeployment.md").read_text()


def section(title: str) -> str:
    """The page's text below a heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(text: str) -> set[str]:
    """The names in the first cell of each row of the tables in a text."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def leaves(schema: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of a schema's fields that hold values: scalars, lists and maps of quantities."""
    for name, field in schema["properties"].items():
        path = f"{above}{name}"
        if field["type"] == "object" and "properties" in field and name != "resources":
            yield from leaves(field, f"{path}.")
        else:
            yield path


@pytest.fixture(scope="module")
def crd() -> dict[str, Any]:
    schema: dict[str, Any] = yaml.safe_load((ROOT / "crds" / "modeldeployments.yaml").read_text())["spec"]["versions"][
        0
    ]
    properties: dict[str, Any] = schema["schema"]["openAPIV3Schema"]["properties"]
    return properties


def test_every_field_of_spec_is_documented_with_its_default(crd: dict[str, Any]) -> None:
    assert first_column(section("Fields of spec")) == set(leaves(crd["spec"]))
    table = [line for line in section("Fields of spec").splitlines() if line.startswith("| `")]
    rows = {line.split("|")[1].strip(" `"): line for line in table}
    for path in leaves(crd["spec"]):
        field = crd["spec"]
        for part in path.split("."):
            field = field["properties"][part]
        if isinstance(default := field.get("default"), str | int):
            shown = str(default).lower() if isinstance(default, bool) else str(default)
            assert f"| `{shown}` |" in rows[path]


def test_every_field_of_status_is_documented(crd: dict[str, Any]) -> None:
    written = {name.removesuffix("[]") for name in first_column(section("Fields of status"))}
    assert written == set(crd["status"]["properties"])
    for nested in ("history", "rollout", "retraining"):
        schema = crd["status"]["properties"][nested]
        for name in schema.get("items", schema)["properties"]:
            assert f"`{name}`" in section("Fields of status"), f"{nested}.{name} is not documented"


def test_every_condition_and_reason_is_documented_and_none_that_is_not() -> None:
    text = section("Conditions")
    assert first_column(text) == {reason.value for reason in Reason}
    for condition in (conditions.READY, conditions.PROGRESSING, conditions.REGISTRY_REACHABLE):
        assert f"**{condition}**" in text


def test_every_reason_is_used() -> None:
    source = "".join(path.read_text() for path in (ROOT / "operator" / "src").rglob("*.py"))
    absences = {one.name for one in Absence}
    assert {reason.name for reason in Reason if f"Reason.{reason.name}" not in source} == absences


def test_every_outcome_of_history_is_documented() -> None:
    for outcome in Outcome:
        assert f"`{outcome.value}`" in section("Fields of status")


def test_every_annotation_is_documented() -> None:
    assert first_column(section("Annotations")) == {names.REFRESH, names.RETRY, names.RETRAIN, names.INCLUDE}


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(RELEVO_[A-Z_]+)` \| (.+?) \|", section("The operator"), re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, float):
            default = f"{default:g}"
        expected[variable(Settings, name)] = "none" if default in (None, "") else f"`{default}`"
    assert rows == expected


def test_every_metric_is_documented() -> None:
    exposed = set()
    for family in Metrics().registry.collect():
        exposed.add(f"{family.name}_total" if family.type == "counter" else family.name)
    assert {name for name in first_column(section("The operator")) if name.startswith("relevo_")} == exposed


def test_every_event_is_documented() -> None:
    source = "".join(path.read_text() for path in (ROOT / "operator" / "src").rglob("*.py"))
    reasons = re.findall(r'EventNote\("\w+", "(\w+)"', source)
    ends = re.findall(r'f"\{ask\.event\}(\w+)"', source)
    reasons += [f"{begin}{end}" for begin in ("Retraining", "Inclusion") for end in ends]
    assert {"HandedOver", "RetrainingAsked", "InclusionRefused"} <= set(reasons)
    for reason in reasons:
        assert f"`{reason}`" in section("Conditions")


def test_every_state_of_a_retraining_is_documented(crd: dict[str, Any]) -> None:
    states = [state.value for state in RunState]
    assert crd["status"]["properties"]["retraining"]["properties"]["state"]["enum"] == states
    assert first_column(section("Asking for a retraining")) == set(states)
    asked = crd["status"]["properties"]
    assert asked["inclusion"]["properties"].keys() == asked["retraining"]["properties"].keys()


def test_every_label_of_calls_to_airflow_is_documented() -> None:
    row = next(line for line in section("The operator").splitlines() if "airflow_calls" in line)
    for label in (*airflow_api.KINDS, *airflow_api.OUTCOMES):
        assert f"`{label}`" in row
