"""`relevo-job collect`: exactly one new batch a run, from the source that the use case declares.

The body goes to the bucket first and the rows after it in one transaction: killed between the two, the object is there
under its hash and the next run writes it again to the same place. What comes next follows from the source and from
what RAW holds, so a run that was killed anywhere is as if it had never been, or as if it had ended.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol

from relevo_jobs.collect.from_files import Files
from relevo_jobs.collect.from_http import Http
from relevo_jobs.collect.from_sql import Sql
from relevo_jobs.collect.taken import Taken
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from relevo_jobs.stores.bucket import Bucket
from relevo_jobs.stores.raw import NewBatch, RawStore, open_raw
from relevo_jobs.use_case import UseCase


class _Source(Protocol):
    def take(self, raw: RawStore) -> Taken | Outcome: ...


def run(settings: CollectSettings, use_case: UseCase) -> Outcome:
    """Take a batch that RAW does not hold, and keep it. Errors: see relevo_jobs.errors."""
    # The source is closed after RAW's transaction, which reads from it.
    with open_raw(settings.raw_url, settings.group, use_case.data) as raw, ExitStack() as stack:
        raw.become_sole_collector()
        taken = _source(settings, use_case, stack).take(raw)
        return taken if isinstance(taken, Outcome) else _keep(settings, raw, taken)


def _source(settings: CollectSettings, use_case: UseCase, stack: ExitStack) -> _Source:
    declared, data = use_case.source, use_case.data
    if declared.files is not None:
        return Files(declared.files, use_case.folder, settings, data.sent, stack)
    if declared.sql is not None:
        return Sql(declared.sql, settings, data.sent, stack)
    if declared.http is None:
        raise AssertionError("expected one source, which the declaration has")
    return Http(declared.http, settings, data, stack)


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
