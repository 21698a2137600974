"""`make publish-plan`: which images this run builds, and what they are called.

Reads GITHUB_EVENT_NAME, GITHUB_REF, GITHUB_RUN_NUMBER as GitHub sets them, BASE_SHA (the commit that a pull request
goes onto), IMAGE_REGISTRY, BRANCH and GITHUB_OUTPUT, into which it writes; without any it says what a push to main
would build now. On main the tags in the chart's values say which commit each image was built from: what has changed
since then is built, however many runs failed or were left out between.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from images.requirements import Incomplete
from publish.changelog import NoSection, section
from publish.components import Recipe, Unreadable
from publish.decisions import stale
from publish.git import GitFailed, Repository
from publish.history import known, recipes, standing
from publish.tags import BadTag, Event, Publication, publication
from publish.values import FILE, Published, read
from publish.values import Unreadable as UnreadableValues

RUNNERS: Final = {"amd64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"}
"""Each platform is built and tried on a machine of its own kind: emulated, an import of the steps takes minutes."""


class Missing(Exception):
    """A commit that the run needs is not in this clone."""


def published(repository: Repository, head: str, branch: str) -> Published | None:
    """What the branch's values say, at origin if that is known: a run before this one may have written them.

    None if they are of another form, which says of no image that it was published.
    """
    try:
        return read(repository.text(repository.commit(f"refs/remotes/origin/{branch}") or head, FILE))
    except UnreadableValues:
        return None


def wanted(repository: Repository, event: Event, settings: Mapping[str, str], now: Mapping[str, Recipe]) -> list[str]:
    """The images to build. Raises Missing."""
    if event.name == "pull_request":
        base = settings["BASE_SHA"]
        if repository.commit(base) is None:
            raise Missing(f"expected the commit BASE_SHA={base}, found none: fetch the whole history")
        return stale(now, known(repository, now, repository.commit(base)))
    if event.name == "workflow_dispatch" or event.ref.startswith("refs/tags/"):
        return list(now)
    values = published(repository, event.commit, settings.get("BRANCH", "main"))
    if values is None or values.registry != (settings.get("IMAGE_REGISTRY") or values.registry):
        return list(now)
    return stale(now, standing(repository, values))


def outputs(names: list[str], named: Publication, registry: str) -> dict[str, str]:
    """What the workflow reads, as text."""
    builds = [{"component": name, "arch": arch, "runner": runner} for name in names for arch, runner in RUNNERS.items()]
    return {
        "components": json.dumps(names),
        "builds": json.dumps({"include": builds}),
        "version": named.version,
        "tags": " ".join(named.tags),
        "registry-host": registry.partition("/")[0],
    }


def main(settings: Mapping[str, str]) -> int:
    """Print the plan, and write it for the workflow; returns the exit code."""
    repository = Repository(Path.cwd())
    try:
        head = repository.run("rev-parse", "HEAD").strip()
        event = Event(
            settings.get("GITHUB_EVENT_NAME", "push"),
            settings.get("GITHUB_REF", "refs/heads/main"),
            head,
            int(settings.get("GITHUB_RUN_NUMBER", "0")),
        )
        named = publication(event, repository.tags())
        if event.ref.startswith("refs/tags/"):  # before an hour of builds, not after
            section(repository.text(head, "CHANGELOG.md"), named.version)
        now = recipes(repository, head)
        found = outputs(wanted(repository, event, settings, now), named, settings.get("IMAGE_REGISTRY", ""))
    except (BadTag, NoSection, Missing, Unreadable, Incomplete, GitFailed) as error:
        sys.stderr.write(f"publish-plan: {error}\n")
        return 1
    lines = "".join(f"{name}={value}\n" for name, value in found.items())
    sys.stdout.write(lines)
    if file := settings.get("GITHUB_OUTPUT"):
        with Path(file).open("a") as output:
            output.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
