"""RAW and CLEAN by batch, as the Data page tells them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from relevo_contract.figures import percent
from relevo_contract.record import ColumnEvidence, DecisionRecord
from relevo_ui.history import origin
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import Wording, moment

REJECTIONS: Final = {
    "{target}_missing": "no {target}, or none that can be read",
    "{target}_implausible": "no {target} that can be believed",
    "duplicate": "the same values as an earlier row of the batch",
}
"""Why cleaning leaves a row out, docs/cleaning.md; a use case names more reasons."""


def reasons(record: DecisionRecord, say: Wording) -> list[tuple[str, int]]:
    """Rows left out by reason, in words; empty where that was not recorded."""
    target = say.data.target
    words = {name.format(target=target): say(text, target=say.column(target)) for name, text in REJECTIONS.items()}
    return [(words.get(name, name.replace("_", " ")), rows) for name, rows in (record.rejected or {}).items()]


def lines(records: Sequence[DecisionRecord], say: Wording) -> list[dict[str, Any]]:
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


def missing(evidence: Sequence[ColumnEvidence], say: Wording) -> list[dict[str, str]]:
    """Missing values by column, in the training data and in the batch, most missing first."""
    return [
        {
            say("column"): say.column(one.column),
            say("missing before"): percent(one.missing_before),
            say("missing now"): percent(one.missing_now),
        }
        for one in sorted(evidence, key=lambda one: -one.missing_now)
    ]
