"""Which version to serve, and whether to ask again, decided from what is observed. Pure.

wanted (alias or pin) | served | refused | plan
nothing yet           | any    | any     | Keep: what serves, serves on
version 3             | 3      | any     | Keep: in step
version 3             | other  | 3       | Keep: it was refused, and is not tried again until the alias moves
version 3             | other  | other   | Load(3)

pinned | served | refused | after the look
no     | any    | any     | ASK_AGAIN: an alias can move at any time
yes    | it     | no      | REST: a version's files never change, so there is nothing more to learn
yes    | no     | it      | GIVE_UP: it can never be served, and whoever pinned it must hear of it
yes    | no     | no      | ASK_AGAIN: the registry or its store is away, which says nothing about the version
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


@dataclass(frozen=True)
class Wanted:
    """A version of the registered model, and the run that holds its files."""

    version: int
    run_id: str
    promoted_at: datetime | None = field(default=None, compare=False)
    """None: never, or by hand, or by a release that did not note it."""


@dataclass(frozen=True)
class Observed:
    """What is known at one look."""

    wanted: Wanted | None
    """What the registry says should be served; None: it names no version."""
    served: Wanted | None
    refused: Wanted | None
    """The version that last failed to load or failed its self-test."""


@dataclass(frozen=True)
class Load:
    """Download this version, load it, test it, and swap it in."""

    target: Wanted


@dataclass(frozen=True)
class Keep:
    """Change nothing."""

    why: str


def plan(observed: Observed) -> Load | Keep:
    """What to do next."""
    wanted, served, refused = observed.wanted, observed.served, observed.refused
    if wanted is None:
        return Keep("the registry names no version to serve")
    if wanted == served:
        return Keep(f"version {wanted.version} is what the registry wants")
    if wanted == refused:
        return Keep(f"version {wanted.version} was refused; the alias must move before another try")
    return Load(wanted)


class Next(Enum):
    """What follows a look at the registry."""

    ASK_AGAIN = "ask again at the next poll"
    REST = "ask no more and serve on"
    GIVE_UP = "end the process"


def after_look(*, pinned: bool, served: Wanted | None, refused: Wanted | None) -> Next:
    """Whether there is anything left to ask the registry."""
    if not pinned:
        return Next.ASK_AGAIN
    if served is not None:
        return Next.REST
    return Next.ASK_AGAIN if refused is None else Next.GIVE_UP
