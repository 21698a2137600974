"""The bucket: each body as it came, compressed, under its hash."""

from __future__ import annotations

import gzip
from typing import Any

from relevo_jobs.errors import SettingsError, Unavailable


class Bucket:
    """An S3 bucket, made if it is missing. Keys come from boto3's own environment (AWS_ACCESS_KEY_ID, ...).

    Raises SettingsError if the address cannot be one.
    """

    def __init__(self, name: str, endpoint_url: str | None) -> None:
        # A third of a second, needed only when there is a body to keep.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415

        retries: Any = {"max_attempts": 3, "mode": "standard"}
        self._name, self._where = name, endpoint_url or "Amazon S3"
        try:
            self._client = boto3.client(
                "s3",
                endpoint_url=endpoint_url,
                region_name=None if endpoint_url is None else "us-east-1",
                config=Config(retries=retries, connect_timeout=5, read_timeout=60),
            )
        except (ValueError, BotoCoreError) as error:
            raise SettingsError(
                f"RELEVO_S3_ENDPOINT_URL: expected an address such as http://s3:8333: {error}"
            ) from None

    @staticmethod
    def key(sha256: str) -> str:
        """Where a body lies."""
        return f"raw/{sha256[:2]}/{sha256}.json.gz"

    def put(self, sha256: str, body: bytes) -> str:
        """Keep a body; the same body twice is the same object. Returns its key.

        Raises Unavailable if S3 is away or has no room, SettingsError if there are no keys or S3 refuses them.
        """
        from botocore import exceptions  # noqa: PLC0415

        key = self.key(sha256)
        packed = gzip.compress(body, compresslevel=6, mtime=0)  # no time inside: the same bytes for the same body
        try:
            try:
                self._client.put_object(Bucket=self._name, Key=key, Body=packed, ContentType="application/gzip")
            except exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") != "NoSuchBucket":
                    raise
                self._make()
                self._client.put_object(Bucket=self._name, Key=key, Body=packed, ContentType="application/gzip")
        except exceptions.ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            message = f"S3 at {self._where} refused bucket {self._name}: {error}"
            if status in {401, 403}:
                raise SettingsError(f"{message}; AWS_ACCESS_KEY_ID needs the right to write there") from error
            raise Unavailable(f"{message}; RAW is unchanged, run this step again when S3 is well") from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise SettingsError(
                f"expected keys for S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, got: {error}"
            ) from error
        except exceptions.ParamValidationError as error:
            raise SettingsError(f"RELEVO_BUCKET: expected a bucket's name, got {self._name!r}: {error}") from error
        except exceptions.BotoCoreError as error:
            raise Unavailable(
                f"expected S3 at {self._where} (RELEVO_S3_ENDPOINT_URL), got: {error}; RAW is unchanged, "
                "bring it back and run this step again"
            ) from error
        return key

    def _make(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            self._client.create_bucket(Bucket=self._name)
        except ClientError as error:  # somebody else made it meanwhile
            if error.response.get("Error", {}).get("Code") not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise
