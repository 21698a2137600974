"""Which images a run builds, asked of a real git: what changed since each was published, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publish import plan
from publish.bump import Bump, bump
from publish.changelog import NoSection, section
from publish.history import recipes
from publish.values import FILE
from tests.publish.conftest import CHANGELOG, Clone, Project

HERE = {"IMAGE_REGISTRY": "docker.io/relevo"}


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Planned:
    return Planned(monkeypatch, tmp_path / "output")


class Planned:
    """What `make publish-plan` writes for the workflow, or what it complains of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, output: Path) -> None:
        self.monkeypatch, self.output = monkeypatch, output

    def __call__(self, clone: Clone, **settings: str) -> dict[str, str]:
        self.monkeypatch.chdir(clone.folder)
        self.output.write_text("")
        assert plan.main({**HERE, "GITHUB_OUTPUT": str(self.output), **settings}) == 0
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())

    def components(self, clone: Clone, **settings: str) -> list[str]:
        found: list[str] = json.loads(self(clone, **settings)["components"])
        return found


def publish(clone: Clone, *names: str, version: str = "") -> None:
    now = recipes(clone.repository, "HEAD")
    version = version or f"sha-{clone.git('rev-parse', 'HEAD')[:12]}"
    bump(clone.repository, Bump({name: now[name] for name in names}, HERE["IMAGE_REGISTRY"], version))


def test_at_first_everything_is_built_and_then_what_changed(project: Project, planned: Planned) -> None:
    person, workflow = project.clone("person"), project.clone("workflow")
    assert planned.components(workflow) == ["jobs", "ui"]
    publish(workflow, "jobs", "ui")
    assert planned.components(workflow.at("origin/main")) == [], "its own commit builds nothing: there is no loop"
    person.commit(ui="2")
    assert planned.components(workflow.at("origin/main")) == ["ui"]
    person.commit(ui="1")
    assert planned.components(workflow.at("origin/main")) == [], "as it was published"


def test_values_that_name_no_image_say_of_none_that_it_was_published(project: Project, planned: Planned) -> None:
    person = project.clone("person")
    (person.folder / FILE).write_text("image: {registry: docker.io}\n")
    person.git("commit", "--quiet", "--all", "--message", "As the chart was once")
    person.git("push", "--quiet", "origin", "main")
    assert planned.components(project.clone("workflow")) == ["jobs", "ui"]


def test_what_a_run_that_failed_or_was_left_out_did_not_build_is_built_by_the_next(
    project: Project, planned: Planned
) -> None:
    person, workflow = project.clone("person"), project.clone("workflow")
    publish(workflow, "jobs", "ui")
    person.commit(jobs="2")
    person.commit(ui="2")
    assert planned.components(workflow.at("origin/main")) == ["jobs", "ui"]
    # Pushed before the run ahead of it had written its tags: what that one built is not built again.
    before = workflow.git("rev-parse", "HEAD")
    publish(workflow, "jobs")
    assert planned.components(workflow.at(before)) == ["ui"]


def test_a_pull_request_builds_what_it_changes(project: Project, planned: Planned) -> None:
    person, workflow = project.clone("person"), project.clone("workflow")
    base = workflow.git("rev-parse", "HEAD")
    person.commit(ui="2")
    asked = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/1/merge", "BASE_SHA": base}
    assert planned.components(workflow.at("origin/main"), **asked) == ["ui"]


def test_a_release_and_a_run_by_hand_build_everything(project: Project, planned: Planned) -> None:
    workflow = project.clone("workflow")
    publish(workflow, "jobs", "ui")
    workflow.at("origin/main").git("tag", "v1.4.0")
    release = planned(workflow, GITHUB_REF="refs/tags/v1.4.0")
    assert json.loads(release["components"]) == ["jobs", "ui"]
    sha = f"sha-{workflow.git('rev-parse', 'HEAD')[:12]}"
    assert release["version"] == "1.4.0"
    assert release["tags"] == f"1.4.0 1.4 1 latest {sha}"
    by_hand = planned(workflow, GITHUB_EVENT_NAME="workflow_dispatch", GITHUB_RUN_NUMBER="7")
    assert json.loads(by_hand["components"]) == ["jobs", "ui"]
    assert by_hand["tags"] == f"{sha}-r7"


def test_a_released_image_is_known_to_be_of_the_releases_commit(project: Project, planned: Planned) -> None:
    person, workflow = project.clone("person"), project.clone("workflow")
    person.git("tag", "v1.4.0")
    person.git("push", "--quiet", "origin", "v1.4.0")
    publish(workflow.at("v1.4.0"), "jobs", "ui", version="1.4.0")
    assert planned.components(workflow.at("origin/main")) == []
    person.commit(jobs="2")
    assert planned.components(workflow.at("origin/main")) == ["jobs"]


def test_another_registry_gets_everything(project: Project, planned: Planned) -> None:
    workflow = project.clone("workflow")
    publish(workflow, "jobs", "ui")
    found = planned(workflow.at("origin/main"), IMAGE_REGISTRY="ghcr.io/acme/relevo")
    assert json.loads(found["components"]) == ["jobs", "ui"]
    assert found["registry-host"] == "ghcr.io"


def test_each_image_is_built_for_both_platforms_on_a_machine_of_each(project: Project, planned: Planned) -> None:
    builds = json.loads(planned(project.clone("workflow"))["builds"])["include"]
    assert [(one["component"], one["arch"], one["runner"]) for one in builds] == [
        ("jobs", "amd64", "ubuntu-24.04"),
        ("jobs", "arm64", "ubuntu-24.04-arm"),
        ("ui", "amd64", "ubuntu-24.04"),
        ("ui", "arm64", "ubuntu-24.04-arm"),
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"GITHUB_REF": "refs/tags/v9"}, "expected a tag such as v1.4.0"),
        ({"GITHUB_REF": "refs/tags/v9.0.0"}, "expected a section `## [9.0.0] - DATE` with text in CHANGELOG.md"),
        ({"GITHUB_EVENT_NAME": "pull_request", "BASE_SHA": "f" * 40}, "fetch the whole history"),
    ],
)
def test_what_cannot_be_planned_fails_before_anything_is_built(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    problem: str,
) -> None:
    monkeypatch.chdir(project.clone("workflow").folder)
    assert plan.main(HERE | settings) == 1
    assert problem in capsys.readouterr().err


def test_a_releases_section_of_the_changelog_is_its_notes() -> None:
    assert section(CHANGELOG, "1.4.0") == "- Sooner."
    assert section(CHANGELOG, "1.3.0") == "- First."
    with pytest.raises(NoSection, match=r"## \[1\.4\.1\] - DATE"):
        section(CHANGELOG, "1.4.1")
    with pytest.raises(NoSection):
        section(CHANGELOG, "Unreleased")
