"""`relevo-job clean`: every RAW batch that CLEAN does not hold yet, oldest first, each in one transaction."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from math import inf

from relevo_contract.data_set import DataSet
from relevo_contract.record import BatchRef
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.errors import ConflictingBatch, StepError
from relevo_jobs.houses import HOUSES
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CleanSettings
from relevo_jobs.stores.clean import CleanBatch, open_clean
from relevo_jobs.stores.raw import RawStore, StoredBatch, open_raw
from relevo_jobs.use_case import UseCase


def _spell(value: object) -> str | None:
    return None if value is None else str(value)


def to_store(data: DataSet, group: int, batch: StoredBatch, fates: Sequence[Kept | Rejection]) -> CleanBatch:
    """The fates of a batch's rows as CLEAN stores them. Pure. Raises StepError if they are not what CLEAN can hold."""
    if len(fates) != batch.row_count:
        raise StepError(
            f"expected the use case's clean to say what becomes of each of {batch.row_count} rows of batch "
            f"{batch.number}, it did of {len(fates)}: correct it"
        )
    kept: list[tuple[str | None, ...]] = []
    rejections: list[tuple[str, str, str]] = []
    for position, fate in enumerate(fates):
        if isinstance(fate, Rejection):
            rejections.append((str(position), str(fate.reason), fate.detail))
            continue
        target = fate.values[data.target]
        if not (isinstance(target, float) and 0 < target < inf):
            raise StepError(
                f"expected {data.target} to be a float above zero in every row that is kept, got {target!r} in row "
                f"{position} of batch {batch.number}: have the use case's clean reject it"
            )
        values = (_spell(fate.values[name]) for name in data.typed)
        kept.append((str(position), *values, "t" if fate.holdout else "f"))
    return CleanBatch(group, batch.number, batch.sha256, len(fates), kept, rejections)


def _say(batch: StoredBatch, stored: CleanBatch) -> None:
    print(  # noqa: T201
        f"clean: batch {batch.number}: {len(stored.kept)} of {stored.row_count} rows kept",
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


def run(settings: CleanSettings, use_case: UseCase = HOUSES) -> Outcome:
    """Clean what is new.

    Raises Unavailable if RAW or CLEAN is away, ConflictingBatch if they do not belong together.
    """
    data = use_case.data
    with (
        open_raw(settings.raw_url, settings.group, data) as raw,
        open_clean(settings.clean_url, settings.group, data) as clean,
    ):
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
            fates = use_case.clean(taken)
            stored = to_store(data, settings.group, batch, fates)
            clean.add(stored)
            _say(batch, stored)
            rows, kept = rows + stored.row_count, kept + len(stored.kept)
            reasons.update(str(fate.reason) for fate in fates if isinstance(fate, Rejection))
            blanked.update(name for fate in fates if isinstance(fate, Kept) for name in fate.blanked)
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
