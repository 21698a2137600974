"""A project of two images in git, with a remote of its own: what the workflow works on."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from publish.git import Repository
from publish.values import FILE

MAKEFILE = "IMAGES := jobs ui\nDOCKERFILE_jobs := jobs/Dockerfile\nDOCKERFILE_ui := ui/Dockerfile\n"
VALUES = """\
# Every value of the chart.
image:
  registry: docker.io/relevo  # where they are
  tag: ""
  tags:  # written by a machine
    jobs: ""
    ui: ""
ui: {replicas: 1}  # untouched
"""
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n## [1.4.0] - 2027-01-01\n\n- Sooner.\n\n## [1.3.0] - 2026-12-01\n\n- First.\n"
)


@dataclass(frozen=True)
class Clone:
    """A clone in which a person or a workflow works."""

    folder: Path

    @property
    def repository(self) -> Repository:
        return Repository(self.folder)

    def git(self, *arguments: str) -> str:
        return self.repository.run(*arguments).strip()

    def commit(self, **files: str) -> str:
        """Write files by the first part of their path (`ui="2"` is ui/code), commit and push."""
        self.git("pull", "--quiet", "--rebase", "origin", "main")
        for name, text in files.items():
            (self.folder / name / "code").write_text(text)
        self.git("commit", "--quiet", "--all", "--message", f"Change {', '.join(files)}")
        self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def at(self, revision: str) -> Clone:
        """The same, checked out there as the workflow is: no branch, and all of origin's known."""
        self.git("fetch", "--quiet", "--tags", "origin")
        self.git("checkout", "--quiet", "--detach", revision)
        return self

    def main(self) -> str:
        """The values at the remote."""
        self.git("fetch", "--quiet", "origin")
        return self.git("show", f"origin/main:{FILE}")


@dataclass(frozen=True)
class Project:
    """The remote, and as many clones of it as are asked for."""

    folder: Path

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    def clone(self, name: str) -> Clone:
        subprocess.run(["git", "clone", "--quiet", self.remote, self.folder / name], check=True)
        return Clone(self.folder / name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project with its first commit; git of this machine's settings plays no part."""
    for name in [one for one in os.environ if one.startswith("GIT")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.com")
    made = Project(tmp_path)
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", made.remote], check=True)
    first = made.clone("first")
    files = {"Makefile": MAKEFILE, FILE: VALUES, "CHANGELOG.md": CHANGELOG}
    for name in ("jobs", "ui"):
        files |= {f"{name}/Dockerfile": f"FROM base\nCOPY {name}/code /code\n", f"{name}/code": "1"}
    for path, text in files.items():
        (first.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (first.folder / path).write_text(text)
    first.git("checkout", "--quiet", "-B", "main")
    first.git("add", "--all")
    first.git("commit", "--quiet", "--message", "Begin")
    first.git("push", "--quiet", "origin", "main")
    return made
