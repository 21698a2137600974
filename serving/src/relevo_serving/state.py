"""What the process serves and knows of the registry, and what follows of it. Pure.

It is written by the follower alone, and read by every request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from relevo_serving.model import Model
from relevo_serving.schema import ModelRef, RefusedVersion, RegistryStatus


@dataclass(frozen=True)
class Wanted:
    """A version of the registered model, and the run that made it, empty if none did.

    Beside that, when it was promoted (None: never, or by hand, or not noted), the SHA-256 of its manifest (empty: the
    registry has none), and where its files lie.
    """

    version: int
    run_id: str
    promoted_at: datetime | None = field(default=None, compare=False)
    manifest: str = field(default="", compare=False)
    source: str = field(default="", compare=False)


@dataclass(frozen=True)
class Served:
    """A version that is loaded and passed its self-test, and since when this process answers with it, UTC."""

    target: Wanted
    model: Model
    since: datetime

    def ref(self, name: str) -> ModelRef:
        """How answers name the version."""
        target = self.target
        return ModelRef(
            name=name, version=target.version, run_id=target.run_id, promoted_at=target.promoted_at, since=self.since
        )


@dataclass
class State:
    """The references that are swapped, each whole: what serves, what was last refused, how the last look went."""

    served: Served | None = None
    refused: RefusedVersion | None = None
    registry: RegistryStatus = field(default_factory=RegistryStatus)

    def not_ready(self) -> str:
        """Why no prediction can be made, as long as there is no version."""
        if self.refused is not None:
            return f"version {self.refused.version} was refused: {self.refused.reason}"
        return self.registry.problem or "no model is loaded yet: starting"


class Next(Enum):
    """What follows a look at the registry."""

    ASK_AGAIN = "ask again at the next poll: an alias can move, or the registry was away"
    REST = "ask no more and serve on: a pinned version serves, and its files never change"
    GIVE_UP = "end the process: a pinned version can never be served, and whoever pinned it must hear of it"


def is_new(wanted: Wanted, served: Wanted | None, refused: Wanted | None) -> bool:
    """Whether to load what the registry wants: it does not serve, and was not refused.

    What was refused is not tried again until the alias moves; back to an older version is a move like any other.
    """
    return wanted not in (served, refused)


def after_look(*, pinned: bool, served: Wanted | None, refused: Wanted | None) -> Next:
    """Whether there is anything left to ask the registry."""
    if not pinned or (served is None and refused is None):
        return Next.ASK_AGAIN
    return Next.GIVE_UP if served is None else Next.REST
