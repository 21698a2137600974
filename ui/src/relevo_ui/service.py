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
    """When another one got the alias; None: it still is in production."""
    hand_over: str | None
    """By the operator's tag: SERVING_READY, SERVING_FAILED (what served before went on), None without an operator."""

    handed_over_at: datetime | None = None
    """When the operator handed serving over to it, or gave it up; None where it did not say."""
    after: int | None = None
    """The version that had the alias before..."""
    before: int | None = None
    """...and that which got it then."""
    given_back: bool = False
    """Whether it got the alias back by evidence, and was not promoted then."""
    rolled_back: bool = False
    """Whether it lost it so."""

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
    """The versions' times in production, newest first; one promoted by hand has no time and is left out."""
    got = sorted(
        (when, number, tag == names.TAG_GIVEN_BACK_AT)
        for number, tags in versions.items()
        for tag in (names.TAG_PROMOTED_AT, names.TAG_GIVEN_BACK_AT)
        if (when := _when(tags, tag)) is not None
    )
    found = []
    for place, (since, number, back) in enumerate(got):
        tags = versions[number]
        until, before = got[place + 1][:2] if place + 1 < len(got) else (None, None)
        at = _when(tags, names.TAG_SERVING_AT)
        of_this = at is None or (at >= since and (until is None or at <= until))
        found.append(
            Term(
                version=number,
                since=since,
                until=until,
                hand_over=tags.get(names.TAG_SERVING) if of_this else None,
                handed_over_at=at if of_this else None,
                after=got[place - 1][1] if place else None,
                before=before,
                given_back=back,
                rolled_back=until is not None and until == _when(tags, names.TAG_ROLLED_BACK_AT),
            )
        )
    return found[::-1]


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


def served(version: int, found: Sequence[Term], serving: tuple[int, datetime] | None, say: Say = english) -> list[str]:
    """Since when a version served and until when, oldest first, and what failed: that nothing did is said, too.

    `serving` is the version that the API serves, and since when.
    """
    mine = [term for term in found if term.version == version][::-1]
    told, failed = [], []
    for term in mine:
        told.append(
            say(
                "Version {version} got the alias back on {moment}."
                if term.given_back
                else "Version {version} was promoted on {moment}.",
                version=version,
                moment=moment(term.since),
            )
        )
        if term.given_up:
            at = moment(term.handed_over_at or term.since)
            failed.append(
                say("It could not serve and was given up on {moment}; what served before went on.", moment=at)
            )
        elif serving is not None and term.until is None and serving[0] == version:
            told.append(say("It serves now, since {moment}.", moment=moment(serving[1])))
        elif term.handed_over_at is not None:
            told.append(say("Serving was handed over to it on {moment}.", moment=moment(term.handed_over_at)))
        if term.until is not None:
            (failed if term.rolled_back else told).append(
                say(
                    "On {moment} the alias was given back to version {other}, which did better on what came since."
                    if term.rolled_back
                    else "It was relieved by version {other} on {moment}.",
                    moment=moment(term.until),
                    other=term.before,
                )
            )
        elif serving is None or serving[0] != version:
            told.append(say("It is in production still."))
    return [*told, *(failed or [say("Nothing failed.")])]
