"""The bucket on Amazon itself, as far as can be told without it: botocore checks each request and sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from relevo_demo.servers import S3Server
from relevo_jobs.errors import SettingsError
from relevo_jobs.stores.bucket import PROOF, PROOF_SAYS, Bucket

FRANKFURT: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}


@pytest.mark.parametrize(
    ("region", "endpoint", "told"),
    [
        ("us-east-1", None, {}),
        ("eu-central-1", None, FRANKFURT),
        ("eu-central-1", "https://s3.eu-central-1.amazonaws.com", FRANKFURT),
        ("us-east-1", "https://s3.eu-central-1.amazonaws.com", FRANKFURT),
        ("eu-central-1", "https://s3.us-east-1.amazonaws.com", {}),
    ],
)
def test_a_bucket_is_made_in_the_region_that_its_endpoint_names_or_that_is_set(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str | None, told: dict[str, Any]
) -> None:
    for name, value in (("AWS_DEFAULT_REGION", region), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    bucket = Bucket("relevo", endpoint)
    with Stubber(bucket._client) as amazon:
        amazon.add_client_error("head_bucket", "404", http_status_code=404)
        amazon.add_response("create_bucket", {}, {"Bucket": "relevo", **told})
        proof = {"Bucket": "relevo", "Key": PROOF, "Body": PROOF_SAYS, "ContentType": "text/plain"}
        amazon.add_response("put_object", {}, proof)
        assert bucket.prepare() is True
        amazon.assert_no_pending_responses()


def test_an_s3_of_one_s_own_needs_no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert Bucket("relevo", "http://s3:8333")._client.meta.region_name == "us-east-1"


def test_keys_may_be_in_files(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (tmp_path / name).write_text(s3.env[name] + "\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    assert Bucket("keys-in-files", s3.url).prepare() is True
    monkeypatch.delenv("AWS_ACCESS_KEY_ID_FILE")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID_FILE"):
        Bucket("keys-in-files", s3.url).prepare()
