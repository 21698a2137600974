"""`relevo-job clean`: every RAW batch that CLEAN does not hold yet, oldest first, each in one transaction."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from relevo_contract.listing import CATEGORICAL, DATES, NUMERIC
from relevo_contract.record import BatchRef
from relevo_jobs.clean.rules import Listing, Raw, Rejection, clean_batch
from relevo_jobs.errors import ConflictingBatch
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CleanSettings
from relevo_jobs.stores.clean import CleanBatch, open_clean
from relevo_jobs.stores.raw import RawStore, StoredBatch, open_raw


def _spell(value: object) -> str | None:
    return None if value is None else str(value)


def to_store(group: int, batch: StoredBatch, fates: Sequence[Listing | Rejection]) -> CleanBatch:
    """The fates of a batch's rows as CLEAN stores them. Pure."""
    listings: list[tuple[str | None, ...]] = []
    rejections: list[tuple[str, str, str]] = []
    for position, fate in enumerate(fates):
        if isinstance(fate, Rejection):
            rejections.append((str(position), fate.reason.value, fate.detail))
            continue
        listings.append(
            (
                str(position),
                *(_spell(fate.numbers[name]) for name in NUMERIC),
                str(fate.price),
                *(fate.texts[name] for name in CATEGORICAL),
                *(_spell(getattr(fate, name)) for name in DATES),
                "t" if fate.holdout else "f",
            )
        )
    return CleanBatch(group, batch.number, batch.sha256, len(fates), listings, rejections)


def _say(batch: StoredBatch, stored: CleanBatch) -> None:
    print(  # noqa: T201
        f"clean: batch {batch.number}: {len(stored.listings)} of {stored.row_count} rows kept",
        file=sys.stderr,
        flush=True,
    )


def _expect_same_origin(raw: RawStore, newest: BatchRef) -> None:
    """Raise ConflictingBatch unless CLEAN's newest batch is RAW's own: CLEAN derived from two RAWs is no data."""
    held = raw.hash_of(newest.number)
    if held != newest.sha256:
        found = "none" if held is None else f"{held[:12]}…"
        raise ConflictingBatch(
            f"expected RAW to hold batch {newest.number} with SHA-256 {newest.sha256[:12]}…, which CLEAN was derived "
            f"from, found {found}: RELEVO_RAW_URL and RELEVO_CLEAN_URL do not belong together; clean into a new "
            "database"
        )


def run(settings: CleanSettings) -> Outcome:
    """Clean what is new.

    Raises Unavailable if RAW or CLEAN is away, ConflictingBatch if they do not belong together.
    """
    with open_raw(settings.raw_url, settings.group) as raw, open_clean(settings.clean_url, settings.group) as clean:
        newest = clean.newest()
        if newest is not None:
            _expect_same_origin(raw, newest)
        batches = raw.after(newest.number if newest else None)
        if not batches:
            return Outcome.nothing("clean", "CLEAN holds every batch of RAW")
        reasons: Counter[str] = Counter()
        blanked: Counter[str] = Counter()
        rows = kept = 0
        for batch in batches:
            taken: list[Raw] = list(raw.rows(batch.batch_id))
            fates = clean_batch(taken)
            stored = to_store(settings.group, batch, fates)
            clean.add(stored)
            _say(batch, stored)
            rows, kept = rows + stored.row_count, kept + len(stored.listings)
            reasons.update(fate.reason.value for fate in fates if isinstance(fate, Rejection))
            blanked.update(name for fate in fates if isinstance(fate, Listing) for name in fate.blanked)
    which = f"batch {batches[-1].number}" if len(batches) == 1 else f"{len(batches)} batches"
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return Outcome.done(
        "clean",
        f"{which}: {kept} of {rows} rows kept" + (f"; left out: {why}" if why else ""),
        batches[-1].number,
        rows=rows,
        kept=kept,
        rejected=rows - kept,
        reasons=dict(reasons),
        blanked=dict(blanked),
    )
