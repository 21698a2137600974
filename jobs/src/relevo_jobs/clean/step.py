"""`relevo-job clean`: every RAW batch that CLEAN does not hold yet, oldest first, each in one transaction."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from relevo_contract.data_set import DataSet
from relevo_contract.record import BatchRef
from relevo_jobs.clean.fates import Kept, Rejection
from relevo_jobs.errors import ConflictingBatch, StepError
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CleanSettings
from relevo_jobs.stores.clean import CleanPart, CleanStore, open_clean, open_emptied
from relevo_jobs.stores.raw import RawStore, StoredBatch, open_raw
from relevo_jobs.use_case import UseCase

ROWS: Final = 5_000
"""Rows that are here at a time, of a batch of any size: some 15 MB."""


def _spell(value: object) -> str | None:
    return None if value is None else str(value)


@dataclass
class Tally:
    """What became of rows."""

    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows left out, by reason."""
    blanked: Counter[str] = field(default_factory=Counter)
    """Values set to missing, by column."""

    @property
    def rows(self) -> int:
        """All of them."""
        return self.kept + self.reasons.total()

    def add(self, fate: Kept | Rejection) -> None:
        """One more row."""
        if isinstance(fate, Rejection):
            self.reasons[str(fate.reason)] += 1
        else:
            self.kept += 1
            self.blanked.update(fate.blanked.keys())


def to_store(data: DataSet, batch: StoredBatch, fates: Iterable[Kept | Rejection], tally: Tally) -> Iterator[CleanPart]:
    """The fates of a batch's rows as CLEAN stores them, some at a time; `tally` counts them. Pure but for that.

    Raises StepError if they are not what CLEAN can hold.
    """
    said, numbered = 0, enumerate(fates)
    while some := list(islice(numbered, ROWS)):
        said += len(some)
        kept: list[tuple[str | None, ...]] = []
        rejections: list[tuple[str, str, str]] = []
        blanked: list[tuple[str, str, str]] = []
        for position, fate in some:
            tally.add(fate)
            if isinstance(fate, Rejection):
                rejections.append((str(position), str(fate.reason), fate.detail))
                continue
            target = fate.values[data.target]
            if not (isinstance(target, float) and data.predicts.can_be(target)):
                raise StepError(
                    f"expected {data.target} to be {data.predicts.values} in every row that is kept, got {target!r} in "
                    f"row {position} of batch {batch.number}: have the use case's clean reject it"
                )
            values = (_spell(fate.values[name]) for name in data.typed)
            kept.append((str(position), *values, "t" if fate.holdout else "f"))
            blanked += [(str(position), column, reason) for column, reason in fate.blanked.items()]
        yield CleanPart(kept, rejections, blanked)
    if said != batch.row_count:
        raise StepError(
            f"expected the use case's clean to say what becomes of each of {batch.row_count} rows of batch "
            f"{batch.number}, it did of {said}: correct it"
        )


def _say(batch: StoredBatch, kept: int) -> None:
    print(f"clean: batch {batch.number}: {kept} of {batch.row_count} rows kept", file=sys.stderr, flush=True)  # noqa: T201


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


def follow(raw_url: str, clean_url: str, use_case: UseCase) -> int:
    """Derive CLEAN anew, all of it or nothing, if a column's type is another one by now; returns how many batches.

    RAW has the rows as they came, so that each value is read by its new type as if it had always been that. Where each
    row is its own, what was held out stays so, for the champion was trained on the others. Call it with RAW's schema up
    to date. Raises what `run` does.
    """
    count = 0
    with open_emptied(clean_url, use_case.data) as emptied:
        for clean, newest in emptied:
            with open_raw(raw_url, newest.group, use_case.data) as raw:
                _expect_same_origin(raw, newest)
                batches = raw.after(None)
                _derive(raw, clean, batches, use_case, Tally())
                if use_case.identity_of(clean.columns([])) is None:  # else by what a row is of, however it is read
                    clean.keep_sides()
                count += len(batches)
    return count


def _derive(raw: RawStore, clean: CleanStore, batches: Iterable[StoredBatch], use_case: UseCase, tally: Tally) -> None:
    """Write what becomes of these batches' rows, a batch in one transaction."""
    for batch in batches:
        before = tally.kept
        parts = to_store(use_case.data, batch, use_case.clean(raw.rows(batch.batch_id)), tally)
        clean.add(batch.number, batch.sha256, batch.row_count, parts)
        _say(batch, tally.kept - before)


def run(settings: CleanSettings, use_case: UseCase) -> Outcome:
    """Clean what is new, and all if a column's type is.

    Raises Unavailable if RAW or CLEAN is away, ConflictingBatch if they do not belong together.
    """
    data, tally = use_case.data, Tally()
    with open_raw(settings.raw_url, settings.group, data) as raw:
        anew = follow(settings.raw_url, settings.clean_url, use_case)
        with open_clean(settings.clean_url, settings.group, data) as clean:
            newest = clean.newest()
            if newest is not None:
                _expect_same_origin(raw, newest)
            batches = raw.after(newest.number if newest else None)
            _derive(raw, clean, batches, use_case, tally)
    told = f"a column's type has changed: {anew} batches derived anew from RAW" if anew else ""
    if not batches and anew:
        return Outcome.done("clean", told, newest.number if newest else None)
    if not batches:
        return Outcome.nothing("clean", "CLEAN holds every batch of RAW")
    which = f"batch {batches[-1].number}" if len(batches) == 1 else f"{len(batches)} batches"
    why = ", ".join(f"{count} {reason}" for reason, count in tally.reasons.most_common())
    return Outcome.done(
        "clean",
        (f"{told}; " if told else "")
        + f"{which}: {tally.kept} of {tally.rows} rows kept"
        + (f"; left out: {why}" if why else ""),
        batches[-1].number,
        rows=tally.rows,
        kept=tally.kept,
        rejected=tally.reasons.total(),
        reasons=dict(tally.reasons),
        blanked=dict(tally.blanked),
    )
