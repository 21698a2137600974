"""What the inference API answered of late, by the counters that it shows to Prometheus. Pure.

Counters only grow from the start of a process, so whoever wants the last hour holds two looks against each other; the
UI keeps its own, by process, for behind one address there may be several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

HOUR: Final = timedelta(hours=1)
SHORT: Final = timedelta(minutes=2)
"""A look further back than this is worth holding against the newest one; else all since the process began is told."""
_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_PREDICTING: Final = re.compile(r"/predict|/explain|/v2/.*/infer")


@dataclass(frozen=True)
class Counts:
    """What one process has counted since it began."""

    began: datetime
    at: datetime
    rows: int = 0
    answered: int = 0
    """Requests for predictions and explanations, whatever they were answered..."""
    refused: int = 0
    """...those refused as the client's fault (4xx)..."""
    failed: int = 0
    """...and those that failed (5xx)."""


@dataclass(frozen=True)
class Traffic:
    """What was answered since a moment."""

    since: datetime
    rows: int
    answered: int
    refused: int
    failed: int


def counts(text: str, at: datetime) -> Counts | None:
    """Read Prometheus' text; None if it does not say when the process began."""
    began, rows, statuses = None, 0.0, dict.fromkeys("2345", 0.0)
    for name, labels, value in _SAMPLE.findall(text):
        if name == "process_start_time_seconds":
            began = datetime.fromtimestamp(float(value), UTC)
        elif name == "relevo_serving_rows_total":
            rows = float(value)
        elif name == "relevo_serving_requests_total":
            told = dict(_LABEL.findall(labels))
            if _PREDICTING.fullmatch(told.get("route", "")):
                status = told.get("status", "")[:1]
                statuses[status] = statuses.get(status, 0.0) + float(value)
    if began is None:
        return None
    return Counts(began, at, int(rows), int(sum(statuses.values())), int(statuses["4"]), int(statuses["5"]))


def kept(looks: Sequence[Counts], new: Counts) -> list[Counts]:
    """The looks to keep: one a minute, and of each process the last before an hour ago with what came since."""
    last = max((one.at for one in looks if one.began == new.began), default=None)
    if last is not None and new.at - last < timedelta(minutes=1):
        return list(looks)
    return [one for one in looks if new.at - one.at <= HOUR + timedelta(minutes=1)] + [new]


def last_hour(looks: Sequence[Counts], now: Counts) -> Traffic:
    """What was answered in the last hour, or as far back as is known: from where on is said."""
    by_process: dict[datetime, list[Counts]] = {}
    for one in (*looks, now):
        if now.at - one.at <= HOUR + timedelta(minutes=1):
            by_process.setdefault(one.began, []).append(one)
    since, sums = now.at, [0, 0, 0, 0]
    for began, found in by_process.items():
        found.sort(key=lambda one: one.at)
        first, newest = found[0], found[-1]
        if now.at - began <= HOUR or newest.at - first.at < SHORT:
            first = Counts(began, began)
        since = min(since, first.at)
        for place, name in enumerate(("rows", "answered", "refused", "failed")):
            sums[place] += getattr(newest, name) - getattr(first, name)
    return Traffic(since, *sums)
