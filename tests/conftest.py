"""Real servers for the tests: started once a run on 127.0.0.1 and free ports, stopped at its end."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from hypothesis import settings
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_demo.servers.process import ServerError
from tests.gate import Gate
from tests.houses import HOUSE_PRICES
from tests.killing import base_env
from tests.kubernetes_api import KubernetesApi, find_assets

BUCKET = "relevo"
settings.register_profile("relevo", deadline=None)  # how long an example takes, a busy machine decides
settings.load_profile("relevo")
os.environ.setdefault("RELEVO_USE_CASE", str(HOUSE_PRICES))  # of steps that run in the tests' own process
CRDS = Path(__file__).parents[1] / "crds" / "modeldeployments.yaml"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each run a folder of its own in the checkout.

    In pytest's own, a second run as root would close the folder above it to PostgreSQL's system user. What the servers
    logged is found there after a failure.
    """
    if config.option.basetemp is None:
        folder = Path(__file__).parents[1] / ".relevo" / "tests"
        folder.mkdir(parents=True, exist_ok=True)
        config.option.basetemp = tempfile.mkdtemp(dir=folder)


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """A file runs in one process; so do files that look at one loop, which is then made once."""

    TOGETHER: Final = {
        "tests/ui/test_figures.py": "tests/ui/test_browser.py",
        "tests/trips/test_serving.py": "tests/trips/test_loop.py",
    }

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return self.TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """Deal tests to processes so, where `--dist loadfile` is asked for."""
    return ByFile(config, log) if config.option.dist == "loadfile" else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the API server built before the first test: a first build takes longer than a test may, and tells so.

    If it cannot be built, the tests that need it fail and say why.
    """
    wanted = any("kube_api" in getattr(item, "fixturenames", ()) for item in session.items)
    if session.config.option.collectonly or not wanted:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext(), suppress(ServerError):
        find_assets()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """After a run without a failure, nothing in the folder is of use."""
    if exitstatus == 0:
        session.config.add_cleanup(lambda: shutil.rmtree(session.config.option.basetemp, ignore_errors=True))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """PostgreSQL with the databases metadata, raw and clean."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS with the bucket `relevo`."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket(BUCKET)
        yield server


@pytest.fixture(scope="session")
def mlflow(postgres: PostgresServer, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server on the two. It delivers webhooks to this machine too, and knows of a new one at once."""
    folder = tmp_path_factory.mktemp("mlflow")
    webhooks = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "0",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    env = postgres.env | s3.env | webhooks
    with MlflowServer(folder, backend=postgres.url("metadata"), s3_url=s3.url, bucket=BUCKET, env=env) as server:
        yield server


@pytest.fixture(scope="session")
def direct_mlflow(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server that hands out no artifacts: its clients write to S3 themselves."""
    folder = tmp_path_factory.mktemp("direct")
    options = ("--no-serve-artifacts", "--default-artifact-root", f"s3://{BUCKET}/direct")
    backend = f"sqlite:///{folder}/mlflow.db"
    with MlflowServer(folder, backend=backend, s3_url=s3.url, bucket=BUCKET, env=s3.env, options=options) as server:
        yield server


@pytest.fixture
def gate(mlflow: MlflowServer) -> Iterator[Gate]:
    """MLflow behind a gate."""
    gate = Gate(mlflow.port)
    yield gate
    gate.close()


@dataclass(frozen=True)
class Databases:
    """A pair of databases of one test's own."""

    raw_url: str
    clean_url: str
    env: Mapping[str, str]


@pytest.fixture
def databases(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Databases:
    """Empty RAW and CLEAN databases; this process is let in (PGPASSFILE).

    Every test uses the same two and finds them emptied: a hundred pairs cost PostgreSQL a gigabyte and its last
    checkpoint a quarter of a minute.
    """
    for key, value in postgres.env.items():
        monkeypatch.setenv(key, value)
    found = Databases(postgres.url("raw_test"), postgres.url("clean_test"), postgres.env)
    for url in (found.raw_url, found.clean_url):
        postgres.create_database(url.rsplit("/", 1)[-1])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute("set lock_timeout = '30s'")  # of a step that the test before left running
            connection.execute("drop schema if exists raw, clean, public cascade")
            connection.execute("create schema public")
    return found


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket of one test's own, not made yet, deleted after it; this process is let in (AWS_...)."""
    for key, value in s3.env.items():
        monkeypatch.setenv(key, value)
    name = f"test-{secrets.token_hex(6)}"
    yield name
    s3.delete_bucket(name)  # SeaweedFS keeps volumes for each bucket, and the disk's room sets how many there can be


@pytest.fixture
def model_name() -> str:
    """A registered model's name of one test's own."""
    return f"house-prices-{secrets.token_hex(6)}"


@pytest.fixture
def step_env(
    databases: Databases, s3: S3Server, mlflow: MlflowServer, bucket: str, model_name: str, tmp_path: Path
) -> dict[str, str]:
    """The environment a step needs, RELEVO_SOURCE_URL left to the test; nothing of the caller's RELEVO_ settings."""
    return {
        **base_env(),
        **databases.env,
        **s3.env,
        "RELEVO_GROUP": "6",
        "RELEVO_RAW_URL": databases.raw_url,
        "RELEVO_CLEAN_URL": databases.clean_url,
        "RELEVO_BUCKET": bucket,
        "RELEVO_S3_ENDPOINT_URL": s3.url,
        "RELEVO_MODEL": model_name,
        "RELEVO_THREADS": "2",
        "RELEVO_TERMINATION_LOG": str(tmp_path / "termination-log"),
        "MLFLOW_TRACKING_URI": mlflow.url,
    }


@pytest.fixture(scope="session")
def kube_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    """A Kubernetes API server that knows ModelDeployments; no controller runs behind it."""
    with KubernetesApi(find_assets(), tmp_path_factory.mktemp("kubernetes")) as api:
        api.apply_crds(CRDS)
        yield api


@pytest.fixture(scope="session")
def relevo_namespace(kube_api: KubernetesApi) -> str:
    """The namespace that the manifests of operator/deploy/ go into."""
    kube_api.kubectl("create", "namespace", "relevo")
    return "relevo"
