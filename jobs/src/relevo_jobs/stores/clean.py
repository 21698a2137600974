"""CLEAN: typed rows derived from RAW, and a reason for each row left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import spelling
from relevo_contract.record import BatchRef
from relevo_jobs.needs import Sides
from relevo_jobs.stores import copying
from relevo_jobs.stores.following import Declared
from relevo_jobs.stores.postgres import Schema, connect, emptied, speaking
from relevo_jobs.stores.tables import Place, columns, definitions, quoted, types

VARIABLE = "RELEVO_CLEAN_URL"
MOST_WITHIN: Final = 2000
"""Finer places of one place: more a form does not offer."""


def schema(data: DataSet) -> Schema:
    """CLEAN of a data set."""
    table, typed = quoted(data.name), types(data, data.typed)
    batches = f"""
        create table clean.batches (
            group_number integer not null,
            batch_number integer not null,
            body_sha256  text not null,
            row_count    integer not null,
            kept         integer not null,
            rejected     integer not null,
            cleaned_at   timestamptz not null default now(),
            primary key (group_number, batch_number)
        );
        create table clean.{table} (
            group_number integer not null,
            batch_number integer not null,
            row_number   integer not null,
            {definitions(typed)},
            holdout      boolean not null,
            primary key (group_number, batch_number, row_number),
            foreign key (group_number, batch_number) references clean.batches
        );
        comment on column clean.{table}.holdout is 'Never trained on by any version.';
        create table clean.rejections (
            group_number integer not null,
            batch_number integer not null,
            row_number   integer not null,
            reason       text not null,
            detail       text not null,
            primary key (group_number, batch_number, row_number),
            foreign key (group_number, batch_number) references clean.batches
        );
        comment on table clean.rejections is 'Rows of RAW that CLEAN leaves out, and why; see docs/cleaning.md.';
        """
    blanked = f"""
        alter table clean.batches add column held_out integer not null default 0;
        update clean.batches b set held_out = (
            select count(*) from clean.{table} r
            where r.group_number = b.group_number and r.batch_number = b.batch_number and r.holdout
        );
        comment on column clean.batches.held_out is 'Of the rows kept, those that no version is trained on.';
        create table clean.blanked (
            group_number integer not null,
            batch_number integer not null,
            row_number   integer not null,
            column_name  text not null,
            reason       text not null,
            primary key (group_number, batch_number, row_number, column_name),
            foreign key (group_number, batch_number) references clean.batches
        );
        comment on table clean.blanked is
            'Values of kept rows that CLEAN could not understand or believe and took as missing, and why.';
        """  # noqa: S608  # a data set's name is small letters, digits and _
    return Schema("clean", VARIABLE, (batches, blanked), (Declared(data.name, typed, data.target),))


@dataclass(frozen=True)
class CleanPart:
    """Some rows of a cleaned batch, ready to be stored: as COPY takes them."""

    kept: Sequence[Sequence[str | None]]
    """row_number, the data set's typed columns, holdout."""
    rejections: Sequence[tuple[str, str, str]] = ()
    """row_number, reason, detail."""
    blanked: Sequence[tuple[str, str, str]] = ()
    """row_number, column, reason."""


class CleanStore:
    """CLEAN of one group. `CleanStore(url, group, data)` opens a connection for each call; `open_clean` keeps one."""

    def __init__(self, url: str, group: int, data: DataSet, connection: psycopg.Connection | None = None) -> None:
        self._url, self._group, self._connection, self._data = url, group, connection, data

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection]:
        if self._connection is not None:
            with speaking(self._url, VARIABLE):
                yield self._connection
        else:
            with connect(self._url, schema(self._data)) as connection:
                yield connection

    def newest(self) -> BatchRef | None:
        """The newest cleaned batch; None if there is none."""
        return next(iter(self.newest_first(1)), None)

    def newest_first(self, limit: int, below: int | None = None) -> list[BatchRef]:
        """At most `limit` batches, newest first, with numbers below `below` if given."""
        return self._batches("desc", limit, below)

    def batches(self) -> list[BatchRef]:
        """All cleaned batches, oldest first."""
        return self._batches("asc", None, None)

    def _batches(self, order: str, limit: int | None, below: int | None) -> list[BatchRef]:
        with self._open() as connection:
            rows = connection.execute(
                "select batch_number, body_sha256, row_count, kept from clean.batches where group_number = %s"  # noqa: S608
                f" and (%s::integer is null or batch_number < %s) order by batch_number {order} limit %s",
                (self._group, below, below, limit),
            ).fetchall()
        return [BatchRef(group=self._group, number=n, sha256=h, rows=c, kept=k) for n, h, c, k in rows]

    def columns(
        self,
        numbers: Sequence[int] | None = None,
        holdout: bool | None = None,
        within: tuple[Place, Place] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Rows as `relevo_contract.data_set.Columns` with the target, ordered by batch and row; shape (n,) each.

        `numbers` chooses batches, `holdout` the held-out rows or the others, `within` those from one place on and
        before another; None takes all.
        """
        first, end = within or ((None, None), (None, None))
        with self._open() as connection:
            rows = connection.execute(
                (
                    f"select {quoted(*self._data.typed)} from clean.{quoted(self._data.name)} where group_number = %s"  # noqa: S608
                    " and (%s::integer[] is null or batch_number = any(%s)) and (%s::boolean is null or holdout = %s)"
                    " and (%s::integer is null or ((batch_number, row_number) >= (%s, %s)"
                    " and (batch_number, row_number) < (%s, %s)))"
                    " order by batch_number, row_number"
                ).encode(),
                (
                    self._group,
                    numbers and list(numbers),
                    numbers and list(numbers),
                    holdout,
                    holdout,
                    first[0],
                    *first,
                    *end,
                ),
                binary=True,
            ).fetchall()
        if numbers is not None and not numbers:
            rows = []
        return columns(self._data, rows, self._data.typed)

    def sides(self, last: int, excluded: Collection[int]) -> Sides:
        """Rows to train on and rows held out of all batches up to the last, without those excluded."""
        with self._open() as connection:
            row = connection.execute(
                "select coalesce(sum(kept - held_out), 0)::bigint, coalesce(sum(held_out), 0)::bigint"
                " from clean.batches where group_number = %s and batch_number <= %s and not batch_number = any(%s)",
                (self._group, last, list(excluded)),
            ).fetchone()
            sides = Sides(*row) if row else Sides(0, 0)
            if self._data.predicts.fewest_each:
                positive = connection.execute(
                    f"select count(*) filter (where {quoted(self._data.target)} = 1) from"  # noqa: S608
                    f" clean.{quoted(self._data.name)} where not holdout and group_number = %s and batch_number <= %s"
                    " and not batch_number = any(%s)",
                    (self._group, last, list(excluded)),
                ).fetchone()
                sides = sides._replace(positive=positive[0] if positive else 0)
        return sides

    def held_out(self, numbers: Sequence[int]) -> dict[int, int]:
        """Held-out rows of each of these batches, oldest first."""
        with self._open() as connection:
            found = connection.execute(
                f"select batch_number, count(*) filter (where holdout) from clean.{quoted(self._data.name)}"  # noqa: S608
                " where group_number = %s and batch_number = any(%s) group by batch_number order by batch_number",
                (self._group, list(numbers)),
            ).fetchall()
        return dict(found)

    def within(self, numbers: Sequence[int]) -> dict[str, dict[str, tuple[str, ...]]]:
        """By finer column and place the finer places that training rows of these batches have, most frequent first.

        All are in the one spelling of categories.
        """
        place, found = self._data.place, dict[str, dict[str, tuple[str, ...]]]()
        if place is None:
            return found
        with self._open() as connection:
            for finer in self._data.within:
                counts: dict[str, Counter[str]] = {}
                for above, below, rows in connection.execute(
                    f"select {quoted(place)}, {quoted(finer)}, count(*) from clean.{quoted(self._data.name)}"  # noqa: S608
                    " where group_number = %s and batch_number = any(%s) and not holdout"
                    f" and {quoted(place)} is not null and {quoted(finer)} is not null group by 1, 2",
                    (self._group, list(numbers)),
                ):
                    counts.setdefault(spelling(above), Counter())[spelling(below)] += rows
                found[finer] = {
                    above: tuple(sorted(of, key=lambda one: (-of[one], one))[:MOST_WITHIN])
                    for above, of in sorted(counts.items())
                }
        return found

    def origin(self, number: int, most: int = 10) -> dict[str, int] | None:
        """A batch's rows by place, the most frequent first; the empty name is of rows without one. None: no places."""
        if self._data.place is None:
            return None
        with self._open() as connection:
            found = connection.execute(
                f"select coalesce({quoted(self._data.place)}, ''), count(*) from clean.{quoted(self._data.name)}"  # noqa: S608
                " where group_number = %s and batch_number = %s group by 1 order by 2 desc, 1 limit %s",
                (self._group, number, most),
            ).fetchall()
        return dict(found)

    def rejected(self, number: int) -> dict[str, int]:
        """Rows of a batch that were left out, by reason, the most frequent first."""
        with self._open() as connection:
            found = connection.execute(
                "select reason, count(*) from clean.rejections where group_number = %s and batch_number = %s"
                " group by reason order by count(*) desc, reason",
                (self._group, number),
            ).fetchall()
        return dict(found)

    def add(self, number: int, sha256: str, row_count: int, parts: Iterable[CleanPart]) -> None:
        """Write a batch, its rows and its rejections in one transaction; one that is there already stays.

        The parts are written as they come: of a large batch, one is here at a time.
        """
        with self._open() as connection, connection.transaction():
            done = connection.execute(
                "insert into clean.batches (group_number, batch_number, body_sha256, row_count, kept, rejected)"
                " values (%s, %s, %s, %s, 0, 0) on conflict do nothing",
                (self._group, number, sha256, row_count),
            )
            if done.rowcount == 0:
                return
            kept = rejected = 0
            typed = f"row_number, {quoted(*self._data.typed)}, holdout"
            for part in parts:
                self._copy(connection, self._data.name, typed, number, part.kept)
                self._copy(connection, "rejections", "row_number, reason, detail", number, part.rejections)
                self._copy(connection, "blanked", "row_number, column_name, reason", number, part.blanked)
                kept, rejected = kept + len(part.kept), rejected + len(part.rejections)
            connection.execute(
                (
                    "update clean.batches b set kept = %s, rejected = %s, held_out = (select count(*) from"  # noqa: S608
                    f" clean.{quoted(self._data.name)} r where r.group_number = b.group_number"
                    " and r.batch_number = b.batch_number and r.holdout)"
                    " where group_number = %s and batch_number = %s"
                ).encode(),
                (kept, rejected, self._group, number),
            )

    def keep_sides(self) -> None:
        """Hold out what CLEAN held out before `open_emptied` emptied it, and nothing else of those rows."""
        rows = f"clean.{quoted(self._data.name)}"
        moved = f"update {rows} r set holdout = s.holdout from sides s where r.group_number = %s"  # noqa: S608  # names alone
        of_it = " and (r.group_number, r.batch_number, r.row_number) = (s.group_number, s.batch_number, s.row_number)"
        counted = f"select count(*) from {rows} r where (group_number, batch_number) = (b.group_number, b.batch_number)"  # noqa: S608
        with self._open() as connection:
            connection.execute((moved + of_it + " and r.holdout <> s.holdout").encode(), (self._group,))
            connection.execute(
                f"update clean.batches b set held_out = ({counted} and r.holdout) where group_number = %s".encode(),  # noqa: S608
                (self._group,),
            )

    def _copy(
        self,
        connection: psycopg.Connection,
        table: str,
        columns: str,
        number: int,
        rows: Sequence[Sequence[str | None]],
    ) -> None:
        statement = f"copy clean.{quoted(table)} (group_number, batch_number, {columns}) from stdin"
        with connection.cursor().copy(statement.encode()) as copy:
            copy.write(copying.block(rows, before=[[str(value)] * len(rows) for value in (self._group, number)]))


@contextmanager
def open_clean(url: str, group: int, data: DataSet) -> Iterator[CleanStore]:
    """CLEAN of one group over one connection, its schema up to date. Raises Unavailable if the server is away."""
    with connect(url, schema(data)) as connection:
        yield CleanStore(url, group, data, connection)


@contextmanager
def open_emptied(url: str, data: DataSet) -> Iterator[Sequence[tuple[CleanStore, BatchRef]]]:
    """CLEAN of each group, and the newest batch that it held, if a column is of another type by now; else nothing.

    It has no row then, and the types that are declared: the block fills it, and only then does anybody else see it. If
    the block fails, CLEAN is as it was.
    """

    def empty(connection: psycopg.Connection) -> Sequence[tuple[CleanStore, BatchRef]]:
        groups = connection.execute("select distinct group_number from clean.batches order by 1").fetchall()
        stores = [CleanStore(url, group, data, connection) for (group,) in groups]
        held = [(store, newest) for store in stores if (newest := store.newest()) is not None]
        rows = f"clean.{quoted(data.name)}"
        sides = "create temporary table sides on commit drop as select group_number, batch_number, row_number, holdout"
        connection.execute(f"{sides} from {rows}".encode())
        connection.execute(f"truncate clean.blanked, clean.rejections, {rows}, clean.batches".encode())
        return held

    with emptied(url, schema(data), empty) as held:
        yield held
