"""A connection to PostgreSQL, its errors in the step's own words, and its schema brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.postgres import PATIENCE, said
from relevo_jobs.errors import SettingsError, StepError, Unavailable
from relevo_jobs.stores.following import Column, Declared, Retyped, There, changes, remarks, retyping

LOCK = 0x72656C65766F
"""Advisory lock of those who change the schema ("relevo" in ASCII)."""

TOO_LARGE: Final = "54"
"""The class of SQLSTATEs that tell of a limit of PostgreSQL's, such as the longest row: no retry can help."""

Held = TypeVar("Held")


@dataclass(frozen=True)
class Schema:
    """A database's schema: `migrations[i]` is the SQL that makes version i + 1; applied ones are never edited."""

    name: str
    variable: str
    """The setting that holds the database's address."""
    migrations: Sequence[str]
    declared: Sequence[Declared] = ()
    """The data set's columns, which its tables follow whatever version they are at."""


def _where(url: str, variable: str) -> str:
    """The address without a password. Raises SettingsError, which repeats nothing: a mistyped one may hold it all."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {}
    host, port = str(parts.get("host", "localhost")), str(parts.get("port", 5432))
    if not parts or "@" in host or not port.isdigit():  # libpq would name a part of the password as host or port
        raise SettingsError(
            f"{variable}: expected an address such as postgresql://user@host:5432/name, got one that libpq cannot "
            "read; a password belongs in PGPASSWORD or PGPASSFILE, special characters in an address are written as %XX"
        )
    return f"{host}:{port}/{parts.get('dbname', '')}"


@contextmanager
def speaking(url: str, variable: str) -> Iterator[None]:
    """Turn psycopg's errors into the step's: what was expected, what came, what to do."""
    where = _where(url, variable)
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise Unavailable(
            f"PostgreSQL at {where} has no disk left ({said(error)}): nothing was written; give it room and run again"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if (error.sqlstate or "").startswith(TOO_LARGE):
            raise StepError(f"PostgreSQL at {where} cannot hold this ({said(error)}): nothing was written") from error
        if "password" in str(error):  # a refused connection comes without an SQLSTATE
            raise SettingsError(
                f"PostgreSQL at {where} ({variable}) did not let us in ({said(error)}): set PGPASSFILE or PGPASSWORD"
            ) from error
        raise Unavailable(
            f"expected PostgreSQL at {where} ({variable}), got: {said(error)}; "
            "nothing was half-written, bring it back and run this step again"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise SettingsError(
            f"PostgreSQL at {where} ({variable}) refused ({said(error)}): make the user of that address the owner of "
            "the database, who may make its schema and change it"
        ) from error
    except psycopg.Error as error:
        raise StepError(f"PostgreSQL at {where} refused ({type(error).__name__}): {said(error)}") from error


@contextmanager
def connect(url: str, schema: Schema) -> Iterator[psycopg.Connection]:
    """A connection in autocommit mode to a database whose schema is up to date; use `connection.transaction()`."""
    with _open(url, schema) as connection:
        _migrate(connection, schema)
        yield connection


def bring_up_to_date(url: str, schema: Schema) -> int:
    """Apply what is missing, and remark which columns are not written any more; returns the version that was found.

    0 is none. The remarks are for people alone, and so are prepare's alone: steps of two releases that run at the same
    time would take back each other's.
    """
    with _open(url, schema) as connection:
        found = _migrate(connection, schema)
        there = tables(connection, schema)
        for declared in schema.declared:
            for statement in remarks(schema.name, declared, there[declared.table]):
                connection.execute(statement.encode())
        return found


@contextmanager
def emptied(
    url: str, schema: Schema, empty: Callable[[psycopg.Connection], Sequence[Held]]
) -> Iterator[Sequence[Held]]:
    """What `empty` says of the rows that it takes out of tables whose columns are of another type by now.

    Nothing, and `empty` is not called, if no column is. In the block the columns have the types that are declared and
    the tables no row; nobody else sees any of it until the block has filled them and ends. If it fails, all is as it
    was.
    """
    with _open(url, schema) as connection:
        if not _retyping(connection, schema):
            yield ()
            return
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            _apply_versions(connection, schema)
            held: Sequence[Held] = ()
            if statements := _retyping(connection, schema):  # unless somebody else did meanwhile
                held = empty(connection)
                for statement in statements:
                    connection.execute(statement.encode())
            for change in _missing(connection, schema):
                connection.execute(change.encode())
            yield held


def _retyping(connection: psycopg.Connection, schema: Schema) -> list[str]:
    there = tables(connection, schema)
    return [change for one in schema.declared for change in retyping(schema.name, one, there[one.table])]


@contextmanager
def _open(url: str, schema: Schema) -> Iterator[psycopg.Connection]:
    with (
        speaking(url, schema.variable),
        psycopg.connect(
            url,
            autocommit=True,
            application_name="relevo-job",
            **PATIENCE,
        ) as connection,
    ):
        yield connection


def _version(connection: psycopg.Connection, schema: Schema) -> int:
    """The version of the database's schema, 0 if there is none. Raises SettingsError if a newer release made it."""
    # Not by to_regclass: in a transaction it remembers that there was no such schema, whoever made it meanwhile.
    there = "select 1 from pg_catalog.pg_tables where schemaname = %s and tablename = 'schema_versions'"
    if connection.execute(there, (schema.name,)).fetchone() is None:
        return 0
    row = connection.execute(f"select coalesce(max(version), 0) from {schema.name}.schema_versions").fetchone()  # noqa: S608
    version, newest = int(row[0]) if row else 0, len(schema.migrations)
    if version > newest:
        raise SettingsError(
            f"{schema.variable}: expected schema version {newest} or older, found {version}: "
            "a newer release wrote this database; run that release"
        )
    return version


def tables(connection: psycopg.Connection, schema: Schema) -> Mapping[str, There]:
    """The columns that the data set's tables have."""
    found: dict[str, dict[str, Column]] = {declared.table: {} for declared in schema.declared}
    rows = connection.execute(
        "select relname, attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
        " from pg_catalog.pg_attribute"
        " join pg_catalog.pg_class on pg_class.oid = attrelid"
        " join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname = %s and relname = any(%s) and attnum > 0 and not attisdropped order by attnum",
        (schema.name, list(found)),
    )
    for table, name, kind, remark in rows:
        found[table][name] = Column(kind, remark)
    return found


def _missing(connection: psycopg.Connection, schema: Schema) -> list[str]:
    """The statements that have the tables follow the data set.

    Raises SettingsError if they cannot, Unavailable if they can once they are derived anew.
    """
    if not schema.declared:
        return []
    there = tables(connection, schema)
    try:
        return [change for one in schema.declared for change in changes(schema.name, one, there[one.table])]
    except Retyped as error:
        raise Unavailable(f"{schema.variable}: {error}") from error
    except ValueError as error:
        raise SettingsError(f"{schema.variable}: {error}") from error


def _migrate(connection: psycopg.Connection, schema: Schema) -> int:
    """Apply the versions and add the columns that are missing, in one transaction.

    Whoever comes second waits and finds nothing to do. Returns the version that was found.
    """
    newest = len(schema.migrations)
    if (found := _version(connection, schema)) == newest and not _missing(connection, schema):
        return found
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        found = _apply_versions(connection, schema)
        for change in _missing(connection, schema):
            connection.execute(change.encode())
    return found


def _apply_versions(connection: psycopg.Connection, schema: Schema) -> int:
    """Apply the versions that are missing; returns the one that was found."""
    found, newest = _version(connection, schema), len(schema.migrations)
    if found < newest:
        connection.execute(f"create schema if not exists {schema.name}")
        connection.execute(
            f"create table if not exists {schema.name}.schema_versions "
            "(version integer primary key, applied_at timestamptz not null default now())"
        )
    for number in range(found + 1, newest + 1):
        connection.execute(schema.migrations[number - 1])
        connection.execute(f"insert into {schema.name}.schema_versions (version) values (%s)", (number,))  # noqa: S608
    return found
