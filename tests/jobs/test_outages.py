"""Servers that go away or run out of room in the middle of collect and clean: a sentence, no half batch, and on again.

The PostgreSQL here is these tests' own, for they stop it, kill it and fill its disk.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from relevo_demo.servers import PostgresServer, S3Server
from relevo_jobs.clean import step as clean_step
from relevo_jobs.collect import step
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.settings import CleanSettings, CollectSettings
from relevo_jobs.stores import copying
from relevo_jobs.stores.bucket import Bucket
from relevo_jobs.stores.raw import RawStore
from tests.houses import HOUSES
from tests.jobs.holdings import clean_batches, expected, query, raw_batches
from tests.jobs.scripted_source import Script, body, listing

CAP_SYS_ADMIN = 21


def may_mount() -> bool:
    """Whether this process may mount a tmpfs: root in a container often may not."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff")), 0)
    return os.geteuid() == 0 and bool(effective >> CAP_SYS_ADMIN & 1)


@contextmanager
def tiny_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of that size in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, but: int) -> Path:
    """Take all room of a disk but so many bytes."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - but)
    return filler


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("own-postgres")) as running:
        yield running


def use(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Fresh databases on a server, as settings."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    mark = secrets.token_hex(6)
    for kind in ("raw", "clean"):
        server.create_database(f"{kind}_{mark}")
    return {"raw_url": server.url(f"raw_{mark}"), "clean_url": server.url(f"clean_{mark}")}


@pytest.fixture
def urls(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return use(server, monkeypatch)


def made(source: Script, raw_url: str, bucket: str, s3: S3Server) -> CollectSettings:
    return CollectSettings(
        group=6, source_url=source.url, raw_url=raw_url, bucket=bucket, s3_endpoint_url=s3.url, repeat_wait=0
    )


@pytest.fixture
def settings(urls: dict[str, str], source: Script, s3: S3Server, bucket: str) -> CollectSettings:
    return made(source, urls["raw_url"], bucket, s3)


@pytest.fixture
def cleaning(urls: dict[str, str]) -> CleanSettings:
    return CleanSettings(group=6, raw_url=urls["raw_url"], clean_url=urls["clean_url"])


def shut_down(server: PostgresServer) -> None:
    server.stop()


def killed(server: PostgresServer) -> None:
    assert server.process is not None
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.process = None


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, strike: Callable[[], None]) -> None:
    """Strike before the next call of a function; later calls pass."""
    original = getattr(owner, name)

    def struck(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(owner, name, original)
        strike()
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, struck)


def new_keys(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    """Let boto3 read its environment anew: it keeps what it found once for the whole process."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.parametrize(
    ("strike", "owner", "name"),
    [(shut_down, Bucket, "put"), (killed, copying, "block"), (killed, RawStore, "accounted")],
    ids=["shut down before the COPY", "killed in the COPY", "killed before the commit"],
)
def test_postgresql_gone_in_the_middle_of_collect(
    settings: CollectSettings,
    source: Script,
    server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
    strike: Callable[[PostgresServer], None],
    owner: Any,
    name: str,
) -> None:
    step.run(settings, HOUSES)
    once(monkeypatch, owner, name, lambda: strike(server))
    try:
        with pytest.raises(Unavailable, match=r"RELEVO_RAW_URL.*run this step again"):
            step.run(settings, HOUSES)
        with pytest.raises(Unavailable, match="RELEVO_RAW_URL"):
            step.run(settings, HOUSES)
    finally:
        server.start().wait()
    assert [step.run(settings, HOUSES).batch for _ in range(3)] == [2, 3, 4]
    assert raw_batches(settings.raw_url) == expected(source.bodies)


def test_postgresql_gone_in_the_middle_of_clean(
    settings: CollectSettings, cleaning: CleanSettings, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    step.run(settings, HOUSES)
    step.run(settings, HOUSES)
    once(monkeypatch, copying, "block", lambda: shut_down(server))
    try:
        with pytest.raises(Unavailable, match="RELEVO_CLEAN_URL"):
            clean_step.run(cleaning, HOUSES)
    finally:
        server.start().wait()
    assert clean_step.run(cleaning, HOUSES).details["rows"] == 6
    assert [batch[:2] for batch in clean_batches(cleaning.clean_url)] == [(1, 3), (2, 3)]


def test_raw_gone_while_clean_reads_it_is_not_blamed_on_clean(
    settings: CollectSettings, cleaning: CleanSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    step.run(settings, HOUSES)
    name = settings.raw_url.rsplit("/", 1)[-1]
    strike = (
        f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()"
    )
    once(monkeypatch, RawStore, "rows", lambda: print(query(cleaning.clean_url, strike)))
    with pytest.raises(Unavailable, match="RELEVO_RAW_URL"):
        clean_step.run(cleaning, HOUSES)
    assert clean_step.run(cleaning, HOUSES).code == 0


@pytest.mark.parametrize(("table", "which"), [("raw.listings", "raw"), ("clean.listings", "clean")])
def test_no_disk_left_as_the_server_says_it(
    settings: CollectSettings, cleaning: CleanSettings, source: Script, table: str, which: str
) -> None:
    """A trigger raises PostgreSQL's own disk_full in the COPY, wherever these tests may not mount a disk."""
    step.run(settings, HOUSES)
    clean_step.run(cleaning, HOUSES)
    url = settings.raw_url if which == "raw" else cleaning.clean_url
    query(url, "create function full_disk() returns trigger language plpgsql as $$ begin raise disk_full; end $$")
    query(url, f"create trigger full_disk before insert on {table} for each row execute function full_disk()")
    with pytest.raises(Unavailable, match=r"no disk left.*nothing was written"):
        for _ in range(2):
            step.run(settings, HOUSES)
            clean_step.run(cleaning, HOUSES)
    query(url, f"drop trigger full_disk on {table}")
    while step.run(settings, HOUSES).code == 0:
        pass
    clean_step.run(cleaning, HOUSES)
    assert raw_batches(settings.raw_url) == expected(source.bodies)
    assert [batch[:2] for batch in clean_batches(cleaning.clean_url)] == [(1, 3), (2, 3), (3, 3), (4, 3)]


if may_mount():

    def test_a_full_disk_under_postgresql(
        source: Script, s3: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        big = [listing(2, row) | {"city": secrets.token_hex(500)} for row in range(5_000)]
        source.bodies[1] = body(2, big)
        with tiny_disk(tmp_path / "disk", 200) as disk, PostgresServer(disk / "postgres") as server:
            urls = use(server, monkeypatch)
            settings = made(source, urls["raw_url"], bucket, s3)
            step.run(settings, HOUSES)
            filler = fill(disk, but=1_000_000)
            with pytest.raises(Unavailable):
                step.run(settings, HOUSES)
            filler.unlink()
            assert raw_batches(settings.raw_url) == expected(source.bodies[:1])
            assert step.run(settings, HOUSES).batch == 2
            number, sha256, said, held = raw_batches(settings.raw_url)[1]
            assert (number, said, held) == (2, 5_000, 5_000)
            assert sha256 == hashlib.sha256(source.bodies[1]).hexdigest()

    def test_a_full_disk_under_s3(
        source: Script, urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with tiny_disk(tmp_path / "disk", 100) as disk, S3Server(disk / "s3") as s3:
            new_keys(monkeypatch, s3.env)
            settings = made(source, urls["raw_url"], "relevo", s3)
            step.run(settings, HOUSES)
            fill(disk, but=0)
            source.bodies[1] = body(2, [listing(2, row) | {"city": secrets.token_hex(500)} for row in range(5_000)])
            with pytest.raises(Unavailable, match="RAW is unchanged"):
                step.run(settings, HOUSES)
            assert raw_batches(settings.raw_url) == expected(source.bodies[:1])


def test_s3_away(settings: CollectSettings, source: Script) -> None:
    step.run(settings, HOUSES)
    with pytest.raises(Unavailable, match=r"RELEVO_S3_ENDPOINT_URL.*RAW is unchanged"):
        step.run(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}), HOUSES)
    assert raw_batches(settings.raw_url) == expected(source.bodies[:1])
    assert [step.run(settings, HOUSES).batch for _ in range(3)] == [2, 3, 4]
    assert raw_batches(settings.raw_url) == expected(source.bodies)


def test_s3_refuses_the_keys(settings: CollectSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    new_keys(monkeypatch, {"AWS_SECRET_ACCESS_KEY": "guessed"})
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID") as caught:
        step.run(settings, HOUSES)
    assert "guessed" not in str(caught.value)
    assert raw_batches(settings.raw_url) == []


def test_no_keys_at_all(settings: CollectSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    new_keys(monkeypatch, nowhere)
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY"):
        step.run(settings, HOUSES)


@pytest.mark.parametrize(
    "changes", [{"s3_endpoint_url": "not an address"}, {"bucket": "no spaces allowed"}], ids=["address", "bucket"]
)
def test_an_s3_that_cannot_be(settings: CollectSettings, changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="RELEVO_"):
        step.run(settings.model_copy(update=changes), HOUSES)


def test_a_password_that_postgresql_refuses(settings: CollectSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = settings.raw_url.replace("relevo@", "relevo:secret-word@")
    with pytest.raises(SettingsError, match="PGPASSFILE") as caught:
        step.run(settings.model_copy(update={"raw_url": wrong}), HOUSES)
    assert "secret-word" not in str(caught.value)


def test_a_schema_of_a_newer_release_is_left_alone(settings: CollectSettings) -> None:
    step.run(settings, HOUSES)
    query(settings.raw_url, "insert into raw.schema_versions (version) values (99)")
    with pytest.raises(SettingsError, match="newer release"):
        step.run(settings, HOUSES)


def test_a_source_address_that_cannot_be(settings: CollectSettings) -> None:
    with pytest.raises(SettingsError, match="RELEVO_SOURCE_URL"):
        step.run(settings.model_copy(update={"source_url": "http://[::1"}), HOUSES)
