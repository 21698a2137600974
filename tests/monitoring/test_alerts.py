"""The alerts, by promtool: each speaks when it should, not before, and a system that is well is let sleep."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.documented import anchors
from tests.monitoring.queries import ALERTS, ROOT, alerts, rules

SERVING = 'namespace="shop",name="prices",job="relevo-serving",instance="10.0.0.1:8000"'
OBJECT = 'namespace="shop",name="prices"'
MODEL = 'namespace="shop",registry="http://mlflow:5000",model="prices"'


@dataclass(frozen=True)
class Case:
    """An alert that does not speak yet at one time and does at another. Times are minutes, a sample each."""

    alert: str
    series: Mapping[str, str]
    silent: int
    speaks: int
    summary: str
    labels: Mapping[str, str] = field(default_factory=lambda: {"namespace": "shop"})


def answers(status: int, values: str) -> dict[str, str]:
    return {f'relevo_serving_requests_total{{{SERVING},route="/predict",status="{status}"}}': values}


def lost(full: str, refused: str) -> dict[str, str]:
    names = {"lost": full, "refused": refused}
    return {f"relevo_serving_inferences_{name}_total{{{SERVING}}}": values for name, values in names.items()}


def versions(desired: str, served: str) -> dict[str, str]:
    roles = {"desired": desired, "served": served}
    return {f'relevo_modeldeployment_version{{{OBJECT},role="{role}"}}': values for role, values in roles.items()}


def bucket(seconds: str, per_minute: int) -> dict[str, str]:
    return {f'relevo_serving_request_seconds_bucket{{{SERVING},route="/predict",le="{seconds}"}}': f"0+{per_minute}x60"}


OF_OBJECT = {"namespace": "shop", "name": "prices"}
OF_MODEL = {"namespace": "shop", "registry": "http://mlflow:5000", "model": "prices"}
OF_INSTANCE = {"namespace": "shop", "name": "prices", "job": "relevo-serving", "instance": "10.0.0.1:8000"}
CASES = [
    Case(
        "RelevoPredictionsFailing",
        answers(200, "0+980x30") | answers(503, "0+20x30"),
        4, 12, "prices: 2% of the predictions fail", OF_OBJECT,
    ),
    Case(  # nothing succeeds any more
        "RelevoPredictionsFailing",
        answers(500, "0+60x30"),
        4, 12, "prices: 100% of the predictions fail", OF_OBJECT,
    ),
    Case(
        "RelevoPredictionsSlow",
        bucket("1.0", 90) | bucket("2.5", 100) | bucket("+Inf", 100),
        10, 25, "prices: one prediction of a hundred takes longer than 2.35s", OF_OBJECT,
    ),
    Case(
        "RelevoNobodyServes",
        {f'relevo_modeldeployment_version{{{OBJECT},role="served"}}': "4x30", f"up{{{SERVING}}}": "1x9 _x20"},
        12, 18, "no pod of prices answers", OF_OBJECT,
    ),
    Case(
        "RelevoInferencesLost",
        lost("0x5 50x30", "0x35"),
        5, 7, "predicted rows of prices are not kept", OF_OBJECT,
    ),
    Case(
        "RelevoInferencesLost",
        lost("0x35", "0x5 1x30"),
        5, 7, "predicted rows of prices are not kept", OF_OBJECT,
    ),
    Case(
        "RelevoSpoolGrowing",
        {f"relevo_serving_spool_waiting_bytes{{{SERVING}}}": "0+1048576x60"},
        9, 20, "the spool of 10.0.0.1:8000 grows, 20MiB wait for RAW", OF_INSTANCE,
    ),
    Case(
        "RelevoPromotedNotServing",
        versions("3x5 4x40", "3x45"),
        14, 17, "version 4 is promoted, prices does not serve it", OF_OBJECT,
    ),
    Case(
        "RelevoModelDeploymentNotReady",
        {f'relevo_modeldeployment_condition{{{OBJECT},type="Ready",status="True"}}': "1x5 0x60"},
        30, 40, "prices is not Ready", OF_OBJECT | {"type": "Ready", "status": "True"},
    ),
    Case(
        "RelevoRegistryAway",
        {f'relevo_modeldeployment_condition{{{OBJECT},type="RegistryReachable",status="True"}}': "1x5 0x60"},
        15, 25, "prices: MLflow names no version", OF_OBJECT | {"type": "RegistryReachable", "status": "True"},
    ),
    Case(
        "RelevoLiveInputsDrift",
        {
            f'relevo_serving_live_drift_distance{{{SERVING},column="state"}}': "0.5x120",
            f'relevo_serving_live_drift_noise{{{SERVING},column="state"}}': "0.1x120",
            f'relevo_serving_live_drift_distance{{{SERVING},column="bed"}}': "0.15x120",  # beyond noise, not far beyond
            f'relevo_serving_live_drift_noise{{{SERVING},column="bed"}}': "0.1x120",
            f"relevo_serving_live_rows{{{SERVING}}}": "150x9 2000x120",
        },
        65, 75, "customers ask prices for other rows than it learnt from: 1 inputs moved", OF_OBJECT,
    ),
    Case(
        "RelevoModelErrs",
        {
            f'relevo_batch_champion_error{{{MODEL},which="on_batch"}}': "0.4x120",
            f'relevo_batch_champion_error{{{MODEL},which="promised"}}': "0.2x120",
            f'relevo_batch_outcome{{{MODEL},outcome="promoted"}}': "0x120",
        },
        55, 65, "prices errs 2 times as much as it promised", OF_MODEL,
    ),
    Case(
        "RelevoBatchBroken",
        {f'relevo_batch_decision{{{MODEL},reason="broken_column"}}': "0x5 1x30"},
        5, 7, "a column of the newest batch of prices is broken", OF_MODEL | {"reason": "broken_column"},
    ),
    Case(
        "RelevoNoBatch",
        {f"relevo_batch_decided_timestamp_seconds{{{MODEL}}}": "0x1600"},
        1440, 1470, "no batch of prices for 1d 0h 30m 0s", {"namespace": "shop", "model": "prices"},
    ),
    Case(
        "RelevoStepFailing",
        {'relevo_airflow_task_failures_in_a_row{namespace="shop",dag="prices",task="train"}': "0 1 2 3 4"},
        2, 4, "train of prices failed 4 times in a row", {"namespace": "shop", "dag": "prices", "task": "train"},
    ),
    Case(
        "RelevoDagUnreadable",
        {'relevo_airflow_import_errors{namespace="shop"}': "0x5 1x60"},
        14, 17, "Airflow cannot read 1 of its DAG files",
    ),
    Case(
        "RelevoDagPaused",
        {'relevo_airflow_dag_paused{namespace="shop",dag="prices"}': "1x90"},
        59, 61, "the loop of prices is paused", {"namespace": "shop", "dag": "prices"},
    ),
    Case(
        "RelevoAirflowSilent",
        {'relevo_airflow_heartbeat_timestamp_seconds{namespace="shop",part="scheduler"}': "0+60x10 600x60"},
        16, 20, "Airflow's scheduler does not live", {"namespace": "shop", "part": "scheduler"},
    ),
    Case(
        "RelevoOperatorStuck",
        {'relevo_operator_last_pass_timestamp_seconds{namespace="shop",job="relevo-operator"}': "0+60x10 600x60"},
        19, 22, "the operator looks after nothing", {"namespace": "shop", "job": "relevo-operator"},
    ),
    Case(
        "RelevoTargetDown",
        {'up{namespace="shop",job="relevo-mlflow",instance="mlflow:5000"}': "1x5 0x60", 'up{job="theirs"}': "0x66"},
        10, 12, "relevo-mlflow tells nothing", {"namespace": "shop", "job": "relevo-mlflow", "instance": "mlflow:5000"},
    ),
    Case(
        "RelevoDatabaseDown",
        {'pg_up{namespace="shop",database="raw"}': "1x5 0x60"},
        7, 9, "the database raw does not answer", {"namespace": "shop", "database": "raw"},
    ),
]  # fmt: skip

WELL = (
    answers(200, "0+6000x240")
    | answers(422, "0+600x240")
    | bucket("0.005", 5900)
    | bucket("+Inf", 6000)
    | lost("0x240", "0x240")
    | versions("3x30 4x210", "3x33 4x207")  # a hand-over
    | {
        f'relevo_serving_requests_total{{{SERVING},route="/readyz",status="503"}}': "0+60x240",
        f"up{{{SERVING}}}": "1x240",
        f"relevo_serving_spool_waiting_bytes{{{SERVING}}}": "5000+100x240",
        f'relevo_serving_live_drift_distance{{{SERVING},column="state"}}': "0.1x240",
        f'relevo_serving_live_drift_noise{{{SERVING},column="state"}}': "0.08x240",
        f"relevo_serving_live_rows{{{SERVING}}}": "2000x240",
        f'relevo_modeldeployment_condition{{{OBJECT},type="Ready",status="True"}}': "1x30 0x3 1x207",
        f'relevo_modeldeployment_condition{{{OBJECT},type="RegistryReachable",status="True"}}': "1x240",
        f'relevo_batch_champion_error{{{MODEL},which="on_batch"}}': "0.22x120 0.5x120",
        f'relevo_batch_champion_error{{{MODEL},which="promised"}}': "0.2x240",
        f'relevo_batch_outcome{{{MODEL},outcome="promoted"}}': "0x120 1x120",  # the better one took over
        f'relevo_batch_decision{{{MODEL},reason="broken_column"}}': "0x240",
        'relevo_batch_champion_error{namespace="small",model="m",which="on_batch"}': "0.9x240",
        'relevo_batch_champion_error{namespace="small",model="m",which="promised"}': "0.2x240",
        'relevo_batch_decision{namespace="small",model="m",reason="too_few_rows"}': "1x240",  # 17 rows tell nothing
        f"relevo_batch_decided_timestamp_seconds{{{MODEL}}}": "0+60x240",
        'relevo_airflow_task_failures_in_a_row{namespace="shop",dag="prices",task="train"}': "0 1 2 0x237",
        'relevo_airflow_import_errors{namespace="shop"}': "0x100 1x5 0x135",
        'relevo_airflow_dag_paused{namespace="shop",dag="prices"}': "0x240",
        'relevo_airflow_heartbeat_timestamp_seconds{namespace="shop",part="scheduler"}': "0+60x240",
        'relevo_operator_last_pass_timestamp_seconds{namespace="shop",job="relevo-operator"}': "0+60x240",
        'up{namespace="shop",job="relevo-mlflow"}': "1x50 0x3 1x187",  # a restart
        'pg_up{namespace="shop",database="raw"}': "1x240",
    }
)


def run(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> str:
    """Run promtool's tests on the rules, of whose annotations the summary alone is compared; returns what it says."""
    body = yaml.safe_load(ALERTS.read_text())
    for group in body["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["annotations"] = {"summary": rule["annotations"]["summary"]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(body))
    test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(json.dumps(test))
    ended = subprocess.run(
        [promtool, "test", "rules", "tests.yaml"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def given(series: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_speaks_when_it_should_and_not_before(promtool: str, tmp_path: Path, case: Case) -> None:
    severity = alerts()[case.alert]["labels"]["severity"]
    told = {"exp_labels": {"severity": severity, **case.labels}, "exp_annotations": {"summary": case.summary}}
    at = [
        {"eval_time": f"{case.silent}m", "alertname": case.alert, "exp_alerts": []},
        {"eval_time": f"{case.speaks}m", "alertname": case.alert, "exp_alerts": [told]},
    ]
    said = run(promtool, tmp_path, [{"interval": "1m", "input_series": given(case.series), "alert_rule_test": at}])
    assert not said, said


def test_a_system_that_is_well_wakes_nobody(promtool: str, tmp_path: Path) -> None:
    at = [
        {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []}
        for name in alerts()
        for minute in range(1, 240, 2)
    ]
    said = run(promtool, tmp_path, [{"interval": "1m", "input_series": given(WELL), "alert_rule_test": at}])
    assert not said, said


def test_every_alert_has_a_test() -> None:
    assert {case.alert for case in CASES} == set(alerts())


def test_promtool_finds_nothing_wrong(promtool: str) -> None:
    ended = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_says_what_is_wrong_how_bad_it_is_and_where_it_is_told_what_to_do() -> None:
    for name, rule in alerts().items():
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, name
        assert all(rule["annotations"].values()), name
        assert rule["labels"]["severity"] in ("critical", "warning"), name
        page, anchor = rule["annotations"]["runbook_url"].split("#")
        assert anchor in anchors(ROOT / page), f"{name}: expected a section #{anchor} in {page}"


def test_names_are_as_the_field_has_them() -> None:
    for rule in rules():
        assert re.fullmatch(r"Relevo[A-Z][A-Za-z]+|relevo:[a-z0-9_]+:[a-z0-9_]+", rule.get("alert") or rule["record"])
