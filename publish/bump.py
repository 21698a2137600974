"""`make publish-bump`: write the images that a run has published into the chart's values, on the branch.

Reads COMPONENTS (a JSON list), VERSION (their tag), IMAGE_REGISTRY and BRANCH; HEAD is the commit that they were built
from. Said twice, or with nothing new to say, it writes nothing. If somebody else pushes meanwhile, it decides anew on
top of that: the change is one line an image, made again each time, so there is nothing to merge.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from images.requirements import Incomplete
from publish.components import Recipe, Unreadable
from publish.decisions import bumped
from publish.git import GitFailed, Repository
from publish.history import known, recipes, standing
from publish.values import FILE, Published, read, written
from publish.values import Unreadable as UnreadableValues

TRIES: Final = 5


class Refused(Exception):
    """What was asked cannot be written."""


@dataclass(frozen=True)
class Bump:
    """What was published, and the branch whose values are to say so."""

    built: Mapping[str, Recipe]
    registry: str
    version: str
    branch: str = "main"


def message(before: Published, after: Published, version: str) -> str:
    """The commit's. It never says "skip ci": a release tagged at this commit would not be built either."""
    names = sorted(name for name, tag in after.tags.items() if before.tags[name] != tag)
    return f"The chart's values name {', '.join(names) or 'the registry'} as published: {version}\n"


def asked(settings: Mapping[str, str], now: Mapping[str, Recipe]) -> Bump:
    """What the environment asks for; `now` is what HEAD makes the images of. Raises Refused."""
    if missing := [name for name in ("COMPONENTS", "VERSION", "IMAGE_REGISTRY") if not settings.get(name)]:
        raise Refused(f"expected {', '.join(missing)} in the environment, got none: see docs/publishing.md")
    names = json.loads(settings["COMPONENTS"])
    if strange := sorted(set(names) - now.keys()):
        raise Refused(f"expected names of images in COMPONENTS, got {', '.join(strange)}; there are {', '.join(now)}")
    built = {name: now[name] for name in names}
    return Bump(built, settings["IMAGE_REGISTRY"], settings["VERSION"], settings.get("BRANCH") or "main")


def decided(repository: Repository, tip: str, before: Published, wish: Bump) -> Published:
    """What the values at the branch's newest commit are to say. Raises Refused and GitFailed."""
    absent = sorted(before.tags.keys() - wish.built.keys())
    if before.registry != wish.registry and absent:
        raise Refused(
            f"{FILE} names the registry {before.registry}; {wish.registry} takes its place once it has every image, "
            f"and {', '.join(absent)} was not built now: run the workflow by hand, which builds all"
        )
    return bumped(
        wish.built,
        wish.registry,
        wish.version,
        values=before,
        tip=known(repository, wish.built, tip),
        standing=standing(repository, before),
    )


def bump(repository: Repository, wish: Bump, wait: Callable[[float], None] = time.sleep) -> str | None:
    """Write it; returns the commit, or none if there is nothing to say. Raises Refused, UnreadableValues, GitFailed."""
    tip = repository.fetch(wish.branch)
    for attempt in range(1, TRIES + 1):
        text = repository.text(tip, FILE)
        before = read(text)
        after = decided(repository, tip, before, wish)
        if after == before:
            return None
        made = repository.commit_file(tip, FILE, written(text, after), message(before, after, wish.version))
        try:
            repository.push(made, wish.branch)
        except GitFailed:
            newer = repository.fetch(wish.branch)
            if newer == tip or attempt == TRIES:  # nobody else pushed: it is refused for another reason
                raise
            tip = newer
            wait(attempt)
        else:
            return made
    raise AssertionError("the last try returns or raises")


def main(settings: Mapping[str, str]) -> int:
    """Write what was published; returns the exit code."""
    repository = Repository(Path.cwd())
    try:
        made = bump(repository, asked(settings, recipes(repository, "HEAD")))
    except (Refused, Unreadable, UnreadableValues, Incomplete, GitFailed) as error:
        sys.stderr.write(f"publish-bump: {error}\n")
        return 1
    said = f"pushed {repository.run('show', '--stat', '--format=%h %s', made)}" if made else "nothing to write\n"
    sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
