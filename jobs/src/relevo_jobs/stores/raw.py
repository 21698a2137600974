"""RAW: each answer of the source, once, to the letter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from relevo_contract.data_set import DataSet
from relevo_jobs.errors import Unavailable
from relevo_jobs.stores import copying, source_files, spools
from relevo_jobs.stores.following import Declared
from relevo_jobs.stores.postgres import Schema, connect, speaking
from relevo_jobs.stores.source_files import SourceFile
from relevo_jobs.stores.tables import TEXT, definitions, quoted, types

VARIABLE = "RELEVO_RAW_URL"


def schema(data: DataSet) -> Schema:
    """RAW of a data set."""
    table, inputs = quoted(data.name), types(data, data.inputs)
    as_they_came = dict.fromkeys(data.columns, TEXT)
    batches = f"""
        create table raw.batches (
            batch_id        bigint generated always as identity primary key,
            group_number    integer not null,
            day             text not null,
            batch_number    integer not null,
            requested_at    timestamptz not null,
            seconds         double precision not null,
            http_status     integer not null,
            row_count       integer not null,
            body_sha256     text not null,
            body_key        text not null,
            extra_columns   jsonb not null default '[]',
            missing_columns jsonb not null default '[]',
            collected_at    timestamptz not null default now(),
            unique (group_number, batch_number),
            unique (group_number, body_sha256)
        );
        comment on table raw.batches is 'One row per answer of the data source; written once, never changed.';
        create table raw.{table} (
            batch_id   bigint not null, -- no foreign key: it would double COPY's cost to check, row by row, what
                                        -- was written in the same transaction and is never changed
            row_number integer not null,
            {definitions(as_they_came)},
            primary key (batch_id, row_number)
        );
        create table raw.in_flight (
            group_number integer primary key,
            asked_at     timestamptz not null default now()
        );
        comment on table raw.in_flight is 'A request whose answer is not accounted for: it may have been lost.';
        comment on table raw.{table} is 'The rows as they came, to the letter; the exact body is in the bucket.';
        """
    inferences = f"""
        create table raw.inferences (
            request    uuid not null,
            row_number integer not null,
            at         timestamptz not null,
            model      text not null,
            version    integer not null,
            run_id     text not null,
            {definitions(inputs)},
            prediction double precision not null,
            low        double precision not null,
            high       double precision not null,
            unseen     text[] not null
        );
        create index inferences_at on raw.inferences (at); -- decide reads the newest; no unique key: the inference API
                                                           -- delivers each once, see raw.inference_spools
        comment on table raw.inferences is
            'Every house the inference API priced, with the price in US dollars, its 90 % interval and the version.';
        create table raw.inference_spools (
            segment uuid primary key,
            bytes   bigint not null default 0,
            rows    bigint not null default 0,
            at      timestamptz not null default now()
        );
        comment on table raw.inference_spools is
            'How much of each file of the inference API''s spools is in raw.inferences; written with the rows.';
        """
    without_interval = "alter table raw.inferences alter low drop not null, alter high drop not null;"
    # The larger table first: while a step that reads it is waited for, the inference API's is free.
    declared = (Declared(data.name, as_they_came, data.target), Declared("inferences", inputs, data.target, kept=True))
    migrations = (batches, inferences, without_interval, spools.MIGRATION, source_files.MIGRATION)
    return Schema("raw", VARIABLE, migrations, declared)


LOCK_WAIT = 5.0
"""Seconds to wait for another collector of the group to end."""
PART = 2_000
"""Rows fetched at a time."""


@dataclass(frozen=True)
class NewBatch:
    """A batch as RAW keeps it. `requested_at` with time zone, `seconds` until the answer was whole."""

    group: int
    day: str | None
    number: int
    requested_at: datetime
    seconds: float
    http_status: int | None
    sha256: str
    body_key: str
    row_count: int
    parts: Iterable[Sequence[Sequence[str | None]]]
    """Its rows, some thousand at a time; each its values in the order of the data set's columns."""
    extra_columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()
    origin: Mapping[str, Any] | None = None
    """Of files and queries, where in them it ends or begins; each origin is kept once. None: HTTP."""
    file: SourceFile | None = None
    """The file that it is of, and how far that is collected then."""


@dataclass(frozen=True)
class StoredBatch:
    """A batch that RAW holds."""

    batch_id: int
    number: int
    sha256: str
    row_count: int


class RawStore:
    """RAW of one group. Make it with `open_raw`."""

    def __init__(self, connection: psycopg.Connection, url: str, group: int, data: DataSet) -> None:
        self._connection, self._url, self._group, self._data = connection, url, group, data

    def _run(self, statement: LiteralString | bytes, *parameters: object) -> psycopg.Cursor[Any]:
        with speaking(self._url, VARIABLE):
            return self._connection.execute(statement, parameters)

    def become_sole_collector(self) -> None:
        """Take the group's lock until the connection ends: two collectors would each move the source's count on.

        Raises Unavailable if another one holds it.
        """
        # The server, too, must notice within half a minute that a collector's machine is gone, or its lock stays.
        self._run("set tcp_keepalives_idle = 10")
        self._run("set tcp_keepalives_interval = 5")
        self._run("set tcp_keepalives_count = 3")
        deadline = time.monotonic() + LOCK_WAIT  # the lock of a collector killed just now is free in a moment
        while not self._try_lock():
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"expected to be the only collector of group {self._group}, another one is at work: let it end, "
                    "run again"
                )
            time.sleep(0.1)

    def _try_lock(self) -> bool:
        row = self._run("select pg_try_advisory_lock(%s, %s)", 0x7265, self._group).fetchone()
        return bool(row and row[0])

    def newest(self) -> int | None:
        """The newest batch's number; None if there is none."""
        row = self._run("select max(batch_number) from raw.batches where group_number = %s", self._group).fetchone()
        return None if row is None or row[0] is None else int(row[0])

    def hash_of(self, number: int) -> str | None:
        """The body hash of a batch by its number; None if RAW does not hold it."""
        row = self._run(
            "select body_sha256 from raw.batches where group_number = %s and batch_number = %s", self._group, number
        ).fetchone()
        return None if row is None else str(row[0])

    def number_of(self, sha256: str) -> int | None:
        """The number under which RAW holds this body; None if it does not."""
        row = self._run(
            "select batch_number from raw.batches where group_number = %s and body_sha256 = %s", self._group, sha256
        ).fetchone()
        return None if row is None else int(row[0])

    def asks(self) -> bool:
        """Note that the source is being asked; True if an earlier request is not accounted for: its answer is lost."""
        done = self._run("insert into raw.in_flight (group_number) values (%s) on conflict do nothing", self._group)
        return done.rowcount == 0

    def accounted(self) -> None:
        """Note that every answer is accounted for."""
        self._run("delete from raw.in_flight where group_number = %s", self._group)

    def files(self) -> Mapping[str, SourceFile]:
        """The source's files that RAW knows, by name."""
        with speaking(self._url, VARIABLE):
            return source_files.held(self._connection, self._group)

    def note(self, file: SourceFile) -> None:
        """Note of a file what no batch comes of: that nothing is left of it, or that it is the same as before."""
        with speaking(self._url, VARIABLE):
            source_files.note(self._connection, self._group, file)

    def watermark(self) -> str | None:
        """The watermark of the newest batch that came of a query; None if there is none."""
        row = self._run(
            "select origin ->> 'watermark' from raw.batches where group_number = %s and origin ? 'watermark'"
            " order by batch_number desc limit 1",
            self._group,
        ).fetchone()
        return None if row is None else str(row[0])

    def add(self, batch: NewBatch) -> int:
        """Write a batch and its rows, and note its answer accounted for, in one transaction; returns its id."""
        with speaking(self._url, VARIABLE), self._connection.transaction():
            row = self._connection.execute(
                "insert into raw.batches (group_number, day, batch_number, requested_at, seconds, http_status,"
                " row_count, body_sha256, body_key, extra_columns, missing_columns, origin)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning batch_id",
                (
                    batch.group, batch.day, batch.number, batch.requested_at, batch.seconds, batch.http_status,
                    batch.row_count, batch.sha256, batch.body_key,
                    json.dumps(batch.extra_columns), json.dumps(batch.missing_columns),
                    None if batch.origin is None else json.dumps(batch.origin),
                ),
            ).fetchone()  # fmt: skip
            if row is None:
                raise AssertionError("insert ... returning gave no row")
            batch_id = int(row[0])
            copied = self._copy(batch_id, batch.parts)
            if copied != batch.row_count:
                raise AssertionError(f"expected {batch.row_count} rows of batch {batch.number}, got {copied}")
            if batch.file is not None:
                source_files.note(self._connection, self._group, batch.file)
            self.accounted()
        return batch_id

    def _copy(self, batch_id: int, parts: Iterable[Sequence[Sequence[str | None]]]) -> int:
        """The rows, a part at a time: PostgreSQL works on one while we work on the next. Returns how many."""
        columns, count = f"batch_id, row_number, {quoted(*self._data.columns)}", 0
        statement = f"copy raw.{quoted(self._data.name)} ({columns}) from stdin"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for part in parts:
                numbers = list(map(str, range(count, count + len(part))))
                copy.write(copying.block(part, before=([str(batch_id)] * len(part), numbers)))
                count += len(part)
        return count

    def after(self, known: int | None) -> list[StoredBatch]:
        """The batches with a number above `known` (all if None), oldest first."""
        rows = self._run(
            "select batch_id, batch_number, body_sha256, row_count from raw.batches"
            " where group_number = %s and batch_number > %s order by batch_number",
            self._group,
            -1 if known is None else known,
        ).fetchall()
        return [StoredBatch(int(i), int(n), str(h), int(c)) for i, n, h, c in rows]

    def rows(self, batch_id: int) -> Iterator[tuple[str | None, ...]]:
        """A batch's rows, each its values in the order of the data set's columns, in the order they came.

        They are fetched some thousands at a time, as they are taken.
        """
        columns, table = quoted(*self._data.columns), quoted(self._data.name)
        statement = f"select {columns} from raw.{table} where batch_id = %s order by row_number"  # noqa: S608
        connection = self._connection
        with speaking(self._url, VARIABLE), connection.transaction(), connection.cursor(name="rows") as cursor:
            cursor.itersize = PART
            yield from cursor.execute(statement.encode(), (batch_id,))


@contextmanager
def open_raw(url: str, group: int, data: DataSet) -> Iterator[RawStore]:
    """RAW of one group, its schema up to date. Raises Unavailable if the server is away."""
    with connect(url, schema(data)) as connection:
        yield RawStore(connection, url, group, data)
