"""A connection to PostgreSQL, its errors in the step's own words, and its schema brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict

from relevo_jobs.errors import SettingsError, StepError, Unavailable

CONNECT_TIMEOUT = 10
"""Seconds to wait for a server that does not answer."""
LOCK = 0x72656C65766F
"""Advisory lock of those who change the schema ("relevo" in ASCII)."""


@dataclass(frozen=True)
class Schema:
    """A database's schema: `migrations[i]` is the SQL that makes version i + 1; applied ones are never edited."""

    name: str
    variable: str
    """The setting that holds the database's address."""
    migrations: Sequence[str]


def _where(url: str) -> str:
    """The address without a password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


@contextmanager
def speaking(url: str, variable: str) -> Iterator[None]:
    """Turn psycopg's errors into the step's: what was expected, what came, what to do."""
    try:
        where = _where(url)
    except psycopg.ProgrammingError as error:
        raise SettingsError(
            f"{variable}: expected an address such as postgresql://user@host:5432/name: {error}"
        ) from None
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise Unavailable(
            f"PostgreSQL at {where} has no disk left ({_first(error)}): nothing was written; give it room and run again"
        ) from error
    except psycopg.errors.InvalidPassword as error:
        raise Unavailable(
            f"PostgreSQL at {where} refused the password: set PGPASSFILE or PGPASSWORD ({variable})"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(
            f"expected PostgreSQL at {where} ({variable}), got: {_first(error)}; "
            "nothing was half-written, bring it back and run this step again"
        ) from error
    except psycopg.Error as error:
        raise StepError(f"PostgreSQL at {where} refused ({type(error).__name__}): {_first(error)}") from error


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def connect(url: str, schema: Schema) -> Iterator[psycopg.Connection]:
    """A connection in autocommit mode to a database whose schema is up to date; use `connection.transaction()`."""
    with (
        speaking(url, schema.variable),
        psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            application_name="relevo-job",
            # A server that vanished without a word is noticed within half a minute, not after two hours.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=30_000,
        ) as connection,
    ):
        _migrate(connection, schema)
        yield connection


def _version(connection: psycopg.Connection, schema: Schema) -> int:
    found = connection.execute("select to_regclass(%s)", (f"{schema.name}.schema_versions",)).fetchone()
    if found is None or found[0] is None:
        return 0
    row = connection.execute(f"select coalesce(max(version), 0) from {schema.name}.schema_versions").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _migrate(connection: psycopg.Connection, schema: Schema) -> None:
    """Apply the versions that are missing, in one transaction; whoever comes second waits and finds nothing to do."""
    newest = len(schema.migrations)
    version = _version(connection, schema)
    if version > newest:
        raise SettingsError(
            f"{schema.variable}: expected schema version {newest} or older, found {version}: "
            "a newer release wrote this database; run that release"
        )
    if version == newest:
        return
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(f"create schema if not exists {schema.name}")
        connection.execute(
            f"create table if not exists {schema.name}.schema_versions "
            "(version integer primary key, applied_at timestamptz not null default now())"
        )
        for number in range(_version(connection, schema) + 1, newest + 1):
            connection.execute(schema.migrations[number - 1])
            connection.execute(f"insert into {schema.name}.schema_versions (version) values (%s)", (number,))  # noqa: S608
