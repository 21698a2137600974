"""How past decisions turned out: promotions by the batches after them, trainings and promises by what came. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from relevo_contract.previous import Previous
from relevo_contract.record import DecisionRecord
from relevo_ui import gains, promises
from relevo_ui.wording import Wording

NAMED: Final = 5
"""Times that the alias was given back that are told of, the newest."""


def later(records: Sequence[DecisionRecord]) -> list[Previous]:
    """The newest evidence of each promotion by the batches after it; records come newest first."""
    newest: dict[tuple[int | None, int], Previous] = {}
    for record in records:
        if (previous := record.decision.previous) is not None:
            newest.setdefault((record.champion_version, previous.version), previous)
    return list(newest.values())


def promotions(found: Sequence[Previous], say: Wording) -> str:
    """How many promoted versions did better on later batches than the version before would have, and how many worse."""
    better, worse = ([one.difference for one in found if sign * one.difference.value > 0] for sign in (1, -1))
    return say(
        "Promotions that later batches tell of: {count}. On these {better} did better than the version before would "
        "have ({better_sure} beyond noise), {worse} did worse ({worse_sure} beyond noise).",
        count=len(found),
        better=len(better),
        better_sure=sum(one.low > 0 for one in better),
        worse=len(worse),
        worse_sure=sum(one.high < 0 for one in worse),
    )


def given_back(records: Sequence[DecisionRecord], say: Wording) -> list[str]:
    """When the alias was given back by evidence."""
    return [
        say(
            "At batch {batch} the alias was given back by version {lost} to version {gained}.",
            batch=record.batch.number,
            lost=record.rolled_back.from_version,
            gained=record.rolled_back.to_version,
        )
        for record in records
        if record.rolled_back is not None
    ][:NAMED]


def told(records: Sequence[DecisionRecord], say: Wording) -> list[str]:
    """All of it, in sentences, newest records first; nothing where records keep nothing of it."""
    found, came = later(records), gains.came(records)
    sentences = [promotions(found, say)] if found else []
    sentences += given_back(records, say)
    sentences += [gains.what_came(came, say)] if came else []
    kept = promises.kept(promises.forward(records), say)
    return [*sentences, kept] if kept else sentences


def previous(record: DecisionRecord, say: Wording) -> str:
    """What the version before would have answered on this batch; empty where it was not asked."""
    found = record.decision.previous
    if found is None:
        return ""
    return say(
        "Version {before}, which served before, {errs} {figure} on this batch where version {version} {errs} "
        "{champion}.",
        before=found.version,
        errs=say.errs,
        figure=say.estimate(found.headline),
        version=record.champion_version,
        champion=say.estimate(found.champion),
    )
