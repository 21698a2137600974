"""docs/operating.md's table of who is restarted for a new password is the rendered chart's. Needs helm, no cluster."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.docs.commands import ROOT
from tests.e2e.test_chart import WATCHED, named, rendered

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """By Secret who is restarted, in order."""
    section = PAGE.split("## Change a password")[1].split("\n## ")[0]
    found: dict[str, list[str]] = {}
    for row in re.findall(r"^\| `relevo-.*\|$", section, re.MULTILINE):
        secrets, restarted = row.strip("|").split(" | ")[:2]
        for secret in re.findall(r"`([^`]+)`", secrets):
            assert secret not in found
            found[secret] = re.findall(r"`([a-z]+/[^`]+)`", restarted)
    return found


def users_of(secret: str, objects: list[dict[str, Any]]) -> set[str]:
    """Who runs on and has the Secret's files, from its start on."""
    found = set()
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            given = one["spec"]["template"]["spec"]["volumes"]
        elif one["kind"] == "ModelDeployment":
            given = {part: one["spec"][part] for part in ("registry", "serving")}  # the pods'; the operator asks by API
        else:
            continue
        if f'"{secret}"' in json.dumps(given):
            kind = "deployment" if one["kind"] == "ModelDeployment" else one["kind"].lower()
            found.add(f"{kind}/{one['metadata']['name']}")
    return found


def test_for_every_secret_the_page_says_who_is_restarted() -> None:
    objects = rendered(WATCHED)
    made = yaml.safe_load(named(objects, "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
    told = documented()
    assert set(told) == set(made)
    for secret, restarted in told.items():
        assert set(restarted) == users_of(secret, objects), secret


def test_the_server_that_sets_a_password_is_restarted_before_who_logs_in() -> None:
    for secret, restarted in documented().items():
        servers = [one for one in restarted if one.startswith("statefulset/") and one != "statefulset/relevo-scheduler"]
        assert len(servers) < 2
        if servers:
            assert restarted[0] == servers[0], secret
        if secret.startswith("relevo-mlflow-"):
            assert restarted[0] == "deployment/relevo-mlflow", secret
