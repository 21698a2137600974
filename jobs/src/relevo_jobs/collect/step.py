"""`relevo-job collect`: exactly one new batch a run.

The body goes to the bucket first and the rows after it in one transaction: killed between the two, the object is there
under its hash and the next run writes it again to the same place. A batch that was asked for and not kept is lost to
the count alone: the next run sees the gap in the numbers, or, if it was the last one, that a request is not accounted
for; it replays, and fills the gap.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

import httpx

from relevo_contract import bounded_http
from relevo_jobs.collect.answers import Batch, Exhausted, parse, parts
from relevo_jobs.collect.plan import Action, Came, Situation, next_action, starts_with_restart, when_exhausted
from relevo_jobs.collect.rows import Row
from relevo_jobs.collect.source import Answer, Source
from relevo_jobs.errors import RepeatedBatch
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from relevo_jobs.stores.bucket import Bucket
from relevo_jobs.stores.raw import NewBatch, RawStore, open_raw
from relevo_jobs.use_case import UseCase

REPEAT_PAUSE = 1.0
"""Seconds between two requests while the source repeats itself; doubled each time."""


def _say(what: str) -> None:
    print(f"collect: {what}", file=sys.stderr, flush=True)  # noqa: T201


def run(settings: CollectSettings, use_case: UseCase) -> Outcome:
    """Ask until a batch comes that RAW does not hold, and keep it. Errors: see relevo_jobs.errors."""
    timeout = httpx.Timeout(settings.source_timeout, connect=min(10.0, settings.source_timeout))
    data = use_case.data
    client = httpx.Client(timeout=timeout, limits=bounded_http.KEEP_NONE)
    with open_raw(settings.raw_url, settings.group, data) as raw, client:
        raw.become_sole_collector()
        most = settings.source_most_bytes
        source = Source(
            client, settings.source_url, settings.group, settings.source_day, timeout=settings.source_timeout, most=most
        )
        newest = raw.newest()
        lost = raw.asks()
        restarted = starts_with_restart(newest)
        if restarted:
            _say("RAW is empty: starting the source's count over")
            source.restart()
        previous: int | None = None
        waited, pause = 0.0, REPEAT_PAUSE
        while True:
            answer = source.data()
            with answer.body:
                batch = parse(answer.status, answer.body, settings.group, data.sent)
                if isinstance(batch, Exhausted):
                    action = when_exhausted(lost=lost, restarted=restarted)
                else:
                    came = Came(batch.number, batch.sha256, raw.number_of(batch.sha256), raw.hash_of(batch.number))
                    action = next_action(Situation(newest, previous, restarted), came)
                    if action is Action.KEEP:
                        return _keep(settings, raw, batch, answer, parts(answer.body, batch, data.sent))
                    previous = batch.number
            if action is Action.STOP:
                raw.accounted()
                return Outcome.nothing("collect", f"the source is exhausted after batch {newest}", newest)
            if action is Action.RESTART:
                _say(f"RAW's newest batch is {newest}, an answer after it was lost: replaying from the start")
                source.restart()
                restarted, previous = True, None
            elif action is Action.ASK:
                _say(f"batch {previous} is in RAW, asking on")
            else:
                if waited + pause > settings.repeat_wait:
                    raw.accounted()
                    raise RepeatedBatch(
                        f"expected a batch after {newest}, the source repeats batch {previous} (waited {waited:.0f} s "
                        "of RELEVO_REPEAT_WAIT): it has no new one yet, run this step again later"
                    )
                _say(f"the source repeats batch {previous}, waiting {pause:.0f} s")
                time.sleep(pause)
                waited, pause = waited + pause, min(pause * 2, 30.0)


def _keep(
    settings: CollectSettings, raw: RawStore, batch: Batch, answer: Answer, rows: Iterable[Sequence[Row]]
) -> Outcome:
    """The body to the bucket, the rows to RAW."""
    key = Bucket(settings.bucket, settings.s3_endpoint_url).put(batch.sha256, answer.body.packed())
    raw.add(
        NewBatch(
            group=settings.group,
            day=batch.day or settings.source_day,
            number=batch.number,
            requested_at=answer.asked_at,
            seconds=answer.seconds,
            http_status=answer.status,
            sha256=batch.sha256,
            body_key=key,
            row_count=batch.row_count,
            parts=rows,
            extra_columns=batch.extra_columns,
            missing_columns=batch.missing_columns,
        )
    )
    notes = [f"column {name} is new and kept in the body alone" for name in batch.extra_columns]
    notes += [f"column {name} is gone" for name in batch.missing_columns]
    sentence = f"batch {batch.number}: {batch.row_count} rows in {answer.seconds:.1f} s"
    return Outcome.done(
        "collect",
        "; ".join([sentence, *notes]),
        batch.number,
        rows=batch.row_count,
        sha256=batch.sha256,
        seconds=round(answer.seconds, 3),
        extra_columns=list(batch.extra_columns),
        missing_columns=list(batch.missing_columns),
    )
