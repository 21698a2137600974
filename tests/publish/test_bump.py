"""The published tags reach the branch's values, whatever else is pushed meanwhile: against a real git remote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publish import bump as bumping
from publish.bump import Bump, Refused, asked, bump
from publish.git import GitFailed, Repository
from publish.history import recipes
from publish.values import FILE, read
from tests.publish.conftest import VALUES, Clone, Project

HERE = "docker.io/relevo"


def published(clone: Clone, *names: str, version: str = "", registry: str = HERE) -> Bump:
    """What a run at the clone's HEAD has published."""
    now = recipes(clone.repository, "HEAD")
    return Bump({name: now[name] for name in names}, registry, version or f"sha-{clone.git('rev-parse', 'HEAD')[:12]}")


def write(clone: Clone, wish: Bump) -> str | None:
    return bump(clone.repository, wish, wait=lambda _: None)


def test_the_tags_are_pushed_as_one_commit_that_changes_one_line_each(project: Project) -> None:
    clone = project.clone("workflow")
    built = clone.git("rev-parse", "HEAD")
    version = f"sha-{built[:12]}"
    made = write(clone, published(clone, "jobs", "ui"))
    assert clone.main() == VALUES.replace('""\n    ui: ""', f'"{version}"\n    ui: "{version}"').strip()
    assert made == clone.git("rev-parse", "origin/main")
    assert clone.git("rev-parse", "origin/main^") == built
    assert clone.git("diff", "--name-only", "origin/main^", "origin/main") == FILE
    said = clone.git("log", "-1", "--format=%an: %B", "origin/main")
    assert said == f"github-actions[bot]: The chart's values name jobs, ui as published: {version}"
    assert "skip" not in said, "a release tagged at this commit would not be built"


def test_nothing_that_is_checked_out_is_touched(project: Project) -> None:
    clone = project.clone("workflow")
    (clone.folder / "ui" / "code").write_text("being edited")
    before = clone.git("rev-parse", "HEAD")
    write(clone, published(clone, "ui"))
    assert (clone.git("rev-parse", "HEAD"), clone.git("status", "--short")) == (before, "M ui/code")


def test_said_twice_it_is_written_once(project: Project) -> None:
    clone = project.clone("workflow")
    wish = published(clone, "jobs")
    assert write(clone, wish)
    assert write(clone, wish) is None
    assert clone.git("rev-list", "--count", "origin/main") == "2"


def test_a_push_that_comes_between_is_kept_and_the_tags_come_on_top(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone, person = project.clone("workflow"), project.clone("person")
    theirs: list[str] = []
    push = Repository.push

    def later(_: Repository, commit: str, branch: str) -> None:
        if len(theirs) < 2:  # two people, one after the other
            theirs.append(person.commit(jobs=f"theirs {len(theirs)}"))
        push(clone.repository, commit, branch)

    monkeypatch.setattr(Repository, "push", later)
    made = write(clone, published(clone, "jobs", "ui"))
    clone.main()
    assert clone.git("rev-list", "-2", "origin/main").split() == [made, theirs[1]]
    tags = read(clone.main()).tags
    assert tags["ui"].startswith("sha-"), "made of the same as before, so it is named"
    assert tags["jobs"] == "", "what was built is no longer what the branch has: the next run builds that"


def test_a_slow_run_writes_over_no_newer_one(project: Project) -> None:
    slow = project.clone("slow")
    wish = published(slow, "ui")
    project.clone("person").commit(ui="2")
    fast = project.clone("fast")
    write(fast, published(fast, "ui"))
    newer = read(fast.main()).tags["ui"]
    assert write(slow, wish) is None
    assert read(slow.main()).tags["ui"] == newer


def test_a_release_names_what_main_still_has_and_leaves_what_it_has_moved_on_from(project: Project) -> None:
    person, workflow = project.clone("person"), project.clone("workflow")
    person.git("tag", "v1.4.0")
    person.git("push", "--quiet", "origin", "v1.4.0")
    person.commit(ui="2")
    at_main = workflow.at("origin/main")
    write(at_main, published(at_main, "jobs", "ui"))
    newer = read(workflow.main()).tags["ui"]
    at_tag = workflow.at("v1.4.0")
    write(at_tag, published(at_tag, "jobs", "ui", version="1.4.0"))
    assert read(workflow.main()).tags == {"jobs": "1.4.0", "ui": newer}
    # A run of main's that ends after it puts nothing less telling in the release's place.
    again = workflow.at("v1.4.0")
    assert write(again, published(again, "jobs")) is None


def test_a_fork_names_its_own_registry_once_it_has_every_image(project: Project) -> None:
    clone = project.clone("workflow")
    with pytest.raises(Refused, match=r"ui was not built now: run the workflow by hand, which builds all"):
        write(clone, published(clone, "jobs", registry="ghcr.io/acme"))
    write(clone, published(clone, "jobs", "ui", registry="ghcr.io/acme"))
    values = read(clone.main())
    assert values.registry == "ghcr.io/acme"
    assert all(tag.startswith("sha-") for tag in values.tags.values())


def test_a_branch_that_may_not_be_pushed_to_fails_at_once_with_its_words(project: Project) -> None:
    hook = project.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    clone = project.clone("workflow")
    with pytest.raises(GitFailed, match="main is protected"):
        write(clone, published(clone, "ui"))


def test_what_the_workflow_must_say_is_asked_for(project: Project) -> None:
    now = recipes(project.clone("workflow").repository, "HEAD")
    with pytest.raises(Refused, match="expected COMPONENTS, VERSION in the environment, got none"):
        asked({"IMAGE_REGISTRY": HERE}, now)
    settings = {"COMPONENTS": json.dumps(["jobs", "job"]), "VERSION": "1.4.0", "IMAGE_REGISTRY": HERE}
    with pytest.raises(Refused, match="expected names of images in COMPONENTS, got job; there are jobs, ui"):
        asked(settings, now)
    wish = asked(settings | {"COMPONENTS": '["ui"]'}, now)
    assert wish == Bump({"ui": now["ui"]}, HERE, "1.4.0", "main")


def test_the_command_says_what_it_did(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = project.clone("workflow")
    monkeypatch.chdir(clone.folder)
    settings = {"COMPONENTS": '["ui"]', "VERSION": "1.4.0", "IMAGE_REGISTRY": HERE}
    assert bumping.main(settings) == 0
    assert f"{FILE} | 2 +-" in capsys.readouterr().out
    assert bumping.main(settings) == 0
    assert capsys.readouterr().out == "nothing to write\n"
    Path(clone.folder / ".git" / "config").unlink()
    assert bumping.main({}) == 1
    assert "publish-bump: expected COMPONENTS, VERSION, IMAGE_REGISTRY" in capsys.readouterr().err
