"""The steps keep their story also where MLflow hands out no artifacts, and log in by files of MLflow's variables."""

from __future__ import annotations

import base64
import os
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import run

import pytest

from relevo_demo.servers import MlflowServer, S3Server
from relevo_jobs.errors import Unavailable
from relevo_jobs.registry import Registry
from tests.jobs.registry.test_registry import NESTED, check, folder, story
from tests.jobs.registry.told import Told
from tests.killing import base_env

__all__ = ["folder"]


@pytest.fixture
def in_s3(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is let into S3, which it then writes to itself."""
    for key, value in {**s3.env, "MLFLOW_S3_ENDPOINT_URL": s3.url}.items():
        monkeypatch.setenv(key, value)


@pytest.mark.usefixtures("in_s3")
def test_without_serve_artifacts_the_steps_write_to_the_store_themselves(
    direct_mlflow: MlflowServer, model_name: str, folder: Path, tmp_path: Path
) -> None:
    registry, told = Registry(direct_mlflow.url, model_name), Told(direct_mlflow.url, model_name)
    story(registry, folder)
    check(told)
    assert told.versions()[2].source.startswith("s3://")
    champion = registry.champion()
    assert champion is not None
    registry.download(champion.run_id, [NESTED], tmp_path / "there")
    assert (tmp_path / "there" / NESTED).read_text() == '{"rows": 3}'


@pytest.mark.usefixtures("in_s3")
def test_a_store_that_is_away_is_told(
    direct_mlflow: MlflowServer, model_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(direct_mlflow.url, model_name)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unavailable, match="expected the artifact store"):
        story(registry, folder)


@pytest.fixture
def logins() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that lets nobody in, and the logins it was sent."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_password_comes_from_its_file_and_is_not_told(logins: tuple[str, list[str]], tmp_path: Path) -> None:
    url, seen = logins
    (tmp_path / "password").write_text("geheim\n")
    login = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD_FILE": str(tmp_path / "password")}
    program = f"from relevo_jobs.registry import Registry; Registry({url!r}, 'm').champion()"
    said = run([sys.executable, "-c", program], env=base_env() | login, capture_output=True, text=True, check=False)
    assert "it refused with 401" in said.stderr
    assert "geheim" not in said.stderr + said.stdout
    assert seen == [f"Basic {base64.b64encode(b'ann:geheim').decode()}"], "asked once: a refusal is not repeated"


def test_no_step_imports_mlflow_unless_it_trains() -> None:
    program = textwrap.dedent("""
        import importlib, sys
        for step in ("collect", "clean", "prepare", "decide", "include", "promote"):
            importlib.import_module(f"relevo_jobs.{step}.step")
        from relevo_jobs.registry import Registry
        Registry("http://127.0.0.1:9", "m")
        assert not {"mlflow", "pandas", "sklearn", "matplotlib"} & set(sys.modules)
    """)
    run([sys.executable, "-c", program], env=dict(os.environ), check=True)
