"""The only file that speaks to PostgreSQL: a part of a segment goes into `raw.inferences`, once, or not at all.

`raw.inference_spools` has how many bytes of each segment were taken over, written in one transaction with the rows: a
part that is sent again, because the answer to its commit was lost or the process was killed, is told from it.

The columns are the table's, not this release's: a spool that another release filled is carried over whole. If the table
lacks one that this release keeps, the records wait until `relevo-job prepare` has added it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.data_set import KEYS
from relevo_contract.listing import INPUTS
from relevo_contract.postgres import PATIENCE, said
from relevo_serving.errors import SettingsError, StoreAway, WrongRecord
from relevo_serving.storing.record import COLUMNS

_INCOMING: LiteralString = """
    create temp table if not exists incoming (
        request uuid, microseconds bigint, model text, version integer, run_id text, houses json, predictions json
    ) on commit delete rows
"""
_COPY = f"copy incoming ({', '.join(COLUMNS)}) from stdin"
_KNOWN: LiteralString = """
    select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = 'raw.inferences'::regclass and attnum > 0 and not attisdropped and attname <> all(%s)
"""


def _take_over(kinds: Mapping[str, str]) -> bytes:
    """The statement for a table that has these columns of houses, with their types.

    What stands in it without its table is a name that no data set may give a column (`relevo_contract.data_set.KEYS`).
    """
    quoted = {sql.Identifier(name).as_string(): kind for name, kind in kinds.items()}
    names = ", ".join(quoted)
    return f"""
        insert into raw.inferences
            (request, row_number, at, model, version, run_id, {names}, prediction, low, high, unseen)
        select request, row_number, to_timestamp(incoming.microseconds / 1e6), model, version, run_id,
            {", ".join(f"priced.{name}" for name in quoted)},
            prediction, low, high, array(select json_array_elements_text(unseen))
        from incoming,
            rows from (
                json_to_recordset(incoming.houses) as ({", ".join(f"{name} {kind}" for name, kind in quoted.items())}),
                json_to_recordset(incoming.predictions) as (price float8, low float8, high float8, unseen json)
            ) with ordinality as priced ({names}, prediction, low, high, unseen, row_number)
    """.encode()  # noqa: S608  # names as PostgreSQL tells them, quoted


class InferenceStore:
    """`raw.inferences`, over one connection that is made when it is needed and made anew when it broke."""

    def __init__(self, url: str) -> None:
        """Raises SettingsError if the address cannot be read."""
        try:
            parts = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise SettingsError(
                "RELEVO_RAW_URL: expected an address such as postgresql://user@host:5432/raw, got one that libpq "
                "cannot read; a password belongs in PGPASSWORD or PGPASSFILE"
            ) from None
        self._shown = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._statement: bytes | None = None
        """Of this connection."""

    def deliver(self, segment: uuid.UUID, start: int, part: bytes, *, skip: bool = False) -> tuple[int, int]:
        """Take over a part of a segment that begins at byte `start`; with `skip`, count it and write no row.

        Returns the bytes of the segment that are taken over by now, and the rows that this call wrote. If they are not
        `start` when it begins, nothing is written: the caller goes on from what is returned. Raises StoreAway if
        PostgreSQL does not answer or lacks the tables, WrongRecord if it can never take the part.
        """
        try:
            connection = self._connected()
            with connection.transaction():
                return self._take_over(connection, segment, start, part, skip=skip)
        except psycopg.DataError as error:
            raise WrongRecord(f"PostgreSQL refuses a record: {said(error)}") from error
        except psycopg.Error as error:
            self.close()
            raise StoreAway(
                f"expected to write inferences to PostgreSQL at {self._shown}, got: {said(error)}; they wait in the "
                "spool and are sent again"
            ) from error

    def _take_over(
        self, connection: psycopg.Connection, segment: uuid.UUID, start: int, part: bytes, *, skip: bool
    ) -> tuple[int, int]:
        connection.execute("insert into raw.inference_spools (segment) values (%s) on conflict do nothing", (segment,))
        row = connection.execute(
            "select bytes from raw.inference_spools where segment = %s for update", (segment,)
        ).fetchone()
        if row is None:
            raise AssertionError("a row that was just made is gone")
        if row[0] != start or not part:
            return int(row[0]), 0
        rows = 0
        if not skip:
            connection.execute(_INCOMING)
            with connection.cursor().copy(_COPY) as copy:
                copy.write(part)
            rows = connection.execute(self._taking_over(connection)).rowcount
        end = start + len(part)
        connection.execute(
            "update raw.inference_spools set bytes = %s, rows = rows + %s, at = now() where segment = %s",
            (end, rows, segment),
        )
        return end, rows

    def _taking_over(self, connection: psycopg.Connection) -> bytes:
        if self._statement is None:
            kinds: dict[str, str] = dict(connection.execute(_KNOWN, (list(KEYS),)).fetchall())
            if missing := [name for name in INPUTS if name not in kinds]:
                raise StoreAway(
                    f"expected raw.inferences at {self._shown} to have all columns of this release, it lacks "
                    f"{', '.join(missing)}: run relevo-job prepare of this release; inferences wait in the spool"
                )
            self._statement = _take_over(kinds)
        return self._statement

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._statement = None
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                application_name="relevo-serving",
                **PATIENCE,
            )
        return self._connection

    def close(self) -> None:
        """Leave the server; the next delivery connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
