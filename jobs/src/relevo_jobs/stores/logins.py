"""The inference API's own login in RAW: it may add inferences, and can read and change nothing else."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.data_set import DataSet
from relevo_contract.postgres import PATIENCE
from relevo_jobs.errors import SettingsError
from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import LOCK, connect

VARIABLE: Final = "RELEVO_SERVING_URL"
_RIGHTS: Final = (
    sql.SQL("grant usage on schema raw to {role}"),
    sql.SQL("grant insert on raw.inferences to {role}"),
    # By these it reaches a spool whose name it knows; the table would show it those of all pods.
    sql.SQL("grant execute on function raw.open_spool, raw.advance_spool to {role}"),
)


def admit(owner_url: str, serving_url: str, data: DataSet) -> str:
    """Give the login that the second address names its rights; returns its name.

    A login that is let in is somebody else's, and stays as it is. One that is not is made, or gets its password. Raises
    SettingsError if the address names no user and password, or the owner's one, or if the owner may not make logins.
    """
    name, password = _login(serving_url)
    with connect(owner_url, raw.schema(data)) as connection, connection.transaction():
        if name == connection.info.user:
            raise SettingsError(f"{VARIABLE}: expected a login of its own, got the owner's, {name}: name another")
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        if not _is_let_in(serving_url):
            _make(connection, name, password)
        for right in _RIGHTS:
            connection.execute(right.format(role=sql.Identifier(name)))
    return name


def _is_let_in(url: str) -> bool:
    try:
        psycopg.connect(url, application_name="relevo-job", **PATIENCE).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make the login, or give it its password. Raises SettingsError if the owner may not."""
    # Encrypted here, so that the password stands in no log of the server.
    encrypted = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    there = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter role" if there else "create role")
    try:
        connection.execute(
            sql.SQL("{} {} login password {}").format(verb, sql.Identifier(name), sql.Literal(encrypted))
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise SettingsError(
            f"RELEVO_RAW_URL: expected a user who may make the login {name}, {connection.info.user} may not: give it "
            f"CREATEROLE, or make the login yourself, with the password of {VARIABLE}; a database of the chart's does "
            "so at its start: restart its pod"
        ) from error


def _login(url: str) -> tuple[str, str]:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {}
    name, password = parts.get("user"), parts.get("password")
    if not name or not password:
        raise SettingsError(
            f"{VARIABLE}: expected an address with a user and a password, such as postgresql://USER:PASSWORD@HOST/raw, "
            "got one without"
        )
    return str(name), str(password)
