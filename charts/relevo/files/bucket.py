"""Copies a bucket to a tar on stdout, or a tar on stdin into a bucket: `python bucket.py save|load BUCKET`.

Run by `kubectl exec` (docs/operating.md) in a pod that is made for it, which has boto3, keys for all of the bucket and
the way to it, so that a backup needs no tool but kubectl and no key leaves the cluster. One object at a time is held,
in /tmp. Types and other metadata of objects are left out, for nothing reads them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import boto3
from botocore.exceptions import ClientError


def save(client: Any, bucket: str, out: BinaryIO) -> int:
    """Write every object as a file of the tar; returns how many."""
    count = 0
    with tarfile.open(fileobj=out, mode="w|") as archive:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for listed in page.get("Contents", []):
                if listed["Key"].endswith("/"):
                    continue  # a folder that some tool made: names are all there is to it
                found = client.get_object(Bucket=bucket, Key=listed["Key"])
                entry = tarfile.TarInfo(listed["Key"])
                # Of what is read, not of what was listed: it may have been written anew in between.
                entry.size, entry.mtime = found["ContentLength"], int(found["LastModified"].timestamp())
                archive.addfile(entry, found["Body"])
                count += 1
    return count


def load(client: Any, bucket: str, source: BinaryIO) -> int:
    """Write every file of the tar as an object, what has its name is replaced; returns how many."""
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError:
        client.create_bucket(Bucket=bucket)
    count = 0
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for entry in archive:
            if (content := archive.extractfile(entry)) is None:
                continue
            with tempfile.TemporaryFile() as held:  # a stream cannot go back, and an upload that is tried again must
                shutil.copyfileobj(content, held)
                held.seek(0)
                client.upload_fileobj(held, bucket, entry.name)
            count += 1
    return count


def main() -> int:
    """Do one of the two; says on stderr how many objects it were."""
    if len(sys.argv) != 3 or sys.argv[1] not in {"save", "load"}:
        print("expected save or load, and a bucket's name", file=sys.stderr)
        return 2
    access_key, secret_key = (
        Path(os.environ[f"AWS_{name}_FILE"]).read_text().strip() for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    client = boto3.client(
        "s3", endpoint_url=os.environ["RELEVO_S3_ENDPOINT_URL"], aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )  # fmt: skip
    verb, bucket = sys.argv[1:]
    if verb == "save":
        print(f"saved {save(client, bucket, sys.stdout.buffer)} objects of {bucket}", file=sys.stderr)
    else:
        print(f"loaded {load(client, bucket, sys.stdin.buffer)} objects into {bucket}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
