"""GitHub's workflows run make targets that run here, too; what they use is pinned, and what they may do is little."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from publish.components import table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, Any] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
DOCUMENT = (ROOT / "docs" / "publishing.md").read_text()
IMAGES = tuple(table((ROOT / "Makefile").read_text()))
PUSHES = {("publish", "bump")}
"""The one job that pushes to the repository, and so keeps a login to it."""


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for workflow, body in WORKFLOWS.items():
        for name, job in body["jobs"].items():
            yield workflow, name, job


def steps() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for workflow, name, job in jobs():
        for step in job.get("steps", ()):
            yield workflow, name, step


def commands() -> list[str]:
    return sorted({step["run"] for _, _, step in steps() if "run" in step})


@pytest.mark.parametrize("command", commands())
def test_every_command_is_one_line_that_make_knows(command: str) -> None:
    match = re.fullmatch(r'make ("?)([a-z-]+)(\$COMPONENT)?\1((?: [A-Z_]+=(?:"[^"\n]*"|[\w-]+))*)', command)
    assert match, (
        f"expected one line that calls a make target, got {command!r}: write a script, and a target that calls it"
    )
    for image in IMAGES if match[3] else ("",):
        target = match[2] + image
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        tried = ["make", "--dry-run", target, "BUILDER=docker"]
        done = subprocess.run(tried, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: make has no {target}: {done.stderr}"


def test_what_runs_on_github_has_run_before() -> None:
    """In .ci/run, or played through by the tests beside this one."""
    here = (ROOT / ".ci" / "run").read_text()
    targets = {re.sub(r'make "?([a-z-]+?)-?(\$.*|"? .*)?$', r"\1", command) for command in commands()}
    whole = {"image": "images"}  # one of them there, all of them here
    elsewhere = {"image-push", "image-index", "publish-bump", "publish-release"}
    missing = {t for t in targets - elsewhere if not re.search(rf"\bmake [^\n]*\b{whole.get(t, t)}\b", here)}
    assert not missing, f"expected .ci/run to call {', '.join(sorted(missing))}"
    assert elsewhere <= targets


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    pins: dict[str, set[str]] = {}
    for name, text in TEXTS.items():
        for line in re.findall(r"uses:.*", text):
            if local := re.fullmatch(r"uses: \./(\S+)", line):
                assert (ROOT / local[1]).exists(), line
                continue
            match = re.fullmatch(r"uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40})  (# v\d+\.\d+\.\d+)", line)
            assert match, f"{name}: expected OWNER/NAME@COMMIT  # vX.Y.Z, got {line}"
            pins.setdefault(match[1], set()).add(f"{match[2]} {match[3]}")
    assert pins
    assert not {action: found for action, found in pins.items() if len(found) > 1}, "one version of each action"


def test_every_job_may_do_what_it_must_and_ends() -> None:
    assert all(body["permissions"] == {} for body in WORKFLOWS.values())
    for workflow, name, job in jobs():
        assert job["permissions"], (workflow, name)
        assert "uses" in job or job["timeout-minutes"] <= 60, (workflow, name)
        wide = {right for right, level in job["permissions"].items() if level == "write"}
        allowed = {"index": {"id-token"}, "bump": {"contents"}, "release": {"contents"}}.get(name, set())
        assert wide <= allowed, (workflow, name)


def test_no_login_to_the_repository_is_kept_where_none_is_needed() -> None:
    for workflow, name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is ((workflow, name) in PUSHES), (workflow, name)


def test_a_pull_request_meets_no_secret_and_may_only_read() -> None:
    for workflow in ("pull-request", "check"):
        assert "secrets" not in TEXTS[workflow]
        assert all(job["permissions"] == {"contents": "read"} for job in WORKFLOWS[workflow]["jobs"].values())
    triggers = [trigger for body in WORKFLOWS.values() for trigger in body[True]]  # YAML's `on` is true
    assert "pull_request_target" not in triggers
    assert "workflow_run" not in triggers


def test_runs_of_one_kind_wait_for_each_other_and_a_publication_is_never_cancelled() -> None:
    assert WORKFLOWS["pull-request"]["concurrency"]["cancel-in-progress"] is True
    assert WORKFLOWS["publish"]["concurrency"]["cancel-in-progress"] is False


def test_nothing_is_published_that_was_not_checked_smoked_and_scanned() -> None:
    publish = WORKFLOWS["publish"]["jobs"]
    assert "check" in publish["image"]["needs"]
    done = [step.get("uses", step.get("run", "")).split("@")[0] for step in publish["image"]["steps"]]
    order = [
        next(i for i, text in enumerate(done) if mark in text) for mark in ("smoke", "scan-action", "login", "push")
    ]
    assert order == sorted(order)
    assert "index" in publish["bump"]["needs"]
    assert "index" in publish["release"]["needs"]


def test_every_secret_and_variable_is_documented() -> None:
    used = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", "".join(TEXTS.values())))
    assert used == set(re.findall(r"^\| (?:secret|variable) `(\w+)`", DOCUMENT, re.MULTILINE))
    for name in TEXTS:
        assert f"`{name}.yml`" in DOCUMENT, f"expected docs/publishing.md to tell of {name}.yml"
