"""The versions as the Models page tells them: made of their runs' records and tags. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relevo_contract import names
from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord, Promotion
from relevo_ui import comparison
from relevo_ui.wording import Wording, listed, moment

NUMBERS = 5
"""Columns whose middle is told, at most."""


@dataclass(frozen=True)
class Told:
    """One version and what its run says of it."""

    number: int
    run_id: str
    tags: Mapping[str, str]
    record: DecisionRecord | None
    """An outline will do."""


def label(told: Told, production: int | None, say: Wording) -> str:
    """A version's name in a list."""
    if told.number == production:
        return say("Version {version}, in production", version=told.number)
    outcome = told.tags.get(names.TAG_OUTCOME)
    if outcome == names.OUTCOME_PROMOTED:
        return say("Version {version}, promoted", version=told.number)
    if outcome == names.OUTCOME_REJECTED:
        return say("Version {version}, rejected", version=told.number)
    return say("Version {version}", version=told.number)


def pair(versions: Sequence[Told], production: int | None) -> tuple[int, int] | None:
    """The versions to show first, older and newer: what is in production and what it replaced; None below two."""
    if len(versions) < 2:
        return None
    by_number = {told.number: told for told in versions}
    newer = production if production in by_number else max(by_number)
    record = by_number[newer].record
    replaced = record.promotion.champion_version if record is not None and record.promotion is not None else None
    if replaced in by_number and replaced != newer:
        return replaced, newer
    other = max((n for n in by_number if n < newer), default=None)
    return (other, newer) if other is not None else (newer, min(n for n in by_number if n > newer))


def facts(told: Told, profile: Profile | None, say: Wording) -> dict[str, str]:
    """What is said of one version beside another, by its heading."""
    record = told.record
    training = record.training if record is not None else None
    batches = list(training.batches) if training is not None else []
    found = {
        say("came of batch"): "" if record is None else str(record.batch.number),
        say("decided"): "" if record is None else moment(record.decided_at),
        say("promised error"): "" if profile is None else say.estimate(profile.promised),
        say("trained on rows"): "" if training is None else f"{training.rows:,}",
        say("of batches"): listed([str(number) for number in batches], 12, say),
        say("training took"): "" if training is None else f"{training.seconds:.0f} s",
    }
    target = say.data.target
    if say.outcome is not None:
        share = comparison.share(profile, target)
        found[say("share of {outcome}", outcome=say.outcome)] = "" if share is None else percent(share)
    for name in (target, *say.data.numeric)[say.outcome is not None :][:NUMBERS]:
        middle = comparison.median(profile, name)
        shown = "" if middle is None else say.amount(middle) if name == target else f"{middle:,.6g}"
        found[say("median {column}", column=say.column(name))] = shown
    return found


def judged(older: Told, newer: Told) -> Promotion | None:
    """The comparison that decided between these two, if there was one."""
    for one, other in ((newer, older), (older, newer)):
        promotion = one.record.promotion if one.record is not None else None
        if promotion is not None and promotion.champion_version == other.number:
            return promotion
    return None
