"""Rides in files or in a table of a database, and what RAW holds of them."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from relevo_contract.use_case import read
from relevo_demo.servers import S3Server
from relevo_jobs.collect import step
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from relevo_jobs.use_case import UseCase, use_case_of
from tests.conftest import Databases
from tests.jobs.holdings import query
from tests.killing import base_env

DECLARED = """
name: rides
source:
  {source}
target: {{column: minutes, task: number}}
columns:
  id: {{type: integer, role: key}}
  place: category
  km: number
"""
COLUMNS = ("id", "place", "km", "minutes")
Row = tuple[str | None, ...]


def csv(first: int, count: int) -> bytes:
    """A CSV of rides with these ids."""
    rows = [f'{i},"place, {i % 3}",{i / 10},{i * 2 - 5}' for i in range(first, first + count)]
    return "\n".join(["id,place,km,minutes", *rows, ""]).encode()


def rides(first: int, count: int) -> list[Row]:
    """The same as RAW has them."""
    return [(f"{i}", f"place, {i % 3}", f"{i / 10}", f"{i * 2 - 5}") for i in range(first, first + count)]


@dataclass
class Site:
    """A use case with a source, and the databases and bucket that it is collected into."""

    folder: Path
    settings: CollectSettings
    env: dict[str, str]
    s3: S3Server
    warehouse_url: str = ""
    """The database of a query, by the login that may do anything; the settings have one that may read alone."""
    source: str = "files: {path: data}"
    seen: list[bytes] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The folder of its files."""
        (self.folder / "data").mkdir(exist_ok=True)
        return self.folder / "data"

    def write(self, name: str, content: bytes) -> Path:
        """Put a file there that nobody has written to for a minute."""
        path = self.data / name
        path.write_bytes(content)
        settle(path)
        return path

    @property
    def use_case(self) -> UseCase:
        text = DECLARED.format(source=self.source)
        (self.folder / "use_case.yaml").write_text(text)
        return use_case_of(read(text, "use_case.yaml"), self.folder)

    def collect(self) -> Outcome:
        """Run the step in this process."""
        return step.run(self.settings, self.use_case)

    def all(self) -> list[Outcome]:
        """Run the step until nothing is left."""
        outcomes = []
        while (outcome := self.collect()).status == "done":
            outcomes.append(outcome)
        assert outcome.code == 99
        return outcomes

    def rows(self) -> list[Row]:
        """The rows of RAW in the order of their batches."""
        return query(
            self.settings.raw_url,
            f"select {', '.join(COLUMNS)} from raw.rides join raw.batches using (batch_id)"
            " order by batch_number, row_number",
        )

    def batches(self) -> list[tuple[int, int, Any]]:
        """Of each batch its number, its rows, and where it comes from; its body is in the bucket, under its hash."""
        found = query(
            self.settings.raw_url,
            "select batch_number, row_count, origin, body_sha256, body_key from raw.batches order by batch_number",
        )
        for *_, sha256, key in found:
            self.seen.append(self.body(key))
            assert hashlib.sha256(self.seen[-1]).hexdigest() == sha256
        return [(number, count, origin) for number, count, origin, *_ in found]

    def body(self, key: str) -> bytes:
        """A body of the bucket, unpacked."""
        return gzip.decompress(self.client.get_object(Bucket=self.settings.bucket, Key=key)["Body"].read())

    @property
    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.s3.url, region_name="us-east-1")


def settle(path: Path) -> None:
    """Make it a minute old."""
    then = time.time() - 60
    os.utime(path, (then, then))


def reader_of(url: str) -> str:
    """The address of an emptied database, with a login that may read every table made in it, and nothing else."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set client_min_messages = error")
        if connection.execute("select from pg_roles where rolname = 'reader'").fetchone() is None:
            connection.execute("create role reader login password 'to-read'")
        connection.execute("grant usage on schema public to reader")
        connection.execute("alter default privileges in schema public grant select on tables to reader")
    return re.sub("//[^@]+@", "//reader:to-read@", url)


@pytest.fixture
def site(databases: Databases, s3: S3Server, bucket: str, tmp_path: Path) -> Iterator[Site]:
    """Rides of files in the folder `data`."""
    reader = reader_of(databases.clean_url)
    settings = CollectSettings(
        group=1, raw_url=databases.raw_url, bucket=bucket, s3_endpoint_url=s3.url, repeat_wait=0, source_timeout=20,
        sql_url=reader,
    )  # fmt: skip
    env = {
        **base_env(), **databases.env, **s3.env,
        "RELEVO_GROUP": "1", "RELEVO_RAW_URL": databases.raw_url, "RELEVO_SQL_URL": reader,
        "RELEVO_BUCKET": bucket, "RELEVO_S3_ENDPOINT_URL": s3.url, "RELEVO_REPEAT_WAIT": "0",
        "RELEVO_TERMINATION_LOG": "/nowhere", "RELEVO_USE_CASE": str(tmp_path / "use_case.yaml"),
    }  # fmt: skip
    yield Site(tmp_path, settings, env, s3, databases.clean_url)
