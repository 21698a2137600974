"""The bucket: each body as it came, compressed, under its hash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, NamedTuple

from relevo_contract import settings
from relevo_jobs.errors import SettingsError, Unavailable

DEFAULT_REGIONS: Final = frozenset({"us-east-1", "aws-global"})
_NO_KEYS: Final = (
    "expected keys for S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the files that AWS_ACCESS_KEY_ID_FILE "
    "and AWS_SECRET_ACCESS_KEY_FILE name, got: {}"
)
PROOF: Final = "prepared"
"""The object that `prepare` leaves, beside the bodies."""
PROOF_SAYS: Final = b"relevo-job prepare wrote this to see that its keys may write here. Nothing reads it.\n"


class Keys(NamedTuple):
    """Keys of somebody else's bucket, which are sent to the address that is given with them alone."""

    access: str
    secret: str


class Bucket:
    """An S3 bucket, made if it is missing. Without keys of its own they come from AWS_ACCESS_KEY_ID and its siblings,
    from files that they name with _FILE, or from where boto3 looks by itself.

    Raises SettingsError if the address cannot be one.
    """

    def __init__(self, name: str, endpoint_url: str | None, own: Keys | None = None) -> None:
        # A third of a second, needed only when there is a body to keep.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, PartialCredentialsError  # noqa: PLC0415

        retries: Any = {"max_attempts": 3, "mode": "standard"}
        self._name, self._where = name, endpoint_url or "Amazon S3"
        found = (settings.value(name) or None for name in settings.S3_KEYS) if own is None else (*own, None)
        keys = dict(zip(settings.S3_KEYS, found, strict=True))
        try:
            self._client = boto3.client(
                "s3",
                endpoint_url=endpoint_url,
                **{name.lower(): value for name, value in keys.items()},
                # A request is signed for a region: Amazon's own endpoints refuse another; most others take any.
                region_name=_region(endpoint_url, None if own else boto3.session.Session().region_name),
                config=Config(retries=retries, connect_timeout=5, read_timeout=60),
            )
        except PartialCredentialsError as error:
            raise SettingsError(_NO_KEYS.format(error)) from None
        except (ValueError, BotoCoreError) as error:
            raise SettingsError(
                f"RELEVO_S3_ENDPOINT_URL: expected an address such as http://s3:8333: {error}"
            ) from None

    @staticmethod
    def key(sha256: str, kind: str = "json") -> str:
        """Where a body lies."""
        return f"raw/{sha256[:2]}/{sha256}.{kind}.gz"

    def put(self, sha256: str, packed: IO[bytes], kind: str = "json") -> str:
        """Keep a body of this kind, packed by gzip; the same body twice is the same object. Returns its key.

        It is read from the file piece by piece, twice or more often: to be signed, to be sent, to be sent again.

        Raises Unavailable if S3 is away or has no room, SettingsError if there are no keys or S3 refuses them.
        """
        key = self.key(sha256, kind)
        with self._speaking():
            try:
                self._write(key, packed, "application/gzip")
            except self._client.exceptions.NoSuchBucket:
                self._make()
                packed.seek(0)
                self._write(key, packed, "application/gzip")
        return key

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """The objects whose keys begin with this and have no / behind it: key, bytes and ETag.

        Raises as `put`, SettingsError also if there is no such bucket.
        """
        with self._speaking(reading=True):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=prefix, Delimiter="/"
            ):
                for found in page.get("Contents", ()):
                    yield found["Key"], found["Size"], found["ETag"]

    def part(self, key: str, etag: str, first: int, count: int) -> bytes:
        """So many bytes of an object from there on, if it still is what had this ETag. Raises as `objects`."""
        with self._speaking(reading=True):
            asked = f"bytes={first}-{first + count - 1}"
            answer = self._client.get_object(Bucket=self._name, Key=key, Range=asked, IfMatch=etag)
            content: bytes = answer["Body"].read(count)
            return content

    def prepare(self) -> bool:
        """Make the bucket if it is missing, and prove by a small object that its keys may write. True if it was made.

        Raises as `put`.
        """
        with self._speaking():
            # Asked first: some servers make a bucket by themselves when something is put into it.
            made = self._is_missing() and self._make()
            self._write(PROOF, PROOF_SAYS, "text/plain")
        return made

    def _write(self, key: str, content: bytes | IO[bytes], kind: str) -> None:
        self._client.put_object(Bucket=self._name, Key=key, Body=content, ContentType=kind)

    def _is_missing(self) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            self._client.head_bucket(Bucket=self._name)
        except ClientError as error:
            status = _status(error)
            if status not in {403, 404}:
                raise
            return status == 404  # keys that may write may still not ask, and the answer tells no more than 403
        return False

    def _make(self) -> bool:
        """Make the bucket; False if somebody else made it meanwhile."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        region = self._client.meta.region_name
        # Amazon wants to be told where, save in the region that is its default and has no such name.
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region not in DEFAULT_REGIONS else {}
        try:
            self._client.create_bucket(Bucket=self._name, **place)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise
            return False
        return True

    @contextmanager
    def _speaking(self, *, reading: bool = False) -> Iterator[None]:
        """Turn boto3's errors into the step's: what was expected, what came, what to do."""
        from botocore import exceptions  # noqa: PLC0415

        try:
            yield
        except exceptions.ClientError as error:
            message = f"S3 at {self._where} refused bucket {self._name}: {error}"
            if reading and _status(error) in {401, 403, 404}:
                raise SettingsError(
                    f"{message}; see path of source.files, RELEVO_S3_ENDPOINT_URL, and whether AWS_ACCESS_KEY_ID may "
                    "list and read there"
                ) from error
            if reading and _status(error) == 412:
                raise Unavailable(
                    f"{message}: the file was changed while it was read; RAW is unchanged, run this step again"
                ) from error
            if _status(error) not in {401, 403}:
                raise Unavailable(f"{message}; RAW is unchanged, run this step again when S3 is well") from error
            if error.operation_name == "CreateBucket":
                raise SettingsError(
                    f"{message}; the bucket is missing: make it there, or give AWS_ACCESS_KEY_ID the right to make it"
                ) from error
            raise SettingsError(f"{message}; AWS_ACCESS_KEY_ID needs the right to write there") from error
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise SettingsError(_NO_KEYS.format(error)) from error
        except exceptions.ParamValidationError as error:
            raise SettingsError(f"RELEVO_BUCKET: expected a bucket's name, got {self._name!r}: {error}") from error
        except exceptions.BotoCoreError as error:
            raise Unavailable(
                f"expected S3 at {self._where} (RELEVO_S3_ENDPOINT_URL), got: {error}; RAW is unchanged, "
                "bring it back and run this step again"
            ) from error


def _region(endpoint_url: str | None, ours: str | None) -> str | None:
    """The region that requests to this address are signed for: the one in the name of an endpoint of Amazon's, or ours.

    None: Amazon's endpoint of the region that boto3 finds by itself.
    """
    if endpoint_url is None:
        return None
    of_amazon = re.match(r"https?://s3[.-]([a-z]+-[a-z-]+-\d)\.amazonaws\.com\b", endpoint_url)
    return of_amazon[1] if of_amazon else ours or "us-east-1"


def _status(error: Any) -> int:
    """The HTTP status of what S3 refused."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
