"""What the process serves and what it knows of the registry: written by the follower alone, read by every request.

A request takes `served` once and works with what it took: replacing the reference is the whole swap, so no request sees
half of two versions and none waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from relevo_serving.following import Wanted
from relevo_serving.model import Model
from relevo_serving.schema import ModelRef


@dataclass(frozen=True)
class Served:
    """A version that is loaded and passed its self-test."""

    target: Wanted
    model: Model
    since: datetime
    """When this process began to answer with it, UTC."""

    def ref(self, name: str) -> ModelRef:
        """How answers name the version."""
        target = self.target
        return ModelRef(
            name=name,
            version=target.version,
            run_id=target.run_id,
            promoted_at=target.promoted_at,
            since=self.since,
        )


@dataclass(frozen=True)
class Refused:
    """The version that was last refused."""

    target: Wanted
    reason: str
    at: datetime


@dataclass(frozen=True)
class RegistryView:
    """How the last look at the registry went."""

    reachable: bool | None = None
    """None: not looked yet."""
    problem: str | None = None
    """Why there is no answer, or no version in it."""
    wanted: int | None = None
    """The version number it named last."""
    answered_at: datetime | None = None
    """Its last answer, UTC."""


@dataclass
class State:
    """The references that are swapped; each is replaced whole."""

    served: Served | None = None
    refused: Refused | None = None
    registry: RegistryView = field(default_factory=RegistryView)

    def not_ready(self) -> str | None:
        """Why no prediction can be made; None if it can."""
        if self.served is not None:
            return None
        if self.refused is not None:
            return f"version {self.refused.target.version} was refused: {self.refused.reason}"
        if self.registry.problem is not None:
            return self.registry.problem
        return "no model is loaded yet: starting"

    def saw(self, wanted: Wanted, at: datetime) -> None:
        """The registry answered."""
        self.registry = RegistryView(reachable=True, wanted=wanted.version, answered_at=at)

    def saw_none(self, problem: str, at: datetime) -> None:
        """The registry answered that there is nothing to serve."""
        self.registry = RegistryView(reachable=True, problem=problem, answered_at=at)

    def away(self, problem: str) -> None:
        """The registry did not answer."""
        self.registry = replace(self.registry, reachable=False, problem=problem)
