"""All servers of a run, started side by side and stopped in order, and the environment a step finds them by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from relevo_contract.use_case import Declaration, read
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server, SourceServer
from relevo_demo.servers.process import Server, wait_for_all
from relevo_demo.use_case import FILES, HOUSE_PRICES, NAME, SQL_URL

BUCKET = "relevo"
FIRST_GROUP = "1"
"""Of a source that knows no groups."""
_OURS = ("RELEVO_", "MLFLOW_", "AWS_", "PG")
"""Variables of the caller that would lead a step to servers other than these."""


@dataclass(frozen=True)
class Options:
    """What is run, and ports (None: a free one)."""

    source: tuple[str, ...] | None
    """Arguments of the data source that is started beside the other servers; None: the declared one is there."""
    seed: int = 0
    mlflow_port: int | None = None
    source_port: int | None = None
    use_case: Path = HOUSE_PRICES


@dataclass(frozen=True)
class System:
    """The running servers."""

    env: dict[str, str]
    """A step's whole environment."""
    mlflow_url: str
    source_url: str | None
    """Of the source that was started."""
    servers: tuple[Server, ...]

    @property
    def group(self) -> str:
        """The number that the source knows us by."""
        return self.env["RELEVO_GROUP"]

    @property
    def model(self) -> str:
        """The registered model's name, and the experiment's."""
        return self.env["RELEVO_MODEL"]


@contextmanager
def running(folder: Path, options: Options) -> Iterator[System]:
    """Start everything a step needs in a state folder; on leaving, stop it. Raises ServerError.

    Each state folder has servers, databases and a bucket of its own, so that several use cases may run at once.
    """
    declared = read(options.use_case.read_text(), NAME)
    postgres, s3 = PostgresServer(folder / "postgres"), S3Server(folder / "s3")
    source = None
    if options.source is not None:
        source = SourceServer(folder / "source", *options.source, port=options.source_port)
    with ExitStack() as stack:

        def start(server: Server) -> None:
            stack.callback(server.stop)
            server.start()

        first: list[Server] = [s3] if source is None else [s3, source]
        for server in (postgres, *first):
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
        wait_for_all(first)
        s3.create_bucket(BUCKET)
        mlflow.wait()
        env = {
            **inherited,
            **access,
            **_source_env(declared, source),
            "RELEVO_USE_CASE": str(options.use_case.resolve()),
            "RELEVO_MODEL": declared.name,
            "RELEVO_RAW_URL": postgres.url("raw"),
            "RELEVO_CLEAN_URL": postgres.url("clean"),
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": s3.url,
            "RELEVO_SEED": str(options.seed),
            "MLFLOW_TRACKING_URI": mlflow.url,
        }
        try:
            yield System(env, mlflow.url, None if source is None else source.url, (postgres, *first, mlflow))
        finally:
            for ending in (mlflow, *reversed(first)):  # side by side; PostgreSQL is the last to go
                ending.ask_to_stop()


def _source_env(declared: Declaration, source: SourceServer | None) -> dict[str, str]:
    """How collect finds the data source."""
    http = declared.source.http
    if http is None:
        told = {name: os.environ[name] for name in (*SQL_URL, *FILES) if name in os.environ}
        return {"RELEVO_GROUP": FIRST_GROUP, **told}
    url = http.url if source is None else source.url
    told = {"RELEVO_GROUP": str(http.group), "RELEVO_SOURCE_DAY": http.day}
    return told if url is None else {**told, "RELEVO_SOURCE_URL": url}
