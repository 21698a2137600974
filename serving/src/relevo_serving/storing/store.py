"""The only file that speaks to PostgreSQL: a part of a segment goes into `raw.inferences`, once, or not at all.

`raw.inference_spools` has how many bytes of each segment were taken over, written in one transaction with the rows: a
part that is sent again, because the answer to its commit was lost or the process was killed, is told from it. It is
reached by two functions and a segment's name, which only the pod that drew it knows: so none marks another's as taken.

The columns are the table's, not this release's or a version's: a spool that others filled is carried over whole. If the
table lacks one that a record has, the records wait until `relevo-job prepare` has added it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.data_set import KEYS
from relevo_contract.postgres import PATIENCE, said
from relevo_contract.texts import legible
from relevo_serving.errors import SettingsError, StoreAway, WrongRecord

INCOMING: LiteralString = """
    create temp table if not exists incoming (
        request uuid, microseconds bigint, model text, version integer, run_id text, asked json, predictions json
    ) on commit delete rows
"""
"""A record's fields in their order; the time is counted from 1970."""
_LACKING: LiteralString = """
    select distinct key from incoming, json_array_elements(asked) as one (given), json_object_keys(given) as key
    where key <> all(%s) order by key
"""
_KNOWN: LiteralString = """
    select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
    where attrelid = 'raw.inferences'::regclass and attnum > 0 and not attisdropped and attname <> all(%s)
"""


def _take_over(kinds: Mapping[str, str]) -> bytes:
    """The statement for a table that has these columns of rows, with their types.

    What stands in it without its table is a name that no data set may give a column (`relevo_contract.data_set.KEYS`).
    Releases before 0.4 called a prediction "price".
    """
    quoted = {sql.Identifier(name).as_string(): kind for name, kind in kinds.items()}
    names = ", ".join(quoted)
    return f"""
        insert into raw.inferences
            (request, row_number, at, model, version, run_id, {names}, prediction, low, high, unseen)
        select request, row_number, to_timestamp(incoming.microseconds / 1e6), model, version, run_id,
            {", ".join(f"told.{name}" for name in quoted)},
            coalesce(prediction, "before 0.4"), low, high, array(select json_array_elements_text(unseen))
        from incoming,
            rows from (
                json_to_recordset(incoming.asked) as ({", ".join(f"{name} {kind}" for name, kind in quoted.items())}),
                json_to_recordset(incoming.predictions)
                    as (prediction float8, price float8, low float8, high float8, unseen json)
            ) with ordinality as told ({names}, prediction, "before 0.4", low, high, unseen, row_number)
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
        self._kinds: dict[str, str] = {}
        """The table's columns of rows, with their types, as this connection found them."""

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
        except (psycopg.DataError, psycopg.IntegrityError) as error:
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
        ((taken,),) = connection.execute("select raw.open_spool(%s)", (segment,)).fetchall()
        if taken != start or not part:
            return int(taken), 0
        rows = 0
        if not skip:
            connection.execute(INCOMING)
            with connection.cursor().copy("copy incoming from stdin") as copy:
                copy.write(part)
            rows = connection.execute(self._taking_over(connection)).rowcount
        end = start + len(part)
        connection.execute("select raw.advance_spool(%s, %s, %s)", (segment, end, rows))
        return end, rows

    def _taking_over(self, connection: psycopg.Connection) -> bytes:
        """The statement, once the table is known to have all columns of what is incoming."""
        if not self._kinds:
            self._kinds = dict(connection.execute(_KNOWN, (list(KEYS),)).fetchall())
        lacking = [name for (name,) in connection.execute(_LACKING, (list(self._kinds),)).fetchall()]
        if lacking:
            self._kinds = {}
            raise StoreAway(
                f"expected raw.inferences at {self._shown} to have all columns of what was asked, it lacks "
                f"{', '.join(map(legible, lacking))}: run relevo-job prepare of this release; they wait in the spool"
            )
        return _take_over(self._kinds)

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._kinds = {}
            self._connection = psycopg.connect(
                self._url, autocommit=True, application_name="relevo-serving", **PATIENCE
            )
        return self._connection

    def close(self) -> None:
        """Leave the server; the next delivery connects again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
