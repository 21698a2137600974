"""Which images are built, and which of them the chart's values name afterwards: functions of what git says."""

from __future__ import annotations

from collections.abc import Mapping

from publish.components import Recipe
from publish.tags import is_plain
from publish.values import Published


def stale(now: Mapping[str, Recipe], published: Mapping[str, Recipe | None]) -> list[str]:
    """The images that are no longer what was published: made of something else, or never published, or not known."""
    return [name for name, recipe in now.items() if published.get(name) != recipe]


def bumped(
    built: Mapping[str, Recipe],
    registry: str,
    version: str,
    *,
    values: Published,
    tip: Mapping[str, Recipe | None],
    standing: Mapping[str, Recipe | None],
) -> Published:
    """What the branch's values are to say, now that the images in `built` were published as `version`.

    `tip` is what the branch's newest commit makes each image of, `standing` what the tags in its values were made of.
    """
    if values.registry != registry:  # none of the tags that stand there is known to be in this one
        return Published(registry, {**values.tags, **dict.fromkeys(built, version)})
    wanted = dict(values.tags)
    for name, recipe in built.items():
        if tip.get(name) != recipe:
            continue  # the branch has moved on: a later run builds that, and may have written it already
        if is_plain(version) and standing.get(name) == recipe:
            continue  # a release of just this was published meanwhile, and says more
        wanted[name] = version
    return Published(registry, wanted)
