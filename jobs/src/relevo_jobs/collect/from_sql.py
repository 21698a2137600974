"""A query as a source: rows above a watermark, in its order; the watermark of the last row is in RAW, with its batch.

PostgreSQL alone is spoken to. All rows with the last row's watermark belong to the batch, so that none is lost or comes
twice. The transaction is read only, a login that may write is refused before a row is taken, and nothing is held in
memory: a cursor of the server's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import psycopg

from relevo_contract.postgres import PATIENCE, said
from relevo_contract.texts import shown
from relevo_contract.use_case.sources import SqlSource
from relevo_jobs.collect.body import Body, bounded
from relevo_jobs.collect.lines import as_json, from_json
from relevo_jobs.collect.read_only import expect_reader
from relevo_jobs.collect.rows import MOST_ROWS, PART
from relevo_jobs.collect.table import Table, in_parts
from relevo_jobs.collect.taken import Known, Taken, Taking
from relevo_jobs.collect.texts import as_text
from relevo_jobs.errors import MalformedAnswer, SettingsError, Unavailable
from relevo_jobs.outcome import Outcome
from relevo_jobs.stores.postgres import speaking

VARIABLE: Final = "RELEVO_SQL_URL"
_WATERMARK: Final = re.compile(r"(?<!:):watermark\b")
Mark = Decimal | datetime | date
"""A watermark, as two are compared."""


class Sql:
    """The query of a use case, at the database that RELEVO_SQL_URL names."""

    def __init__(self, declared: SqlSource, taking: Taking) -> None:
        """Raises SettingsError if nobody says where the database is."""
        settings = taking.settings
        if settings.sql_url is None:
            raise SettingsError(
                f"{VARIABLE}: expected the address of the database that source.sql asks, with a login that may only "
                "read, such as postgresql://reader@warehouse:5432/sales; set it, or RELEVO_SQL_URL_FILE"
            )
        self._url, self._timeout = settings.sql_url, settings.source_timeout
        self._declared, self._columns, self._stack, self._rest = declared, taking.columns, taking.stack, taking.rest
        self._most = settings.source_most_bytes
        self._name, self._where = declared.watermark, "the answer to source.sql"

    def take(self, raw: Known) -> Taken | Outcome:
        """Take the next rows. Raises Unavailable, MalformedAnswer, SettingsError."""
        newest, known = raw.newest(), raw.watermark()
        above = self._declared.initial if known is None else known
        asked_at, began = datetime.now(UTC), time.monotonic()
        with self._reading() as connection, connection.cursor(name="relevo_collect") as cursor:
            clocks = connection.execute("select now(), localtimestamp").fetchone()
            if clocks is None:
                raise AssertionError("select now() gave no row")
            cursor.itersize = PART
            query = _WATERMARK.sub("%(watermark)s", self._declared.query.replace("%", "%%"))
            cursor.execute(query.encode(), {"watermark": above})
            expect_reader(connection, VARIABLE)
            names = [column.name for column in cursor.description or ()]
            table = Table(names, self._columns, self._where, rest=self._rest)
            if self._name not in names:
                raise MalformedAnswer(
                    f"expected the watermark's column {self._name} in {self._where}, got {', '.join(names[:20])}: "
                    "select it, or correct watermark of source.sql"
                )
            rows = _Rows(self._declared, names.index(self._name), above, known, clocks)
            lines = as_json(names, rows.of(self._in_time(cursor, began)), self._where)
            body = self._stack.enter_context(Body(bounded(lines, self._most, self._where, "fewer `rows`")))
        if not rows.count:
            waits = f", those above {as_text(rows.horizon)} wait" if rows.waiting else ""
            return Outcome.nothing("collect", f"no row has a {self._name} above {above}{waits}", newest)
        return Taken(
            number=1 if newest is None else newest + 1,
            asked_at=asked_at,
            seconds=time.monotonic() - began,
            body=body,
            kind="jsonl",
            row_count=rows.count,
            columns=table.columns,
            parts=in_parts(from_json(body, table)),
            extra_columns=table.extra,
            missing_columns=table.missing,
            origin={"watermark": as_text(rows.last)},
        )

    def _in_time(self, rows: Iterable[tuple[Any, ...]], began: float) -> Iterator[tuple[Any, ...]]:
        for row in rows:
            if time.monotonic() - began > self._timeout:
                raise self._late()
            yield row

    def _late(self) -> Unavailable:
        return Unavailable(
            f"expected {self._where} within {self._timeout:g} s, got none: see whether the watermark has an index, or "
            "raise RELEVO_SOURCE_TIMEOUT; RAW is unchanged"
        )

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection]:
        """A transaction that can write nothing, its errors in the step's words."""
        with (
            speaking(self._url, VARIABLE),
            psycopg.connect(self._url, application_name="relevo-job", **PATIENCE) as connection,
            self._explaining(),
        ):
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            timeout = f"{max(1, int(self._timeout * 1000))}"
            connection.execute("select set_config('statement_timeout', %s, true)", (timeout,))
            yield connection

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            raise self._late() from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise SettingsError(
                f"{VARIABLE}: expected a login that may read what source.sql asks for: {said(error)}; grant it select"
            ) from error
        except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
            raise MalformedAnswer(
                f"expected {self._where}, the database says: {said(error)}; a column or table is gone, or the query is "
                "wrong: correct it; RAW is unchanged"
            ) from error
        except (
            psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.FeatureNotSupported,
            psycopg.errors.ActiveSqlTransaction,
        ) as error:  # fmt: skip
            raise SettingsError(
                f"expected a query that only reads in source.sql, the database says: {said(error)}; nothing was written"
            ) from error
        except (psycopg.DataError, psycopg.ProgrammingError) as error:
            raise SettingsError(
                "expected a query in source.sql that PostgreSQL understands, and initial of its watermark's type, got: "
                f"{said(error)}"
            ) from error


class _Rows:
    """The rows of one batch, taken as they come; what they came to is known when they are through."""

    def __init__(
        self, declared: SqlSource, place: int, above: str, known: str | None, clocks: tuple[datetime, datetime]
    ) -> None:
        self._declared, self._place, self._above, self._known, self._clocks = declared, place, above, known, clocks
        self.count = 0
        self.last: Mark | None = None
        self.horizon: Mark | None = None
        """Rows above it wait; None: no row has to."""
        self.waiting = False

    def of(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[list[str | None]]:
        """The rows as RAW keeps them. Raises MalformedAnswer if they are not in order, or too many."""
        name, most = self._declared.watermark, self._declared.rows
        for row in rows:
            mark = self._mark(row[self._place])
            if self.last is None:
                self.horizon = self._horizon(mark)
                self._expect_above(mark)
            elif mark < self.last:  # type: ignore[operator]  # a column has one type
                raise MalformedAnswer(
                    f"expected rows in the order of {name}, got {as_text(mark)} after {as_text(self.last)}: end the "
                    f"query with order by {name}"
                )
            if self.horizon is not None and mark > self.horizon:  # type: ignore[operator]  # likewise
                self.waiting = True
                return
            if self.count >= most and mark != self.last:
                return
            if self.count == MOST_ROWS:
                raise MalformedAnswer(
                    f"expected at most {MOST_ROWS:,} rows with the same {name}, more have {as_text(mark)}: take a "
                    "column as watermark in which fewer rows are the same"
                )
            yield [as_text(value) for value in row]
            self.count, self.last = self.count + 1, mark

    def _mark(self, value: Any) -> Mark:
        number = isinstance(value, float | int | Decimal) and not isinstance(value, bool)
        mark = Decimal(str(value)) if number else value
        if isinstance(mark, date) or (isinstance(mark, Decimal) and mark.is_finite()):
            return mark
        raise MalformedAnswer(
            f"expected a number, a date or a time as {self._declared.watermark} in every row, the watermark, got "
            f"{shown(value) if isinstance(value, str) else value!r} in row {self.count}: leave such rows out, or take "
            "another column"
        )

    def _expect_above(self, mark: Mark) -> None:
        """A first row that was taken already would be there twice."""
        if self._known is None:
            return
        before = _read(self._known, mark)
        if before is not None and not mark > before:  # type: ignore[operator]  # of one type
            raise MalformedAnswer(
                f"expected rows whose {self._declared.watermark} is above {self._known}, which RAW holds, got "
                f"{as_text(mark)}: write > :watermark in the query, not >="
            )

    def _horizon(self, mark: Mark) -> Mark | None:
        lag = self._declared.lag_for
        zoned, local = self._clocks
        if isinstance(mark, datetime):
            return (local if mark.tzinfo is None else zoned) - lag
        if isinstance(mark, date):  # a day that is not over gets more rows
            return (local - lag).date() - timedelta(days=1)
        if lag:
            raise SettingsError(
                f"expected a lag in source.sql where the watermark is a time, {self._declared.watermark} is a number: "
                "leave it out"
            )
        return None


def _read(text: str, like: Mark) -> Mark | None:
    """A watermark that RAW holds, as one of this kind; None if it was of another kind."""
    try:
        if isinstance(like, datetime):
            found = datetime.fromisoformat(text)
            return found if (found.tzinfo is None) == (like.tzinfo is None) else None
        return date.fromisoformat(text) if isinstance(like, date) else Decimal(text)
    except (ValueError, ArithmeticError):
        return None
