"""docs/security.md's rights and Secrets are the rendered chart's. Needs helm, no cluster."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.docs.commands import ROOT
from tests.e2e.test_chart import TOKENS, pods, rendered, secrets_of_volume

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
Right = tuple[str, str, str, frozenset[str], frozenset[str]]
"""Account, API group (with `(cluster)` if it holds in every namespace), resource, names, verbs."""
ALL: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return rendered({})


def documented() -> set[Right]:
    table = PAGE.split("## What every account may do")[1].split("\n## ")[0]
    found = set()
    for line in re.findall(r"^\| `.*\|$", table, re.MULTILINE):
        account, group, resource, names, verbs, why = (cell.strip() for cell in line.strip("|").split(" | "))
        assert why
        named = ALL if names == "all" else frozenset(re.findall(r"`([^`]+)`", names))
        found.add(
            (
                account.strip("` "),
                group.replace("`", "").replace("core", "").strip(),
                resource.strip("`"),
                named,
                frozenset(re.findall(r"`([^`]+)`", verbs)),
            )
        )
    return found


def granted(objects: list[dict[str, Any]]) -> set[Right]:
    roles = {(one["kind"], one["metadata"]["name"]): one for one in objects if one["kind"] in ("Role", "ClusterRole")}
    found: set[Right] = set()
    for one in objects:
        if one["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        role = roles[one["roleRef"]["kind"], one["roleRef"]["name"]]
        wide = " (cluster)" if one["kind"] == "ClusterRoleBinding" else ""
        for subject in one["subjects"]:
            assert subject["kind"] == "ServiceAccount"
            for rule in role["rules"]:
                found |= {
                    (
                        subject["name"],
                        group + wide,
                        resource,
                        frozenset(rule.get("resourceNames", ())),
                        frozenset(rule["verbs"]),
                    )
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                }
    return found


def test_every_right_of_every_account_is_documented_and_no_other(objects: list[dict[str, Any]]) -> None:
    assert granted(objects) == documented()
    accounts = {one["metadata"]["name"] for one in objects if one["kind"] == "ServiceAccount"}
    assert accounts == {account for account, *_ in documented()} == TOKENS
    for name, _, spec in pods(objects):
        assert spec.get("serviceAccountName", "default") in accounts | {"default"}, name
        assert spec["automountServiceAccountToken"] is ("serviceAccountName" in spec), name


def secrets_of(spec: dict[str, Any]) -> set[str]:
    """Every Secret that a pod gets, by whichever way."""
    text = json.dumps(spec)
    return set(re.findall(r'"(?:secretKeyRef|secretRef)": {[^}]*"name": "([^"]+)"', text)) | {
        secret for one in spec["volumes"] for secret, _ in secrets_of_volume(one)
    }


def test_each_step_gets_its_own_secrets_alone(objects: list[dict[str, Any]]) -> None:
    given = {
        name.removeprefix("relevo-"): {one.removeprefix("relevo-") for one in secrets_of(spec)}
        for name, labels, spec in pods(objects)
        if labels["app.kubernetes.io/component"] == "step"
    }
    assert given == {
        "collect": {"raw", "s3"},
        "clean": {"raw", "clean"},
        "decide": {"raw", "clean", "mlflow-steps"},
        "train": {"clean", "mlflow-steps"},
        "promote": {"raw", "clean", "mlflow-promote"},
    }


def test_what_has_replicas_is_drained_one_at_a_time() -> None:
    many = rendered({"serving": {"replicas": 2}, "ui": {"replicas": 2}, "airflow": {"apiServer": {"replicas": 2}}})
    budgets = {one["metadata"]["name"]: one["spec"] for one in many if one["kind"] == "PodDisruptionBudget"}
    assert set(budgets) == {"house-prices", "relevo-ui", "relevo-airflow"}
    assert {spec["maxUnavailable"] for spec in budgets.values()} == {1}
    one_each = rendered({"serving": {"replicas": 1}})
    assert "PodDisruptionBudget" not in {one["kind"] for one in one_each}, "it would hold up every drain"
