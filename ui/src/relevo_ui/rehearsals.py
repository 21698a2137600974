"""What customers would notice of a promotion, in words. Pure."""

from __future__ import annotations

import re
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.record import Promotion
from relevo_contract.rehearsal import Gathering, Rehearsal
from relevo_ui.wording import Wording, listed, moment

SOME: Final = 0.10
"""A change that people notice..."""
MUCH: Final = 0.25
"""...and one that is much, `relevo_contract.rehearsal.Changed`."""
NAMED: Final = 3
"""Values named in a sentence."""
RANGES: Final = {
    r"below (?P<edge>\S+)": "below {edge}",
    r"(?P<low>\S+) to below (?P<high>\S+)": "{low} to below {high}",
    r"(?P<edge>\S+) or more": "{edge} and above",
}
"""How a range of a number or a date is written in a record, and how it is said."""


def value(one: Gathering, say: Wording) -> str:
    """A column's value: a category, or a range of numbers or years."""
    if one.value == "missing":
        return say("(no value)")
    if one.column in say.data.compared:
        return say.value(one.column, one.value)
    for written, said in RANGES.items():
        if (found := re.fullmatch(written, one.value)) is not None:
            return say(said, **found.groupdict())
    return one.value


def told(found: Rehearsal, say: Wording) -> list[str]:
    """How many answers change and by how much, where they gather, and when was asked what was rehearsed."""
    requests = found.requests is not None and found.told == found.requests
    rows = f"{found.told.rows:,}"
    sentences = [
        say(
            "Of {rows} {much} would be answered {by_much}, and {some} {by_some}.",
            rows=say("the last {rows} requests", rows=rows)
            if requests
            else say("the newest batch, of {rows},", rows=say.count("row", found.told.rows)),
            much=percent(found.told.much),
            by_much=say(say.task.told_change(MUCH)),
            some=percent(found.told.some),
            by_some=say(say.task.told_change(SOME)),
        )
    ]
    if found.gathered:
        named = [
            say(
                "{column} {value} ({changed} of {rows})",
                column=say.column(one.column),
                value=value(one, say),
                changed=f"{one.changed:,}",
                rows=f"{one.rows:,}",
            )
            for one in found.gathered[:NAMED]
        ]
        sentences.append(say("What changes much gathers in {values}.", values=listed(named, NAMED, say)))
    elif found.told.much:
        sentences.append(say("What changes much gathers nowhere beyond noise."))
    if requests and found.since is not None and found.until is not None:
        sentences.append(
            say("They were asked from {since} to {until}.", since=moment(found.since), until=moment(found.until))
        )
    return sentences


def speed(judged: Promotion, found: Rehearsal, say: Wording) -> str:
    """How long both versions took."""
    return say(
        "One row took version {champion} {champion_one} ms and version {challenger} {challenger_one} ms; all rows at "
        "once took {champion_all} and {challenger_all} ms.",
        champion=judged.champion_version,
        challenger=judged.challenger_version,
        champion_one=f"{found.champion.single_ms:,.1f}",
        challenger_one=f"{found.challenger.single_ms:,.1f}",
        champion_all=f"{found.champion.all_ms:,.1f}",
        challenger_all=f"{found.challenger.all_ms:,.1f}",
    )


def not_finite(judged: Promotion, found: Rehearsal, say: Wording) -> list[str]:
    """Which version answers rows with no finite number."""
    both = (
        (judged.champion_version, found.champion_not_finite),
        (judged.challenger_version, found.challenger_not_finite),
    )
    return [
        say("Version {version} answers some rows ({rows}) with no finite number.", version=version, rows=f"{rows:,}")
        for version, rows in both
        if rows
    ]
