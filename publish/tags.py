"""Which tags an event gives the images that it builds, and which commit a tag was built from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SEMVER: Final = re.compile(
    r"(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)(?P<pre>-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
"""A release's number; what semver calls build metadata is left out, since no image's tag may hold a plus sign."""
RELEASE: Final = "refs/tags/v"
DIGITS: Final = 12
"""Of a commit's name, in a tag."""


class BadTag(Exception):
    """A git tag that is no release's."""


@dataclass(frozen=True)
class Event:
    """Why the workflow runs, in GitHub's words."""

    name: str
    """`pull_request`, `push` or `workflow_dispatch`."""
    ref: str
    commit: str
    run: int


@dataclass(frozen=True)
class Publication:
    """What the images of one run are called."""

    version: str
    """The tag that names just this build: it is written into the chart's values and into the image's label."""
    tags: tuple[str, ...]
    """All of them, `version` first."""


def number(version: str) -> tuple[int, int, int] | None:
    """A full release's number; none for a pre-release and for what is no version."""
    match = SEMVER.fullmatch(version)
    return None if match is None or match["pre"] else (int(match["major"]), int(match["minor"]), int(match["patch"]))


def publication(event: Event, released: Iterable[str]) -> Publication:
    """The tags that the event gives; `released` holds every git tag. Raises BadTag.

    `1.4`, `1` and `latest` go to a release if no higher one has them, so that a correction of an old release takes none
    from a newer one. Before 1.0 there is no `0`: a minor version may change anything.
    """
    commit = f"sha-{event.commit[:DIGITS]}"
    if event.name == "workflow_dispatch":  # the same commit on a newer base: another image, so another name
        again = f"{commit}-r{event.run}"
        return Publication(again, (again,))
    if not event.ref.startswith("refs/tags/"):
        return Publication(commit, (commit,))
    version = event.ref.removeprefix(RELEASE)
    if not SEMVER.fullmatch(version):
        raise BadTag(f"expected a tag such as v1.4.0 or v1.4.0-rc.1, got {event.ref}: delete it and tag again")
    this = number(version)
    if this is None:
        return Publication(version, (version, commit))
    others = [found for tag in released if (found := number(tag.removeprefix("v"))) is not None]
    series = [(f"{this[0]}.{this[1]}", 2), (f"{this[0]}", 1), ("latest", 0)]
    higher = [
        name for name, same in series if this >= max((o for o in others if o[:same] == this[:same]), default=this)
    ]
    return Publication(version, (version, *(name for name in higher if name != "0"), commit))


def built_from(tag: str) -> str | None:
    """The git revision that an image's tag names; none if it names none."""
    if match := re.fullmatch(rf"sha-([0-9a-f]{{{DIGITS}}})(-r\d+)?", tag):
        return match[1]
    return f"{RELEASE}{tag}" if SEMVER.fullmatch(tag) else None


def is_plain(version: str) -> bool:
    """Whether it says no more than the commit: neither a release, nor a commit that was built once more."""
    return re.fullmatch(rf"sha-[0-9a-f]{{{DIGITS}}}", version) is not None
