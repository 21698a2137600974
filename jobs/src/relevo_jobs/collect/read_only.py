"""Whether a login may do more than read the tables that a query reads, by PostgreSQL's own catalog."""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

from relevo_jobs.errors import SettingsError

_READ: Final[LiteralString] = """
    with read as (
        select c.oid, c.oid::regclass::text as name, c.relowner, c.relacl
        from pg_locks l join pg_class c on c.oid = l.relation
        where l.pid = pg_backend_pid() and l.locktype = 'relation' and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and l.database = (select oid from pg_database where datname = current_database())
            and c.relnamespace <> all (array['pg_catalog', 'information_schema']::regnamespace[])
    )"""
"""What a transaction has read it holds a lock of: tables, partitions, and views with what is behind them."""
_ROLE: Final[LiteralString] = """
    select session_user, rolsuper,
        exists (select from pg_roles where rolname = 'pg_write_all_data' and pg_has_role(session_user, oid, 'member'))
    from pg_roles where rolname = session_user"""
_OWNED: Final[LiteralString] = """
    select name, relowner::regrole::text from read where pg_has_role(session_user, relowner, 'member')
    order by name limit 1"""
_GRANTED: Final[LiteralString] = """, granted as (
        select name, acl.* from read, aclexplode(relacl) acl
        union all
        select name, acl.* from read join pg_attribute on attrelid = oid, aclexplode(attacl) acl
    )
    select name, case grantee when 0 then 'public' else grantee::regrole::text end,
        string_agg(distinct lower(privilege_type), ', ')
    from granted
    where privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
        and (grantee = 0 or pg_has_role(session_user, grantee, 'member'))
    group by name, grantee order by name, grantee limit 1"""


def expect_reader(connection: psycopg.Connection, variable: str) -> None:
    """See that the login may only read what its transaction has read so far.

    A right counts whoever has it of the roles that the login is in, for it may become any of them. Raises SettingsError
    that says what to take away.
    """
    login, is_super, writes_all = _one(connection, _ROLE)
    expected = f"{variable}: expected a login that may only read what source.sql asks for, {login}"
    if is_super:
        raise SettingsError(
            f"{expected} is a superuser: make one that is none, and grant it select alone (create role reader login; "
            "grant select on the tables to reader)"
        )
    if writes_all:
        raise SettingsError(f"{expected} may write to every table: revoke pg_write_all_data from {login}")
    if owned := _one(connection, _READ + _OWNED):
        table, owner = owned
        as_whom = "" if owner == login else f", as a member of {owner}"
        raise SettingsError(
            f"{expected} owns {table}{as_whom}, and may do anything with it: make another one, and grant it select "
            f"alone (create role reader login; grant select on {table} to reader)"
        )
    if granted := _one(connection, _READ + _GRANTED):
        table, grantee, rights = granted
        raise SettingsError(f"{expected} may {rights} on {table}: revoke {rights} on {table} from {grantee}")


def _one(connection: psycopg.Connection, question: LiteralString) -> Any:
    return connection.execute(question).fetchone()
