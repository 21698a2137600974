"""`relevo-job collect`: exactly one new batch a run, from the source that the use case declares.

The body goes to the bucket first and the rows after it in one transaction: killed between the two, the object is there
under its hash and the next run writes it again to the same place. What comes next follows from the source and from
what RAW holds, so a run that was killed anywhere is as if it had never been, or as if it had ended.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from relevo_contract.use_case.sources import Source
from relevo_jobs.collect.from_files import Files
from relevo_jobs.collect.from_http import Http
from relevo_jobs.collect.from_sql import Sql
from relevo_jobs.collect.taken import Known, Taken, Taking
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from relevo_jobs.stores.bucket import Bucket
from relevo_jobs.stores.raw import NewBatch, RawStore, open_raw
from relevo_jobs.use_case import UseCase


class Batches(Protocol):
    """A source, whatever kind it is of."""

    def take(self, raw: Known) -> Taken | Outcome:
        """Take the batch after those that are known, or say why there is none. Errors: see relevo_jobs.errors."""


def run(settings: CollectSettings, use_case: UseCase) -> Outcome:
    """Take a batch that RAW does not hold, and keep it. Errors: see relevo_jobs.errors."""
    # The source is closed after RAW's transaction, which reads from it.
    with open_raw(settings.raw_url, settings.group, use_case.data) as raw, ExitStack() as stack:
        raw.become_sole_collector()
        taking = Taking(settings, use_case.data.sent, stack)
        taken = batches_of(use_case.source, use_case.folder, settings.group, taking).take(raw)
        return taken if isinstance(taken, Outcome) else _keep(settings, raw, taken)


def batches_of(declared: Source, folder: Path, group: int, taking: Taking) -> Batches:
    """The source that is declared in this folder. Raises SettingsError if a setting of it is missing."""
    if declared.files is not None:
        return Files(declared.files, folder, taking)
    if declared.sql is not None:
        return Sql(declared.sql, taking)
    if declared.http is None:
        raise AssertionError("expected one source, which the declaration has")
    return Http(declared.http, group, taking)


def _keep(settings: CollectSettings, raw: RawStore, taken: Taken) -> Outcome:
    """The body to the bucket, the rows to RAW."""
    body = taken.body
    key = Bucket(settings.bucket, settings.s3_endpoint_url).put(body.sha256, body.packed(), taken.kind)
    raw.add(
        NewBatch(
            group=settings.group,
            day=taken.day,
            number=taken.number,
            requested_at=taken.asked_at,
            seconds=taken.seconds,
            http_status=taken.http_status,
            sha256=body.sha256,
            body_key=key,
            row_count=taken.row_count,
            parts=taken.parts,
            extra_columns=taken.extra_columns,
            missing_columns=taken.missing_columns,
            origin=taken.origin,
            file=taken.file,
        )
    )
    notes = [f"column {name} is new and kept in the body alone" for name in taken.extra_columns]
    notes += [f"column {name} is gone" for name in taken.missing_columns]
    came = "" if taken.origin is None else f" of {', '.join(f'{name} {value}' for name, value in taken.origin.items())}"
    sentence = f"batch {taken.number}: {taken.row_count} rows{came} in {taken.seconds:.1f} s"
    return Outcome.done(
        "collect",
        "; ".join([sentence, *taken.notes, *notes]),
        taken.number,
        rows=taken.row_count,
        sha256=body.sha256,
        seconds=round(taken.seconds, 3),
        origin=taken.origin,
        extra_columns=list(taken.extra_columns),
        missing_columns=list(taken.missing_columns),
    )
