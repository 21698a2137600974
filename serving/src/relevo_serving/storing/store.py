"""The only file that speaks to PostgreSQL: a part of a segment goes into `raw.inferences`, once, or not at all.

`raw.inference_spools` has how many bytes of each segment were taken over, written in one transaction with the rows: a
part that is sent again, because the answer to its commit was lost or the process was killed, is told from it.
"""

from __future__ import annotations

import uuid
from typing import Final, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.listing import CATEGORICAL, DATES, NUMERIC
from relevo_contract.postgres import PATIENCE, said
from relevo_serving.errors import SettingsError, StoreAway, WrongRecord
from relevo_serving.storing.record import COLUMNS

_TYPES: Final = dict.fromkeys(NUMERIC, "float8") | dict.fromkeys(CATEGORICAL, "text") | dict.fromkeys(DATES, "date")
_HOUSE: Final = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
_NAMES: Final = ", ".join(_TYPES)
_INCOMING: LiteralString = """
    create temp table if not exists incoming (
        request uuid, microseconds bigint, model text, version integer, run_id text, houses json, predictions json
    ) on commit delete rows
"""
_COPY = f"copy incoming ({', '.join(COLUMNS)}) from stdin"
_TAKE_OVER = f"""
    insert into raw.inferences
        (request, row_number, at, model, version, run_id, {_NAMES}, prediction, low, high, unseen)
    select request, row_number, to_timestamp(microseconds / 1e6), model, version, run_id, {_NAMES}, price, low, high,
        array(select json_array_elements_text(unseen))
    from incoming,
        rows from (
            json_to_recordset(houses) as ({_HOUSE}),
            json_to_recordset(predictions) as (price float8, low float8, high float8, unseen json)
        ) with ordinality as priced ({_NAMES}, price, low, high, unseen, row_number)
"""  # noqa: S608  # the listing's own column names


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

    @staticmethod
    def _take_over(
        connection: psycopg.Connection, segment: uuid.UUID, start: int, part: bytes, *, skip: bool
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
            rows = connection.execute(_TAKE_OVER).rowcount
        end = start + len(part)
        connection.execute(
            "update raw.inference_spools set bytes = %s, rows = rows + %s, at = now() where segment = %s",
            (end, rows, segment),
        )
        return end, rows

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
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
