"""What a publication writes into the chart's values, in a real git with a remote of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VALUES = "charts/relevo/values.yaml"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "IMAGE_REGISTRY": "ghcr.io/acme/relevo",
}


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A person", "-c", "user.email=person@example.com")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def pushed(person: Path, text: str) -> str:
    """A commit of somebody's on main."""
    git(person, "pull", "--quiet", "--rebase", "origin", "main")
    (person / "code").write_text(text)
    git(person, "add", "code")
    git(person, "commit", "--quiet", "--message", text)
    git(person, "push", "--quiet", "origin", "HEAD:main")
    return git(person, "rev-parse", "HEAD")


def bump(workflow: Path, commit: str, tag: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    told = {"VERSION": tag or f"sha-{commit[:12]}", "GITHUB_SHA": commit, **settings}
    return subprocess.run(
        [ROOT / ".github" / "bump"], cwd=workflow, env=ENVIRONMENT | told, capture_output=True, text=True, check=False
    )


def image(person: Path) -> list[str]:
    """The lines of the values' image on main that are written."""
    git(person, "fetch", "--quiet", "origin")
    lines = git(person, "show", f"origin/main:{VALUES}").splitlines()
    at = lines.index("image:")
    return [line.split("  #")[0].strip() for line in lines[at + 1 : at + 3]]


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, Path]:
    """A person's clone and the workflow's, of a remote whose main has the chart's values."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    for name in ("person", "workflow"):
        git(tmp_path, "clone", "--quiet", "remote.git", name)
    person = tmp_path / "person"
    (person / VALUES).parent.mkdir(parents=True)
    (person / VALUES).write_bytes((ROOT / VALUES).read_bytes())
    git(person, "add", "--all")
    git(person, "commit", "--quiet", "--message", "Begin")
    git(person, "push", "--quiet", "origin", "HEAD:main")
    return person, tmp_path / "workflow"


def test_registry_and_tag_are_written_and_nothing_else(project: tuple[Path, Path]) -> None:
    person, workflow = project
    commit = pushed(person, "1")
    assert bump(workflow, commit).returncode == 0
    assert image(person) == ["registry: ghcr.io/acme/relevo", f'tag: "sha-{commit[:12]}"']
    changed = git(person, "diff", "--numstat", commit, "origin/main").split()
    assert changed == ["2", "2", VALUES]
    assert "already" in bump(workflow, commit).stdout
    assert git(person, "log", "-1", "--format=%an %P", "origin/main") == f"github-actions[bot] {commit}"


def test_what_somebody_pushed_meanwhile_stays(project: tuple[Path, Path]) -> None:
    person, workflow = project
    built = pushed(person, "1")
    hook = workflow / ".git" / "hooks" / "pre-push"  # somebody is faster than the first push, and only than that
    commit = "git -c user.name=A -c user.email=a@b commit -qam 2"
    hook.write_text(f'#!/bin/sh\nrm "$0"\ncd {person} && echo 2 >code && {commit} && git push -q origin HEAD:main\n')
    hook.chmod(0o755)
    done = bump(workflow, built)
    assert done.returncode == 0, done.stderr
    assert image(person)[1] == f'tag: "sha-{built[:12]}"'
    assert git(person, "show", "origin/main:code") == "2"


def test_a_late_run_takes_no_newer_tag_away(project: tuple[Path, Path]) -> None:
    person, workflow = project
    older, newer = pushed(person, "1"), pushed(person, "2")
    bump(workflow, newer)
    assert "newer" in bump(workflow, older).stdout
    assert image(person)[1] == f'tag: "sha-{newer[:12]}"'
    assert bump(workflow, newer, f"sha-{newer[:12]}-r17").returncode == 0, "the same commit on a newer base"
    assert image(person)[1] == f'tag: "sha-{newer[:12]}-r17"'


def test_a_main_that_may_not_be_pushed_to_is_told(project: tuple[Path, Path]) -> None:
    person, workflow = project
    commit = pushed(person, "1")
    (workflow / ".git" / "hooks" / "pre-push").write_text("#!/bin/sh\nexit 1\n")
    (workflow / ".git" / "hooks" / "pre-push").chmod(0o755)
    quick = workflow / "bin"
    quick.mkdir()
    (quick / "sleep").symlink_to("/bin/true")
    done = bump(workflow, commit, PATH=f"{quick}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "BUMP_DEPLOY_KEY" in done.stderr


@pytest.mark.parametrize("variable", ["IMAGE_REGISTRY", "VERSION", "GITHUB_SHA"])
def test_what_is_missing_is_named(project: tuple[Path, Path], variable: str) -> None:
    done = bump(project[1], "0" * 40, **{variable: ""})
    assert done.returncode != 0
    assert f"{variable}: expected" in done.stderr
