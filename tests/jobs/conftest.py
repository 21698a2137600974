"""What the tests of collect and clean share: a scripted source and the steps' environment without MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relevo_demo.servers import S3Server
from relevo_jobs.settings import CleanSettings, CollectSettings
from tests.conftest import Databases
from tests.jobs.scripted_source import Script, body, serving
from tests.killing import base_env


@pytest.fixture
def source() -> Iterator[Script]:
    """A source of four batches of three rows."""
    with serving([body(number) for number in range(1, 5)]) as script:
        yield script


@pytest.fixture
def data_env(databases: Databases, s3: S3Server, bucket: str, source: Script, tmp_path: Path) -> dict[str, str]:
    """The environment of collect and clean."""
    return {
        **base_env(),
        **databases.env,
        **s3.env,
        "RELEVO_GROUP": "6",
        "RELEVO_SOURCE_URL": source.url,
        "RELEVO_RAW_URL": databases.raw_url,
        "RELEVO_CLEAN_URL": databases.clean_url,
        "RELEVO_BUCKET": bucket,
        "RELEVO_S3_ENDPOINT_URL": s3.url,
        "RELEVO_REPEAT_WAIT": "0",
        "RELEVO_TERMINATION_LOG": str(tmp_path / "termination-log"),
    }


@pytest.fixture
def collect_settings(data_env: dict[str, str], source: Script, databases: Databases, s3: S3Server) -> CollectSettings:
    """The same as settings, for a step run in this process."""
    return CollectSettings(
        group=6,
        source_url=source.url,
        raw_url=databases.raw_url,
        bucket=data_env["RELEVO_BUCKET"],
        s3_endpoint_url=s3.url,
        repeat_wait=0,
        source_timeout=10,
    )


@pytest.fixture
def clean_settings(databases: Databases) -> CleanSettings:
    """Settings of clean, for a step run in this process."""
    return CleanSettings(group=6, raw_url=databases.raw_url, clean_url=databases.clean_url)
