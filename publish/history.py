"""What commits make the images of, asked of git."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from images.requirements import Incomplete, installed
from publish.components import Recipe, Unreadable, recipe, table
from publish.git import GitFailed, Repository
from publish.tags import built_from
from publish.values import Published


def recipes(repository: Repository, commit: str) -> dict[str, Recipe]:
    """What the commit makes each image of. Raises Unreadable, Incomplete and GitFailed."""
    read = partial(repository.text, commit)
    objects = partial(repository.objects, commit)
    return {name: recipe(one, read, objects, installed) for name, one in table(read("Makefile")).items()}


def known(repository: Repository, names: Iterable[str], commit: str | None) -> dict[str, Recipe | None]:
    """The same of an older commit, whose files may be of another form or gone: none then, which is never equal."""
    try:
        found: Mapping[str, Recipe] = recipes(repository, commit) if commit else {}
    except (Unreadable, Incomplete, GitFailed):
        found = {}
    return {name: found.get(name) for name in names}


def standing(repository: Repository, values: Published) -> dict[str, Recipe | None]:
    """What each image that the values name was made of."""
    revisions = {name: built_from(tag) for name, tag in values.tags.items()}
    commits = {revision: repository.commit(revision) for revision in revisions.values() if revision}
    of = {commit: known(repository, values.tags, commit) for commit in set(commits.values()) if commit}
    return {name: of.get(commits.get(revision or "") or "", {}).get(name) for name, revision in revisions.items()}
