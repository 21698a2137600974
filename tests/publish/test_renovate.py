"""Renovate's configuration reads everything that is pinned here, and holds back what does not fit."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = json.loads((ROOT / ".github" / "renovate.json").read_text())
VALUES = (ROOT / "charts" / "relevo" / "values.yaml").read_text()
DIGEST = f"sha256:{'a1' * 32}"


def pattern(text: str) -> re.Pattern[str]:
    """Renovate's way to write one: between slashes, with JavaScript's names of groups."""
    return re.compile(text.strip("/").replace("(?<", "(?P<"))


def upstream(values: Any) -> set[tuple[str, str, str]]:
    """Repository, tag and digest of every image that is not Relevo's own."""
    if not isinstance(values, dict):
        return set()
    image = values.get("image", {})
    here = {(image["repository"], image["tag"], image["digest"])} if "digest" in image else set()
    return here.union(*(upstream(one) for one in values.values()))


def test_every_image_that_is_not_ours_is_renewed_with_its_digest() -> None:
    (manager,) = SETTINGS["customManagers"]
    (file,), (match,) = manager["managerFilePatterns"], manager["matchStrings"]
    assert pattern(file).search("charts/relevo/values.yaml")
    found = {(one["depName"], one["currentValue"], one["currentDigest"]) for one in pattern(match).finditer(VALUES)}
    assert found == upstream(yaml.safe_load(VALUES))
    assert len(found) == 6
    (rule,) = (one for one in SETTINGS["packageRules"] if one.get("pinDigests"))
    assert rule["matchManagers"] == ["custom.regex"]


def test_what_it_writes_is_read_again() -> None:
    (manager,) = SETTINGS["customManagers"]
    written = manager["autoReplaceStringTemplate"].replace("{{#if newDigest}}", "").replace("{{/if}}", "")
    for name, value in (("depName", "docker.io/prom/prometheus"), ("newValue", "v4.0.0"), ("newDigest", DIGEST)):
        written = written.replace("{{{" + name + "}}}", value)
    image = yaml.safe_load(written)["image"]
    assert image == {"repository": "docker.io/prom/prometheus", "tag": "v4.0.0", "digest": DIGEST}
    match = pattern(manager["matchStrings"][0]).fullmatch(written)
    assert match and match["currentDigest"] == DIGEST


def test_every_kind_of_file_with_pins_has_its_manager() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()  # fmt: skip
    kinds = {
        "dockerfile": r"(^|/)Dockerfile$",
        "github-actions": r"^\.github/workflows/.*\.yml$",
        "gomod": r"(^|/)go\.mod$",
        "pip_requirements": SETTINGS["pip_requirements"]["managerFilePatterns"][0].strip("/"),
    }
    assert set(SETTINGS["enabledManagers"]) == {*kinds, "custom.regex"}
    for manager, files_of in kinds.items():
        assert [name for name in files if re.search(files_of, name)], manager
    locks = {name for name in files if name.endswith(".lock")}
    assert locks == {name for name in files if re.search(kinds["pip_requirements"], name)}
    grouped = {manager for rule in SETTINGS["packageRules"] if "groupName" in rule for manager in rule["matchManagers"]}
    assert grouped == set(SETTINGS["enabledManagers"])


def test_it_comes_by_schedule_and_takes_nothing_new_at_once() -> None:
    assert SETTINGS["minimumReleaseAge"] == "7 days"
    schedules = [SETTINGS["schedule"], *(rule["schedule"] for rule in SETTINGS["packageRules"] if "schedule" in rule)]
    for (schedule,) in schedules:
        assert len(schedule.split()) == 5


def test_what_would_break_is_held_back_and_is_so_here_too() -> None:
    held = {
        name: int(rule["allowedVersions"].removeprefix("<"))
        for rule in SETTINGS["packageRules"]
        if "allowedVersions" in rule
        for name in rule.get("matchPackageNames", ())
    }
    assert held == {"docker.io/library/postgres": 18, "docker.io/grafana/grafana": 13}
    for repository, tag, _ in upstream(yaml.safe_load(VALUES)):
        assert int(tag.lstrip("v").split(".")[0]) < held.get(repository, 1000)
    page = (ROOT / "docs" / "publishing.md").read_text()
    for text in ("PostgreSQL below 18", "Grafana below 13", "Python below 3.12"):
        assert f"| {text} |" in page
