"""SeaweedFS from a wheel: S3 on 127.0.0.1, with keys that only the state folder knows."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from relevo_demo.servers.ports import expect_free, free_port
from relevo_demo.servers.process import HOST, PRIVATE, Server

REGION = "us-east-1"


class S3Server(Server):
    """S3 with its data in `folder`."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.identities = self.folder / "identities.json"
        weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        master, volume, filer = (free_port() for _ in range(3))
        # SeaweedFS gives each part a gRPC port 10,000 above its own unless told.
        master_grpc, volume_grpc, filer_grpc, s3_grpc = (free_port() for _ in range(4))
        # It names sockets by port in /tmp, whatever TMPDIR says, and leaves them there, killed or not.
        self._sockets = [
            Path(f"/tmp/seaweedfs-{part}.sock")  # noqa: S108  # its choice
            for part in (
                f"filer-{filer}", f"s3-{self.port}", f"master-grpc-{master_grpc}",
                f"volume-grpc-{volume_grpc}", f"filer-grpc-{filer_grpc}", f"s3-grpc-{s3_grpc}",
            )
        ]  # fmt: skip
        command = [
            weed or "weed", "-logtostderr=true", "server", f"-dir={self.folder / 'data'}", f"-ip={HOST}",
            f"-ip.bind={HOST}", f"-master.port={master}", f"-master.port.grpc={master_grpc}",
            f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}", "-s3", f"-s3.port={self.port}", f"-s3.port.grpc={s3_grpc}",
            f"-s3.config={self.identities}", "-s3.port.iceberg=0",
            "-s3.port.lance=0",  # fixed ports: a second server on this machine could not start
            f"-s3.ip.bind={HOST}", "-filer.disableHttp",  # who comes by HTTP, comes by S3 and its keys
            "-master.volumeSizeLimitMB=256", "-volume.max=0", "-master.telemetry=false",
        ]  # fmt: skip
        super().__init__(
            "SeaweedFS (S3)",
            command,
            log=self.folder / "s3.log",
            ready=self._answers,
            # What was answered is with the kernel; the rest of its orderly end is 15 s of waiting for its own parts.
            stop_timeout=2,
            # One volume for a new bucket instead of seven: a disk with little room holds few of them.
            env={"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
        )

    @property
    def env(self) -> dict[str, str]:
        """What a client needs in its environment to be let in."""
        credentials = json.loads(self.identities.read_text())["identities"][0]["credentials"][0]
        return {
            "AWS_ACCESS_KEY_ID": credentials["accessKey"],
            "AWS_SECRET_ACCESS_KEY": credentials["secretKey"],
            "AWS_DEFAULT_REGION": REGION,
        }

    def start(self) -> S3Server:
        """Make the keys if there are none, then start."""
        expect_free(self.port, self.name)
        self.folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        (self.folder / "data").mkdir(mode=PRIVATE, exist_ok=True)
        if not self.identities.exists():
            keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_urlsafe(30)}
            identity = {
                "name": "relevo",
                "credentials": [keys],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
            with os.fdopen(os.open(self.identities, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                json.dump({"identities": [identity]}, file)
        super().start()
        return self

    def stop(self) -> None:
        """Stop it, and clear away the sockets it leaves."""
        super().stop()
        for socket in self._sockets:
            socket.unlink(missing_ok=True)

    def _client(self) -> Any:
        import boto3  # noqa: PLC0415  # a third of a second
        from botocore.config import Config  # noqa: PLC0415

        env = self.env
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
            config=Config(retries={"max_attempts": 10}),
        )

    def create_bucket(self, name: str) -> None:
        """Make a bucket unless it is there."""
        client = self._client()
        if name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=name)

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket and what is in it, if it is there."""
        client = self._client()
        if name not in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            return
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for entry in page.get("Contents", []):
                client.delete_object(Bucket=name, Key=entry["Key"])
        client.delete_bucket(Bucket=name)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/status", timeout=2).close()  # noqa: S310
        except urllib.error.HTTPError:
            return True  # it refuses those without keys: it is up
        except OSError:
            return False
        return True
