"""The bucket on Amazon itself, as far as can be told without it: botocore checks each request and sends nothing."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from relevo_jobs.stores.bucket import PROOF, PROOF_SAYS, Bucket


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ("us-east-1", {}),
        ("eu-central-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}),
    ],
)
def test_a_bucket_is_made_in_the_region_that_is_set(
    monkeypatch: pytest.MonkeyPatch, region: str, told: dict[str, Any]
) -> None:
    for name, value in (("AWS_DEFAULT_REGION", region), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    bucket = Bucket("relevo", None)
    with Stubber(bucket._client) as amazon:
        amazon.add_client_error("head_bucket", "404", http_status_code=404)
        amazon.add_response("create_bucket", {}, {"Bucket": "relevo", **told})
        proof = {"Bucket": "relevo", "Key": PROOF, "Body": PROOF_SAYS, "ContentType": "text/plain"}
        amazon.add_response("put_object", {}, proof)
        assert bucket.prepare() is True
        amazon.assert_no_pending_responses()
