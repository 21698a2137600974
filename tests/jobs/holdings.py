"""What RAW, CLEAN and the bucket hold, read past the product's own stores."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from typing import Any

import boto3
import psycopg

from relevo_jobs.settings import CollectSettings
from tests.houses import COLUMNS


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows of one statement, none if it gives none; passwords come from PGPASSFILE."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return [] if cursor.description is None else cursor.fetchall()


def raw_batches(url: str) -> list[tuple[int, str, int, int]]:
    """Of each batch its number, SHA-256, the rows it says it has and the rows it has."""
    return query(
        url,
        "select batch_number, body_sha256, row_count, count(listings.batch_id) from raw.batches"
        " left join raw.listings using (batch_id) group by batch_id, batch_number order by batch_number",
    )


def raw_rows(url: str, number: int) -> list[dict[str, str | None]]:
    """A batch's rows by column."""
    rows = query(
        url,
        f"select {', '.join(COLUMNS)} from raw.listings join raw.batches using (batch_id)"
        f" where batch_number = {number} order by row_number",
    )
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def expected(bodies: list[bytes], rows: int = 3) -> list[tuple[int, str, int, int]]:
    """What `raw_batches` says when RAW holds each of the bodies once, numbered from 1."""
    return [(i, hashlib.sha256(content).hexdigest(), rows, rows) for i, content in enumerate(bodies, 1)]


def bodies_in_bucket(endpoint_url: str, name: str) -> dict[str, bytes]:
    """The bodies by SHA-256, unpacked; none if the bucket was not made."""
    client = boto3.client("s3", endpoint_url=endpoint_url, region_name="us-east-1")
    if name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
        return {}
    found = {}
    for entry in client.list_objects_v2(Bucket=name).get("Contents", []):
        key = entry["Key"]
        content = gzip.decompress(client.get_object(Bucket=name, Key=key)["Body"].read())
        found[key.rsplit("/", 1)[-1].removesuffix(".json.gz")] = content
    return found


def clean_batches(url: str) -> list[tuple[int, int, int, int, int, int]]:
    """Of each batch its number, the rows, kept and rejected it says, and the listings and rejections it has."""
    return query(
        url,
        "select batch_number, row_count, kept, rejected,"
        " (select count(*) from clean.listings l where l.batch_number = b.batch_number),"
        " (select count(*) from clean.rejections r where r.batch_number = b.batch_number)"
        " from clean.batches b order by batch_number",
    )


def assert_holds(settings: CollectSettings, bodies: Sequence[bytes]) -> None:
    """RAW holds these batches, each once, and the bucket their bodies to the byte, and nothing else."""
    assert raw_batches(settings.raw_url) == expected(list(bodies))
    assert settings.s3_endpoint_url is not None
    kept = bodies_in_bucket(settings.s3_endpoint_url, settings.bucket)
    assert kept == {hashlib.sha256(content).hexdigest(): content for content in bodies}
