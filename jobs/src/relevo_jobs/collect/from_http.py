"""The data source over HTTP: one request, one batch.

A batch that was asked for and not kept is lost to the source's count alone: the next run sees the gap in the numbers,
or, if it was the last one, that a request is not accounted for; it replays, and fills the gap.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import httpx

from relevo_contract import bounded_http
from relevo_contract.use_case.sources import HttpSource
from relevo_jobs.collect.answers import Batch, Exhausted, parse, parts
from relevo_jobs.collect.plan import Action, Came, Situation, next_action, starts_with_restart, when_exhausted
from relevo_jobs.collect.source import Answer, Source
from relevo_jobs.collect.taken import Known, Taken, Taking
from relevo_jobs.errors import RepeatedBatch, SettingsError
from relevo_jobs.outcome import Outcome

REPEAT_PAUSE = 1.0
"""Seconds between two requests while the source repeats itself; doubled each time."""


def _say(what: str) -> None:
    print(f"collect: {what}", file=sys.stderr, flush=True)  # noqa: T201


class Http:
    """The source that is declared, at the address that the settings name."""

    def __init__(self, declared: HttpSource, group: int, taking: Taking) -> None:
        """Raises SettingsError if nobody says where it is."""
        settings = taking.settings
        url = settings.source_url or declared.url
        if url is None:
            raise SettingsError(
                "RELEVO_SOURCE_URL: expected the data source's address, such as http://source:8000, found none, and no "
                "url in source.http either: set one of them"
            )
        self._settings, self._stack, self._group = settings, taking.stack, group
        self._columns, self._rest = taking.columns, taking.rest
        self._day = settings.source_day or declared.day
        timeout = httpx.Timeout(settings.source_timeout, connect=min(10.0, settings.source_timeout))
        client = self._stack.enter_context(httpx.Client(timeout=timeout, limits=bounded_http.KEEP_NONE))
        most = settings.source_most_bytes
        self._source = Source(client, url, group, self._day, timeout=settings.source_timeout, most=most)

    def restart(self) -> None:
        """Start the source's count over. Raises Unavailable, BadGroup, MalformedAnswer."""
        self._source.restart()

    def take(self, raw: Known) -> Taken | Outcome:
        """Ask until a batch comes that RAW does not hold. Errors: see relevo_jobs.errors."""
        source, columns, group = self._source, self._columns, self._group
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
            with ExitStack() as looked_at:
                looked_at.enter_context(answer.body)
                batch = parse(answer.status, answer.body, group, columns)
                if isinstance(batch, Exhausted):
                    action = when_exhausted(lost=lost, restarted=restarted)
                else:
                    came = Came(batch.number, batch.sha256, raw.number_of(batch.sha256), raw.hash_of(batch.number))
                    action = next_action(Situation(newest, previous, restarted), came)
                    if action is Action.KEEP:
                        self._stack.push(looked_at.pop_all())
                        return self._taken(batch, answer)
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
                if waited + pause > self._settings.repeat_wait:
                    raw.accounted()
                    raise RepeatedBatch(
                        f"expected a batch after {newest}, the source repeats batch {previous} (waited {waited:.0f} s "
                        "of RELEVO_REPEAT_WAIT): it has no new one yet, run this step again later"
                    )
                _say(f"the source repeats batch {previous}, waiting {pause:.0f} s")
                time.sleep(pause)
                waited, pause = waited + pause, min(pause * 2, 30.0)

    def _taken(self, batch: Batch, answer: Answer) -> Taken:
        columns = [*self._columns, *(batch.extra_columns if self._rest else ())]
        return Taken(
            number=batch.number,
            asked_at=answer.asked_at,
            seconds=answer.seconds,
            body=answer.body,
            kind="json",
            row_count=batch.row_count,
            columns=columns,
            parts=parts(answer.body, batch, columns),
            extra_columns=batch.extra_columns,
            missing_columns=batch.missing_columns,
            day=batch.day or self._day,
            http_status=answer.status,
        )
