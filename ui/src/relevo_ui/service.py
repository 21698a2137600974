"""Which version was in production when, by its tags in MLflow, and which one truly serves, by the API. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from relevo_contract import names
from relevo_ui.language import Say, english
from relevo_ui.wording import moment

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Term:
    """A version's time in production."""

    version: int
    since: datetime
    until: datetime | None
    """When the next one was promoted; None: it still is in production."""
    hand_over: str | None
    """By the operator's tag: SERVING_READY, SERVING_FAILED (what served before went on), None without an operator."""

    handed_over_at: datetime | None = None
    """When the operator handed serving over to it, or gave it up; None where it did not say."""

    @property
    def given_up(self) -> bool:
        """Serving could not be handed over to it."""
        return self.hand_over == names.SERVING_FAILED


def _when(tags: Tags, tag: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(tags.get(tag, ""))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def terms(versions: Mapping[int, Tags]) -> list[Term]:
    """The promoted versions' times in production, newest first; one promoted by hand has no time and is left out."""
    promoted = sorted(
        (when, number) for number, tags in versions.items() if (when := _when(tags, names.TAG_PROMOTED_AT)) is not None
    )
    ends: list[datetime | None] = [when for when, _ in promoted[1:]]
    return [
        Term(
            number,
            when,
            until,
            versions[number].get(names.TAG_SERVING),
            _when(versions[number], names.TAG_SERVING_AT),
        )
        for (when, number), until in zip(promoted, [*ends, None], strict=False)
    ][::-1]


def agreement(production: int | None, serving: int | None, given_up: Sequence[int], say: Say = english) -> str:
    """Whether what MLflow marks is what truly serves, in a sentence."""
    if production is None:
        return say("No version is in production yet, so none serves.")
    if serving is None:
        return say("Version {version} is in production; the inference API does not serve any yet.", version=production)
    if serving == production:
        return say("Version {version} is in production, and it is what truly serves.", version=production)
    if production in given_up:
        return say(
            "Version {version} is in production, but it could not serve and was given up: version {serving} truly "
            "serves.",
            version=production,
            serving=serving,
        )
    return say(
        "Version {version} is in production; version {serving} truly serves until the hand-over is done.",
        version=production,
        serving=serving,
    )


def truly(one: Term, serving: tuple[int, datetime] | None, say: Say = english) -> str:
    """What is known of a version's service; `serving` is the version that the API serves, and since when."""
    if serving is not None and one.version == serving[0] and one.until is None:
        return say("serves since {moment}", moment=moment(serving[1]))
    at = None if one.handed_over_at is None else moment(one.handed_over_at)
    if one.given_up:
        return say("could not serve, given up {moment}", moment=at) if at else say("could not serve, given up")
    if one.hand_over == names.SERVING_READY:
        return say("served from {moment}", moment=at) if at else say("handed over")
    return ""


def words(one: Term, say: Say = english) -> tuple[str, str]:
    """From when and until when, in words."""
    return moment(one.since), say("now") if one.until is None else moment(one.until)
