"""A real MLflow server: metadata in PostgreSQL, artifacts in S3, proxied so that clients need no keys of either."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from relevo_demo.servers.ports import expect_free, free_port
from relevo_demo.servers.process import HOST, PRIVATE, Server


class MlflowServer(Server):
    """`mlflow server` on 127.0.0.1. `backend` is a postgresql:// address; `env` lets it into PostgreSQL and S3.

    `options` of its command line go after, and so before, those that are said here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        backend: str,
        s3_url: str,
        bucket: str,
        env: Mapping[str, str],
        port: int | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", backend.replace("postgresql://", "postgresql+psycopg2://", 1),
            "--artifacts-destination", f"s3://{bucket}/mlflow", "--serve-artifacts",
            *options,
        ]  # fmt: skip
        settings = {
            "MLFLOW_S3_ENDPOINT_URL": s3_url,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine helper processes that nothing here needs
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONWARNINGS": "ignore",
        }
        super().__init__(
            "MLflow",
            command,
            log=folder.resolve() / "mlflow.log",
            ready=self._answers,
            env={**env, **settings},
            cwd=folder,
        )
        self._folder = folder

    def start(self) -> MlflowServer:
        """Start."""
        expect_free(self.port, self.name)
        self._folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        super().start()
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=2).close()  # noqa: S310
        except OSError:
            return False
        return True
