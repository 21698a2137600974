"""`relevo-job include`: take back batches that were left out for a broken column, so that the next training uses them.

`decide` does the same first of all where RELEVO_INCLUDE is set. It is written once, in the record of the decision that
left the batch out: asked for again, or killed and run again, it finds that it is done.
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Protocol

from relevo_contract.inclusion import inclusion
from relevo_contract.record import TakenBack
from relevo_jobs.errors import SettingsError
from relevo_jobs.outcome import Outcome
from relevo_jobs.registry import Registry
from relevo_jobs.settings import IncludeSettings
from relevo_jobs.use_case import UseCase
from relevo_jobs.wording import listed


class Asked(Protocol):
    """The settings that say what is to be taken back, and by whom."""

    @property
    def group(self) -> int:
        """Whose batches."""

    @property
    def include(self) -> str:
        """Which, and why."""

    @property
    def include_by(self) -> str:
        """Who asks; empty: whoever runs this."""


def run(settings: IncludeSettings, use_case: UseCase) -> Outcome:
    """Take the batches back; nothing to do if they are used already.

    Raises SettingsError if one of them was never left out, Unavailable if MLflow is away.
    """
    registry = Registry(settings.tracking_uri, settings.model or use_case.name)
    batches, sentence = taken_back(registry, settings)
    tell = Outcome.done if batches else Outcome.nothing
    return tell(
        "include",
        sentence,
        included=list(batches),
    )


def taken_back(registry: Registry, asked: Asked) -> tuple[tuple[int, ...], str]:
    """Take back what is asked for; the batches, and what was done in a sentence. Raises SettingsError as `run`."""
    wanted, reason = inclusion(asked.include)
    out, before = registry.excluded(asked.group), registry.included(asked.group)
    numbers = out if wanted is None else wanted
    if unknown := numbers - out - before:
        one = len(unknown) == 1
        raise SettingsError(
            f"RELEVO_INCLUDE: expected batches that are left out ({_named(out) if out else 'there are none'}), got "
            f"{_named(unknown)}, which {'was' if one else 'were'} not left out of any training: nothing was taken back"
        )
    new = tuple(sorted(numbers & out))
    if not new:
        which = f"{_named(numbers)} taken back already" if numbers else "no batch left out"
        return (), f"nothing to take back: {which}"
    told = TakenBack(batches=new, by=asked.include_by or _whoever(), at=datetime.now(UTC), reason=reason)
    registry.include(asked.group, told)
    why = f' ("{told.reason}")' if told.reason else ""
    them = "it" if len(new) == 1 else "them"
    return new, f"{_named(new)} taken back by {told.by}{why}: the next training uses {them}"


def _named(numbers: frozenset[int] | set[int] | tuple[int, ...]) -> str:
    return f"batch{'' if len(numbers) == 1 else 'es'} {listed([str(number) for number in sorted(numbers)])}"


def _whoever() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "relevo-job"
