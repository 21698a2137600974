"""The users of the chart's SeaweedFS, on a real one: each reaches its part of the bucket and no other. Needs helm."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError
from mlflow.tracking import MlflowClient

from relevo_demo.servers import MlflowServer, S3Server
from relevo_jobs.errors import SettingsError
from relevo_jobs.stores.bucket import PROOF, Bucket
from relevo_operator.installing.completion import additions
from relevo_operator.installing.definitions import parse
from tests.e2e.test_chart import CHART, mounted, named, rendered

BUCKET = "relevo"
SHA = "ab" + 62 * "0"
MLFLOWS = "mlflow/1/run/artifacts/model.onnx"


@pytest.fixture(scope="module")
def secret() -> dict[str, str]:
    """relevo-s3, as relevo-install makes it."""
    made = yaml.safe_load(named(rendered({}), "ConfigMap", "relevo-install")["data"]["secrets.yaml"])
    return additions(parse(made)["relevo-s3"], {}, random.Random(1))


@pytest.fixture(scope="module")
def server(secret: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS without a bucket."""
    server = S3Server(tmp_path_factory.mktemp("bucket-users"))
    server.identities.write_text(secret["users.json"])
    with server:
        yield server


def keys(secret: Mapping[str, str], who: str) -> dict[str, str]:
    of = f"{who}-" if who else ""
    return {
        "AWS_ACCESS_KEY_ID": secret[f"{of}access-key"],
        "AWS_SECRET_ACCESS_KEY": secret[f"{of}secret-key"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def client(server: S3Server, secret: Mapping[str, str], who: str) -> Any:
    env = keys(secret, who)
    return boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"], config=Config(retries={"max_attempts": 1}),
    )  # fmt: skip


def as_step(server: S3Server, secret: Mapping[str, str], who: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in keys(secret, who).items():
        monkeypatch.setenv(name, value)
    return Bucket(BUCKET, server.url)


@pytest.fixture
def filled(server: S3Server, secret: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The bucket, made by prepare, with what collect and MLflow keep."""
    as_step(server, secret, "", monkeypatch).prepare()
    as_step(server, secret, "collect", monkeypatch).put(SHA, io.BytesIO(b"body"))
    client(server, secret, "mlflow").put_object(Bucket=BUCKET, Key=MLFLOWS, Body=b"model")
    return server


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return bool(error.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403})


@pytest.mark.parametrize(
    ("who", "foreign"),
    [("collect", (MLFLOWS, PROOF, "mlflow2/x", f"raw/../{MLFLOWS}")),
     ("mlflow", (Bucket.key(SHA), PROOF, "mlflow2/x", f"mlflow/../{Bucket.key(SHA)}"))],
)  # fmt: skip
def test_neither_reaches_what_the_other_keeps(
    filled: S3Server, secret: Mapping[str, str], who: str, foreign: tuple[str, ...]
) -> None:
    s3, all_of_it = client(filled, secret, who), client(filled, secret, "")
    own = Bucket.key(SHA) if who == "collect" else MLFLOWS
    for key in foreign:
        assert refused(s3.get_object, Bucket=BUCKET, Key=key)
        assert refused(s3.put_object, Bucket=BUCKET, Key=key, Body=b"mine")
        assert refused(s3.delete_object, Bucket=BUCKET, Key=key)
        assert refused(s3.create_multipart_upload, Bucket=BUCKET, Key=key)
        assert refused(s3.copy_object, Bucket=BUCKET, Key=own, CopySource=f"{BUCKET}/{key}")
        assert refused(s3.copy_object, Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/{own}")
    for prefix in ("", "raw/", "ml", "mlflow") if who == "mlflow" else ("", "raw/", "mlflow/"):
        assert refused(s3.list_objects_v2, Bucket=BUCKET, Prefix=prefix)
    for call in (s3.list_object_versions, s3.list_multipart_uploads, s3.get_bucket_policy, s3.delete_bucket):
        assert refused(call, Bucket=BUCKET)
    anybody = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    ]})  # fmt: skip
    assert refused(s3.put_bucket_policy, Bucket=BUCKET, Policy=anybody)
    assert refused(s3.put_bucket_acl, Bucket=BUCKET, ACL="public-read-write")
    assert refused(s3.create_bucket, Bucket="another")
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in foreign[:2]]})
    assert not deleted.get("Deleted")
    assert [one["Key"] for one in all_of_it.list_objects_v2(Bucket=BUCKET)["Contents"]] == sorted(
        (MLFLOWS, PROOF, Bucket.key(SHA))
    )
    assert all_of_it.get_object(Bucket=BUCKET, Key=MLFLOWS)["Body"].read() == b"model"


def test_collect_writes_bodies_and_reads_none(filled: S3Server, secret: Mapping[str, str]) -> None:
    assert refused(client(filled, secret, "collect").get_object, Bucket=BUCKET, Key=Bucket.key(SHA))


def test_another_bucket_is_nobodys(
    filled: S3Server, secret: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in keys(secret, "").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError):
        Bucket("another", filled.url).prepare()


def test_mlflow_keeps_lists_gives_and_deletes_with_its_keys(
    filled: S3Server, secret: Mapping[str, str], tmp_path: Path
) -> None:
    env = keys(secret, "mlflow")
    with MlflowServer(
        tmp_path / "mlflow", backend=f"sqlite:///{tmp_path}/mlflow.db", s3_url=filled.url, bucket=BUCKET, env=env
    ) as server:
        mlflow = MlflowClient(server.url)
        run = mlflow.create_run("0").info.run_id
        mlflow.log_text(run, "hello", "notes/text.txt")
        assert [one.path for one in mlflow.list_artifacts(run, "notes")] == ["notes/text.txt"]
        assert Path(mlflow.download_artifacts(run, "notes/text.txt", str(tmp_path))).read_text() == "hello"


def test_a_backup_has_all_of_it_and_can_be_put_back(
    filled: S3Server, secret: Mapping[str, str], tmp_path: Path
) -> None:
    env = {"PATH": "/usr/bin", "RELEVO_S3_ENDPOINT_URL": filled.url, "AWS_DEFAULT_REGION": "us-east-1"}
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        (tmp_path / name).write_text(keys(secret, "")[f"AWS_{name}"])
        env[f"AWS_{name}_FILE"] = str(tmp_path / name)
    command = [sys.executable, str(CHART / "files" / "bucket.py")]
    saved = subprocess.run([*command, "save", BUCKET], env=env, capture_output=True, check=True)
    assert saved.stderr.decode().startswith("saved ")
    subprocess.run([*command, "load", BUCKET], env=env, input=saved.stdout, capture_output=True, check=True)


def test_each_pod_has_the_keys_of_its_user_alone() -> None:
    files = mounted(rendered({}))
    has = {
        pod: {key for secret, key in found.values() if secret == "relevo-s3"}
        for pod, found in files.items()
        if "relevo-s3" in str(found)
    }
    all_of_it = {"access-key", "secret-key"}
    mlflows = {"mlflow-access-key", "mlflow-secret-key"}
    assert has == {
        "relevo-s3/seaweedfs": {"users.json"},
        "relevo/base": all_of_it,  # the Job of prepare
        "relevo-backup/backup": all_of_it,
        "relevo-collect/base": {"collect-access-key", "collect-secret-key"},
        **{f"relevo-mlflow/{one}": mlflows for one in ("migrate", "logins", "mlflow")},
    }


def test_an_s3_of_ones_own_has_keys_for_each() -> None:
    bucket = {"endpoint": "https://s3.example", "existingSecret": "mine", "mlflowSecret": "mlflows"}
    files = mounted(rendered({"bucket": bucket}))
    path = "/secrets/s3/access-key"
    assert files["relevo-mlflow/mlflow"][path] == ("mlflows", "access-key")
    assert files["relevo-collect/base"][path] == files["relevo-backup/backup"][path] == ("mine", "access-key")
