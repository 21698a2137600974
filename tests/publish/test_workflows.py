"""GitHub's workflows build what the Makefile builds; what they use is pinned, and what they may do is little."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, Any] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
DOCUMENT = (ROOT / "docs" / "publishing.md").read_text()
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


def test_every_make_target_is_one_and_runs_here_too() -> None:
    here = (ROOT / ".ci" / "run").read_text()
    targets = {
        match[1] for command in commands() for match in re.finditer(r'make "?([a-z-]+?)-?(?=["$ \n]|$)', command)
    }
    assert targets == {"test", "charts", "image-packages", "image-smoke"}
    for target in targets:
        whole = f"{target}-ui" if target.startswith("image") else target
        tried = ["make", "--dry-run", whole, "BUILDER=docker"]
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(tried, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"make has no {whole}: {done.stderr}"
        assert re.search(rf"\bmake [^\n]*\b{target.replace('image-packages', 'images')}\b", here), target


def test_the_workflows_build_and_sign_every_image_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = dict(re.findall(r"^(IMAGES|DOCKERFILE_\w+) := (.*)$", makefile, re.MULTILINE))
    matrix = WORKFLOWS["image"]["jobs"]["build"]["strategy"]["matrix"]
    assert matrix["image"] == named["IMAGES"].split()
    assert matrix["image"] == WORKFLOWS["publish"]["jobs"]["sign"]["strategy"]["matrix"]["image"]
    files = {one["image"]: one["dockerfile"] for one in matrix["include"] if "image" in one}
    assert files == {image: named[f"DOCKERFILE_{image}"] for image in matrix["image"]}


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
        allowed = {"sign": {"id-token"}, "bump": {"contents"}, "release": {"contents"}}.get(name, set())
        assert wide <= allowed, (workflow, name)


def test_no_login_to_the_repository_is_kept_where_none_is_needed() -> None:
    for workflow, name, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is ((workflow, name) in PUSHES), (workflow, name)


def test_a_pull_request_meets_no_secret_and_may_only_read() -> None:
    assert "secrets" not in TEXTS["pull-request"] + TEXTS["check"]
    for workflow in ("pull-request", "check", "image"):
        assert all(job["permissions"] == {"contents": "read"} for job in WORKFLOWS[workflow]["jobs"].values())
    triggers = [trigger for body in WORKFLOWS.values() for trigger in body[True]]  # YAML's `on` is true
    assert "pull_request_target" not in triggers
    assert "workflow_run" not in triggers


def test_runs_of_one_kind_wait_for_each_other_and_a_publication_is_never_cancelled() -> None:
    assert WORKFLOWS["pull-request"]["concurrency"]["cancel-in-progress"] is True
    assert WORKFLOWS["publish"]["concurrency"]["cancel-in-progress"] is False


def test_nothing_is_published_that_was_not_checked_smoked_scanned_and_signed() -> None:
    publish = WORKFLOWS["publish"]["jobs"]
    assert "check" in publish["image"]["needs"]
    done = [
        step.get("uses", step.get("run", "")).split("@")[0] for step in WORKFLOWS["image"]["jobs"]["build"]["steps"]
    ]
    order = [
        next(i for i, text in enumerate(done) if mark in text) for mark in ("smoke", "scan-action", "login-action")
    ]
    assert [*order, len(done) - 3] == sorted([*order, len(done) - 3])
    assert "build-push-action" in done[-3], "what pushes comes last"
    assert all("image" in publish["sign"]["needs"] and "sign" in publish[job]["needs"] for job in ("bump", "release"))
    signing = publish["sign"]["steps"][-1]["run"]
    marks = ('--tag "$IMAGE:$VERSION"', "cosign sign", "cosign verify", "for tag in $TAGS")
    assert [signing.index(mark) for mark in marks] == sorted(signing.index(mark) for mark in marks)


def test_every_secret_and_variable_is_documented() -> None:
    used = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", "".join(TEXTS.values())))
    assert used == set(re.findall(r"^\| (?:secret|variable) `(\w+)`", DOCUMENT, re.MULTILINE))
    for name in TEXTS:
        assert f"`{name}.yml`" in DOCUMENT, f"expected docs/publishing.md to tell of {name}.yml"
