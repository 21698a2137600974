"""The inference API's own login in RAW: it may add inferences, and can read and change nothing else."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from relevo_contract.data_set import DataSet
from relevo_contract.listing import LISTINGS
from relevo_jobs.errors import SettingsError
from relevo_jobs.stores import raw
from relevo_jobs.stores.postgres import LOCK, connect

VARIABLE: Final = "RELEVO_SERVING_URL"
_RIGHTS: Final = (
    sql.SQL("grant usage on schema raw to {role}"),
    sql.SQL("grant insert on raw.inferences to {role}"),
    sql.SQL("grant select, insert, update on raw.inference_spools to {role}"),
)


def admit(owner_url: str, serving_url: str, data: DataSet = LISTINGS) -> str:
    """Make the login that the second address names, with its password and rights; returns its name.

    What is there is brought up to date. Raises SettingsError if the address names no user and password, or the owner's
    one, or if the owner may not make logins.
    """
    name, password = _login(serving_url)
    with connect(owner_url, raw.schema(data)) as connection, connection.transaction():
        if name == connection.info.user:
            raise SettingsError(f"{VARIABLE}: expected a login of its own, got the owner's, {name}: name another")
        # Encrypted here, so that the password stands in no log of the server.
        encrypted = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
        there = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
        verb = sql.SQL("alter role" if there else "create role")
        role = sql.Identifier(name)
        try:
            connection.execute(sql.SQL("{} {} login password {}").format(verb, role, sql.Literal(encrypted)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise SettingsError(
                f"RELEVO_RAW_URL: expected a user who may make the login {name}, {connection.info.user} may not: "
                f"give it CREATEROLE, or make the login yourself and leave {VARIABLE} out"
            ) from error
        for right in _RIGHTS:
            connection.execute(right.format(role=role))
    return name


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
