"""RAW and CLEAN by batch, as the Data page tells them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from relevo_contract.record import ColumnEvidence, DecisionRecord
from relevo_ui.history import origin
from relevo_ui.language import Say, english
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import column, moment, percent

REJECTIONS: Final = {
    "price_missing": "no price, or none that is a number",
    "price_implausible": "a price below 1,000 or above 1,000,000,000 dollars",
    "no_place": "neither city nor zip code nor state",
    "duplicate": "the same values as an earlier row of the batch",
}
"""Why cleaning leaves a row out, docs/cleaning.md."""


def reasons(record: DecisionRecord, say: Say = english) -> list[tuple[str, int]]:
    """Rows left out by reason, in words; empty where that was not recorded."""
    return [(say(REJECTIONS.get(reason, reason)), rows) for reason, rows in (record.rejected or {}).items()]


def lines(records: Sequence[DecisionRecord], say: Say = english) -> list[dict[str, Any]]:
    """A line a batch."""
    return [
        {
            say("Batch"): record.batch.number,
            say("RAW rows"): record.batch.rows,
            say("CLEAN rows"): record.batch.kept,
            say("Left out"): record.batch.rows - record.batch.kept,
            say("Why left out"): "; ".join(f"{rows:,}: {reason}" for reason, rows in reasons(record, say)),
            say("Origin"): harmless(origin(record, say)),
            say("Decided"): moment(record.decided_at),
            say("SHA-256 of the body"): record.batch.sha256,
        }
        for record in records
    ]


def missing(evidence: Sequence[ColumnEvidence], say: Say = english) -> list[dict[str, str]]:
    """Missing values by column, in the training data and in the batch, most missing first."""
    return [
        {
            say("column"): column(one.column, say),
            say("missing before"): percent(one.missing_before),
            say("missing now"): percent(one.missing_now),
        }
        for one in sorted(evidence, key=lambda one: -one.missing_now)
    ]
