"""The commands of docs/kubernetes.md that install a use case of one's own: what helm makes of them. Needs helm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.docs.commands import Command, typed
from tests.e2e.test_use_cases import text
from tests.e2e.upgrades import objects

PAGE = "docs/kubernetes.md"
ALONE = typed("helm install loans charts/relevo -n loans", PAGE)
PLATFORM = typed("helm upgrade --install relevo charts/relevo -n relevo --reset-then-reuse-values --set-json", PAGE)
GUEST = typed("helm install loans charts/relevo -n relevo --set platform", PAGE)


def rendered(command: Command, folder: Path) -> list[dict[str, Any]]:
    """What the command would make, typed where a use_case.yaml lies."""
    file = folder / "use_case.yaml"
    file.write_text(text())
    typed_there = re.sub(r"^helm (upgrade --install|install) ", "helm template --kube-version 1.34.0 ", command.text)
    typed_there = typed_there.replace("--reset-then-reuse-values", "").replace("--create-namespace", "")
    return objects(Command(command.page, typed_there.replace("useCase=use_case.yaml", f"useCase={file}")))


def models(made: list[dict[str, Any]]) -> set[str]:
    """The names of its ModelDeployments."""
    return {one["metadata"]["name"] for one in made if one["kind"] == "ModelDeployment"}


def test_the_use_case_of_the_page_is_installed_by_itself(tmp_path: Path) -> None:
    assert models(rendered(ALONE, tmp_path)) == {"bad-loans"}


def test_the_platform_and_the_guest_of_the_page_fit_together(tmp_path: Path) -> None:
    platform, guest = rendered(PLATFORM, tmp_path), rendered(GUEST, tmp_path)
    assert (models(platform), models(guest)) == ({"house-prices"}, {"bad-loans"})
    airflow = yaml.safe_dump_all([one for one in platform if "airflow" in one["metadata"]["name"]])
    assert "bad-loans" in airflow
