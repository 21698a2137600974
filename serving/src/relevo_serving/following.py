"""Which version to serve, decided from what is observed. Pure.

wanted (alias or pin) | served | refused | plan
nothing yet           | any    | any     | Keep: what serves, serves on
version 3             | 3      | any     | Keep: in step
version 3             | other  | 3       | Keep: it was refused, and is not tried again until the alias moves
version 3             | other  | other   | Load(3)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """A version of the registered model, and the run that holds its files."""

    version: int
    run_id: str


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
