"""What is asked of git: the edge. Nothing is checked out; commits are read and made where they are kept."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BOT = "github-actions[bot]"
ADDRESS = "41898282+github-actions[bot]@users.noreply.github.com"


class GitFailed(Exception):
    """git ended with an error; the message holds its words."""


@dataclass(frozen=True)
class Repository:
    """A clone with a remote `origin`."""

    folder: Path

    def run(self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """What git prints. Raises GitFailed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, input=stdin, env={**os.environ, **(env or {})},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise GitFailed(f"git {' '.join(arguments)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
        return done.stdout

    def commit(self, revision: str) -> str | None:
        """The full name of the commit that it names; none if this clone has none."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
        except GitFailed:
            return None

    def text(self, commit: str, path: str) -> str:
        """A file's text at a commit. Raises GitFailed."""
        return self.run("show", f"{commit}:{path}")

    def objects(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The object of each path that the commit has: it changes with any file below."""
        # One at a time: beside a file of its own, ls-tree shows a folder no more.
        found = {path: self.run("ls-tree", commit, "--", path.rstrip("/")) for path in paths}
        return {path: line.split("\t")[0] for path, line in found.items() if line}

    def tags(self) -> list[str]:
        """Every tag."""
        return self.run("tag", "--list").split()

    def fetch(self, branch: str) -> str:
        """The branch's newest commit at the remote. Raises GitFailed."""
        self.run("fetch", "--quiet", "--no-tags", "origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}")
        found = self.commit(f"refs/remotes/origin/{branch}")
        if found is None:
            raise GitFailed(f"expected a branch {branch} at origin, found none")
        return found

    def commit_file(self, parent: str, path: str, text: str, message: str) -> str:
        """A commit on top of `parent` that changes this one file. No branch moves and no file is written."""
        blob = self.run("hash-object", "-w", "--stdin", stdin=text).strip()
        mode = self.run("ls-tree", parent, "--", path).split()[0]
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.run("read-tree", parent, env=index)
            self.run("update-index", "--cacheinfo", f"{mode},{blob},{path}", env=index)
            tree = self.run("write-tree", env=index).strip()
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
               for part, value in (("NAME", BOT), ("EMAIL", ADDRESS))}  # fmt: skip
        return self.run("commit-tree", tree, "-p", parent, stdin=message, env=who).strip()

    def push(self, commit: str, branch: str) -> None:
        """Make it the branch's newest commit at the remote, if its parent is that now. Raises GitFailed."""
        self.run("push", "--quiet", "origin", f"{commit}:refs/heads/{branch}")
