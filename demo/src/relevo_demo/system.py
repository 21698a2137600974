"""All servers of the demo, started side by side and stopped in order, and the environment a step finds them by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server, SourceServer
from relevo_demo.servers.process import Server, wait_for_all
from relevo_demo.servers.source import SOURCE

HOUSE_PRICES = Path(__file__).parents[3] / "use_cases" / "house-prices" / "use_case.yaml"
BUCKET = "relevo"
GROUP = "6"
DAY = "Wednesday"
_OURS = ("RELEVO_", "MLFLOW_", "AWS_", "PG")
"""Variables of the caller that would lead a step to servers other than the demo's."""


@dataclass(frozen=True)
class Options:
    """What the data source serves, and ports (None: a free one)."""

    source: tuple[str, ...]
    """Arguments of the data source."""
    seed: int = 0
    mlflow_port: int | None = None
    source_port: int | None = None
    source_module: str = SOURCE
    use_case: Path = HOUSE_PRICES


@dataclass(frozen=True)
class System:
    """The running servers."""

    env: dict[str, str]
    """A step's whole environment."""
    mlflow_url: str
    source_url: str
    servers: tuple[Server, ...]


@contextmanager
def running(folder: Path, options: Options) -> Iterator[System]:
    """Start everything a step needs in a state folder; on leaving, stop it. Raises ServerError."""
    postgres, s3 = PostgresServer(folder / "postgres"), S3Server(folder / "s3")
    source = SourceServer(folder / "source", *options.source, port=options.source_port, module=options.source_module)
    with ExitStack() as stack:

        def start(server: Server) -> None:
            stack.callback(server.stop)
            server.start()

        for server in (postgres, s3, source):
            start(server)
        postgres.wait()
        # MLflow takes longest. It needs its database now, and S3 only for the first artifact.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        access = {**postgres.env, **s3.env}
        mlflow = MlflowServer(
            folder / "mlflow",
            backend=postgres.url("metadata"),
            s3_url=s3.url,
            bucket=BUCKET,
            env=access,
            port=options.mlflow_port,
        )
        start(mlflow)
        wait_for_all([s3, source])
        s3.create_bucket(BUCKET)
        mlflow.wait()
        env = {
            **inherited,
            **access,
            "RELEVO_USE_CASE": str(options.use_case),
            "RELEVO_GROUP": GROUP,
            "RELEVO_SOURCE_URL": source.url,
            "RELEVO_SOURCE_DAY": DAY,
            "RELEVO_RAW_URL": postgres.url("raw"),
            "RELEVO_CLEAN_URL": postgres.url("clean"),
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_SEED": str(options.seed),
            "MLFLOW_TRACKING_URI": mlflow.url,
        }
        try:
            yield System(env, mlflow.url, source.url, (postgres, s3, source, mlflow))
        finally:
            for ending in (mlflow, source, s3):  # side by side; PostgreSQL is the last to go
                ending.ask_to_stop()
