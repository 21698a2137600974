"""`make publish-release`: make the GitHub release of the version that was published.

Reads VERSION. The notes are the changelog's section; GitHub adds the pull requests since the last release
(.github/release.yml). A release that is there is left as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from publish.changelog import NoSection, section
from publish.tags import number


def command(version: str, latest: bool) -> list[str]:
    """How `gh` makes it; the notes come by standard input."""
    kind = ["--prerelease"] if number(version) is None else []
    return [
        "gh", "release", "create", f"v{version}", "--verify-tag", "--title", version,
        "--notes-file", "-", "--generate-notes", f"--latest={'true' if latest else 'false'}", *kind,
    ]  # fmt: skip


def main(settings: Mapping[str, str]) -> int:
    """Make it unless it is there; returns the exit code."""
    version = settings.get("VERSION", "")
    try:
        notes = section(Path("CHANGELOG.md").read_text(), version)
    except NoSection as error:
        sys.stderr.write(f"publish-release: {error}\n")
        return 1
    there = subprocess.run(["gh", "release", "view", f"v{version}"], capture_output=True, check=False)
    if there.returncode == 0:
        sys.stdout.write(f"the release v{version} is there already\n")
        return 0
    latest = "latest" in settings.get("TAGS", "").split()
    return subprocess.run(command(version, latest), input=notes, text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(os.environ))
