"""RAW ingestion beside its limit and its peer, in one run on one real PostgreSQL: `make bench-ingestion`.

    bare COPY             the limit: the same rows as text made beforehand, one COPY, one commit, the same table
    Relevo                RawStore.add: rows to COPY text, the batch's row, COPY, one commit
    Relevo from the body  the source's JSON packed for the bucket, told apart, and read again for RawStore.add
    pandas.to_sql         the peer: the frame made beforehand, SQLAlchemy over psycopg2, committed

All write the twelve text columns with batch and row number under the same primary key; `bare COPY, no key` shows what
that key costs. Rounds take turns, so that a busy moment of the machine meets all of them; ratios are taken within a
round. (to_sql's other way, method="multi", took four times as long as its default and is left out.)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psycopg
import sqlalchemy

from relevo_demo.servers import PostgresServer
from relevo_demo.source import listings
from relevo_jobs.collect.answers import Batch, parse, parts
from relevo_jobs.collect.body import Body
from relevo_jobs.collect.rows import PART
from relevo_jobs.stores import copying
from relevo_jobs.stores.raw import NewBatch, RawStore, open_raw
from tests.houses import COLUMNS, LISTINGS

GROUP = 6
TO_BARE = 0.8
TO_PANDAS = 10.0
NAMES = ("batch_id", "row_number", *COLUMNS)
Row = tuple[str | None, ...]


def read_rows(path: Path | None, count: int) -> list[Row]:
    """`count` rows: the listings of the file over and over, or made-up ones of the same look. Empty is NULL."""
    if path is None:
        made: list[Row] = [
            (f"{i % 5000}.0", "for_sale", f"{90_000 + i}.0", str(i % 7), None if i % 4 == 0 else "2", f"{i % 300}",
             f"{1_900_000 + i}.0", f"Town {i % 900}", "Puerto Rico", f"{i % 1000:05}", f"{700 + i % 3000}.0", None)
            for i in range(count)
        ]  # fmt: skip
        return made
    found: list[Row] = [tuple(value or None for value in row) for row in listings.read(path).values()]
    return [found[i % len(found)] for i in range(count)]


class Ground:
    """One database, and the three ways to write the same rows into it; each call writes one batch more."""

    def __init__(self, raw: RawStore, connection: psycopg.Connection, url: str, rows: Sequence[Row]) -> None:
        self.raw, self.connection, self.rows = raw, connection, rows
        self.batches = 0
        self.engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1))
        named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        answer = {"group_number": GROUP, "day": "Wednesday", "batch_number": 1, "data": named}
        self.body = json.dumps(answer).encode()
        self.frame = pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=object)

    def _new(self, count: int, parts: Iterable[Sequence[Row]]) -> NewBatch:
        self.batches += 1
        return NewBatch(
            group=GROUP, day="Wednesday", number=self.batches, requested_at=datetime.now(UTC), seconds=0.0,
            http_status=200, sha256=f"{self.batches:064x}", body_key="none", row_count=count, parts=parts,
        )  # fmt: skip

    def relevo(self) -> float:
        """Seconds of RawStore.add."""
        batch = self._new(len(self.rows), (self.rows[at : at + PART] for at in range(0, len(self.rows), PART)))
        began = time.perf_counter()
        self.raw.add(batch)
        return time.perf_counter() - began

    def from_body(self) -> float:
        """Seconds from the source's answer to the commit."""
        began = time.perf_counter()
        with Body([self.body]) as body:
            came = parse(200, body, GROUP, COLUMNS)
            if not isinstance(came, Batch):
                raise TypeError(f"expected a batch, got {came}")
            self.raw.add(self._new(came.row_count, parts(body, came, COLUMNS)))
        return time.perf_counter() - began

    def bare(self, table: str = "listings") -> float:
        """Seconds of a COPY of text that was made beforehand, and its commit."""
        key = str(self.raw.add(self._new(0, [])))
        text = copying.block(self.rows, before=([key] * len(self.rows), list(map(str, range(len(self.rows))))))
        began = time.perf_counter()
        with (
            self.connection.transaction(),
            self.connection.cursor().copy(f"copy raw.{table} ({', '.join(NAMES)}) from stdin") as copy,
        ):
            copy.write(text)
        return time.perf_counter() - began

    def pandas(self) -> float:
        """Seconds of DataFrame.to_sql, committed."""
        key = self.raw.add(self._new(0, []))
        frame = self.frame.copy()
        frame.insert(0, "row_number", range(len(frame)))
        frame.insert(0, "batch_id", key)
        began = time.perf_counter()
        with self.engine.begin() as connection:
            frame.to_sql(
                "listings",
                connection,
                schema="raw",
                if_exists="append",
                index=False,
            )
        return time.perf_counter() - began

    def check(self) -> None:
        """Every way wrote the same rows, or the comparison is void."""
        distinct = self.connection.execute(
            f"select count(distinct digest) from (select md5(string_agg(({', '.join(COLUMNS)})::text, ';'"
            " order by row_number)) as digest from raw.listings group by batch_id)"
        ).fetchone()
        if distinct != (1,):
            raise AssertionError(f"expected every way to write the same rows, found {distinct} contents")


def table(figures: dict[str, list[float]], rows: int) -> bool:
    """Print the table; True if both bounds hold."""
    print(f"\nRAW ingestion of {rows:,} rows a batch, medians of {len(figures['Relevo'])} rounds in turns\n")
    print(f"{'way':20} {'seconds':>9} {'lowest':>8} {'highest':>8} {'rows/s':>11} {'rate / Relevo':>14}")
    rates = {}
    for name, taken in figures.items():
        median = statistics.median(taken)
        rates[name] = statistics.median(r / t for r, t in zip(figures["Relevo"], taken, strict=True))
        print(f"{name:20} {median:9.3f} {min(taken):8.3f} {max(taken):8.3f} {rows / median:11,.0f} {rates[name]:14.2f}")
    to_bare, to_pandas = 1 / rates["bare COPY"], 1 / rates["pandas.to_sql"]
    print(f"\nRelevo / bare COPY:     {to_bare:6.2f}    (bound: at least {TO_BARE})")
    print(f"Relevo / pandas.to_sql: {to_pandas:6.1f}    (bound: at least {TO_PANDAS:.0f})")
    return to_bare >= TO_BARE and to_pandas >= TO_PANDAS


def main() -> int:
    """Measure; 1 if a bound is broken."""
    parser = argparse.ArgumentParser(prog="bench-ingestion", description="RAW ingestion, a bare COPY and pandas.to_sql")
    parser.add_argument("--data", type=Path, help="the listings as CSV; made-up ones without")
    parser.add_argument("--rows", type=int, default=30_000, help="rows a batch (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each way (default %(default)s)")
    given = parser.parse_args()
    rows = read_rows(given.data, given.rows)
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        os.environ.update(server.env)
        url = server.url("raw")
        with open_raw(url, GROUP, LISTINGS) as raw, psycopg.connect(url, autocommit=True) as connection:
            ground = Ground(raw, connection, url, rows)
            connection.execute("create table raw.keyless (like raw.listings)")
            ways: dict[str, Callable[[], float]] = {
                "bare COPY, no key": lambda: ground.bare("keyless"),
                "bare COPY": ground.bare,
                "Relevo": ground.relevo,
                "Relevo from the body": ground.from_body,
                "pandas.to_sql": ground.pandas,
            }
            figures: dict[str, list[float]] = {name: [] for name in ways}
            for turn in range(given.rounds + 1):
                for name, way in ways.items():
                    taken = way()
                    if turn:  # the first round warms caches and is not counted
                        figures[name].append(taken)
            ground.check()
            ground.engine.dispose()
    return 0 if table(figures, len(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
