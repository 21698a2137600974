"""A pinned version: what ends the process and what does not. The process and MLflow are real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from relevo_contract import names
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_serving.__main__ import BROKEN_VERSION, LIMIT, leave, shortened
from relevo_serving.mlflow_model import EARLIER
from tests.conftest import BUCKET
from tests.gate import Gate
from tests.serving import foreign
from tests.serving.failing_store import FailingStore, Fault
from tests.serving_process import Serve
from tests.versions import Versions

Bundles = tuple[Path, Path]


@pytest.fixture
def store(mlflow: MlflowServer) -> Iterator[FailingStore]:
    store = FailingStore(mlflow.url)
    yield store
    store.close()


@pytest.fixture
def last_words(tmp_path: Path) -> Path:
    """The file that stands for Kubernetes' termination log."""
    file = tmp_path / "termination-log"
    file.touch()
    return file


Ended = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def ended(versions: Versions, last_words: Path) -> Ended:
    """Run the API, pinned, until it ends by itself: exit code and log."""

    def run(version: int, **settings: str) -> tuple[int, list[dict[str, Any]]]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))}
        env = {
            **inherited,
            "MLFLOW_TRACKING_URI": versions.tracking_uri,
            "RELEVO_MODEL": versions.model,
            "RELEVO_VERSION": str(version),
            "RELEVO_PORT": "0",
            "RELEVO_TERMINATION_LOG": str(last_words),
            **settings,
        }
        command = [sys.executable, "-m", "relevo_serving"]
        process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert process.stderr == ""
        return process.returncode, [json.loads(line) for line in process.stdout.splitlines()]

    return run


def refusals(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(event["version"], event["problem"]) for event in events if event["event"] == "version_refused"]


def test_a_pinned_version_stays_whatever_the_alias_says_and_mlflow_is_asked_no_more(
    serve: Serve, versions: Versions, bundles: Bundles, store: FailingStore, last_words: Path
) -> None:
    one, two = versions.register(bundles[0]), versions.register(bundles[1])
    versions.promote(two)
    pinned = {"RELEVO_VERSION": str(one), "RELEVO_TERMINATION_LOG": str(last_words)}
    with serve(MLFLOW_TRACKING_URI=store.url, **pinned) as api:
        before = api.wait_for_version(one)
        assert before["follows"] == f"version {one}"
        asked = store.asked
        time.sleep(0.5)  # several polls
        assert store.asked == asked
        store.close()  # MLflow's going away is not even noticed
        time.sleep(0.3)
        assert api.get("/model").json() == before
        assert before["registry"]["reachable"] is True
        assert api.get("/readyz").json() == {"status": "ready", "version": one}
        assert api.predict({}).json()["model"]["version"] == one
    assert last_words.read_text() == ""


def _cut(folder: Path, _: Path) -> None:
    onnx = folder / names.ONNX_FILE
    onnx.write_bytes(onnx.read_bytes()[:1000])


def _missing(folder: Path, _: Path) -> None:
    (folder / names.RESIDUALS_FILE).unlink()


def _empty(folder: Path, _: Path) -> None:
    (folder / names.DATA_SET_FILE).write_bytes(b"")


def _of_another(folder: Path, other: Path) -> None:
    shutil.copy(other / names.ONNX_FILE, folder / names.ONNX_FILE)


def _of_a_tag(_: Path, __: Path) -> None:
    """The registry has another digest of the manifest."""


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_cut, f"expected {names.ONNX_FILE} of"),
        (_missing, f"expected the file {names.RESIDUALS_FILE} in the version"),
        (_empty, f"expected {names.DATA_SET_FILE} of"),
        (_of_another, f"expected {names.ONNX_FILE} of"),
        (_of_a_tag, f"expected {names.MANIFEST_FILE} with the SHA-256"),
    ],
)
def test_a_pinned_version_that_can_never_be_served_ends_the_process_and_says_why(
    ended: Ended,
    versions: Versions,
    bundles: Bundles,
    tmp_path: Path,
    last_words: Path,
    damage: Callable[[Path, Path], None],
    why: str,
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(bundles[1], broken)
    damage(broken, bundles[0])
    version = versions.register(broken)
    if damage is _of_a_tag:
        versions.client.set_model_version_tag(versions.model, str(version), names.TAG_MANIFEST, "0" * 64)
    code, events = ended(version)
    assert code == BROKEN_VERSION
    assert refusals(events) == [(version, last_words.read_text())]
    assert last_words.read_text().startswith(why)


def test_a_number_that_mlflow_says_does_not_exist_ends_the_process(
    ended: Ended, versions: Versions, last_words: Path
) -> None:
    code, events = ended(7)
    assert code == BROKEN_VERSION
    assert refusals(events) == [(7, last_words.read_text())]
    assert last_words.read_text().startswith(
        f"expected version 7 of {versions.model}, MLflow at {versions.tracking_uri}"
    )


def test_a_model_that_mlflow_says_does_not_exist_ends_the_process(ended: Ended, last_words: Path) -> None:
    code, _ = ended(1, RELEVO_MODEL="no such model")
    assert code == BROKEN_VERSION
    assert last_words.read_text().startswith("expected version 1 of no such model")


def test_a_version_without_files_ends_the_process(ended: Ended, versions: Versions, last_words: Path) -> None:
    version = versions.register_empty()
    code, _ = ended(version)
    assert code == BROKEN_VERSION
    assert last_words.read_text() == EARLIER


def test_a_model_that_is_not_relevos_is_served_and_one_that_cannot_be_is_told(
    serve: Serve, ended: Ended, versions: Versions, tmp_path: Path, last_words: Path
) -> None:
    def registered(folder: Path) -> int:
        run = versions.client.create_run(versions.experiment)
        versions.client.log_artifacts(run.info.run_id, str(folder), names.MODEL_FOLDER)
        source = f"{run.info.artifact_uri}/{names.MODEL_FOLDER}"
        return int(versions.client.create_model_version(versions.model, source, run.info.run_id).version)

    good = registered(foreign.matrix(tmp_path / "matrix", named=True))
    with serve(RELEVO_VERSION=str(good)) as api:
        api.wait_for_version(good)
        assert api.predict({"a": 1, "b": 2}).json()["predictions"][0]["prediction"] == 5.0
    (tmp_path / "matrix" / names.MLMODEL_FILE).write_text("flavors: {sklearn: {}}")
    code, _ = ended(registered(tmp_path / "matrix"))
    assert code == BROKEN_VERSION
    assert "MLflow's flavor onnx" in last_words.read_text()


def test_a_version_in_a_store_that_mlflow_cannot_read_waits_for_it(
    serve: Serve, versions: Versions, bundles: Bundles
) -> None:
    version = int(versions.client.create_model_version(versions.model, "gs://elsewhere/model").version)
    with serve(RELEVO_VERSION=str(version)) as api:
        said = api.wait(lambda said: said["registry"]["reachable"] is False)
        assert "its log says why" in said["registry"]["problem"]
        assert said["refused"] is None


def test_where_there_is_no_termination_log_none_is_made(ended: Ended, last_words: Path) -> None:
    last_words.unlink()
    code, events = ended(7)
    assert code == BROKEN_VERSION
    assert refusals(events)
    assert not last_words.exists()


def test_without_a_pin_a_broken_version_ends_nothing(
    serve: Serve, versions: Versions, bundles: Bundles, tmp_path: Path, last_words: Path
) -> None:
    shutil.copytree(bundles[0], tmp_path / "broken")
    _cut(tmp_path / "broken", bundles[1])
    versions.promote(versions.register(tmp_path / "broken"))
    with serve(RELEVO_TERMINATION_LOG=str(last_words)) as api:
        api.wait(lambda said: said["refused"] is not None)
        time.sleep(0.3)
        assert api.get("/healthz").status_code == 200
    assert last_words.read_text() == ""


@pytest.mark.parametrize("fault", get_args(Fault))
def test_a_store_that_fails_says_nothing_about_the_pinned_version(
    serve: Serve, versions: Versions, bundles: Bundles, store: FailingStore, last_words: Path, fault: Fault
) -> None:
    version = versions.register(bundles[0])
    store.fault = fault
    pinned = {"RELEVO_VERSION": str(version), "RELEVO_TERMINATION_LOG": str(last_words)}
    with serve(MLFLOW_TRACKING_URI=store.url, RELEVO_REGISTRY_TIMEOUT="0.5", **pinned) as api:
        said = api.wait(lambda said: store.failed >= 3 and said["registry"]["reachable"] is False)  # it asks again
        assert (said["serving"], said["refused"]) == (None, None)
        assert "expected an answer from MLflow" in said["registry"]["problem"]
        assert api.get("/healthz").status_code == 200
        assert api.get("/readyz").status_code == 503
        store.fault = None
        api.wait_for_version(version)
        assert refusals(api.events()) == []
    assert last_words.read_text() == ""


def test_started_without_mlflow_a_pinned_version_waits_for_it(
    serve: Serve, versions: Versions, bundles: Bundles, gate: Gate
) -> None:
    version = versions.register(bundles[0])
    gate.close()
    with serve(MLFLOW_TRACKING_URI=gate.url, RELEVO_VERSION=str(version)) as api:
        api.wait(lambda said: said["registry"]["reachable"] is False)
        assert api.get("/readyz").status_code == 503
        gate.open()
        api.wait_for_version(version)


@pytest.fixture
def s3_gate(s3: S3Server) -> Iterator[Gate]:
    gate = Gate(int(s3.url.rpartition(":")[2]))
    yield gate
    gate.close()


def test_a_real_mlflow_whose_real_store_is_away_says_nothing_about_the_pinned_version(
    serve: Serve,
    versions: Versions,
    bundles: Bundles,
    postgres: PostgresServer,
    s3: S3Server,
    s3_gate: Gate,
    tmp_path: Path,
) -> None:
    """The same registry through a second MLflow, whose way to S3 is closed: what it then answers is MLflow's own."""
    version = versions.register(bundles[0])
    env: Mapping[str, str] = postgres.env | s3.env | {"AWS_MAX_ATTEMPTS": "1"}
    backend = postgres.url("metadata")
    with (
        MlflowServer(tmp_path / "second", backend=backend, s3_url=s3_gate.url, bucket=BUCKET, env=env) as second,
        serve(MLFLOW_TRACKING_URI=second.url, RELEVO_VERSION=str(version)) as api,
    ):
        api.wait_for_version(version)  # the way there is right
        s3_gate.close()
        with serve(MLFLOW_TRACKING_URI=second.url, RELEVO_VERSION=str(version)) as without_store:
            said = without_store.wait(lambda said: said["registry"]["reachable"] is False)
            assert "expected an answer from MLflow" in said["registry"]["problem"]
            time.sleep(0.5)
            assert without_store.get("/model").json()["refused"] is None
            s3_gate.open()
            without_store.wait_for_version(version)


@pytest.mark.parametrize("character", ["a", "é", "🏠"])
def test_last_words_are_shortened_to_what_kubernetes_keeps(character: str) -> None:
    short = shortened(character * 10_000)
    assert len(short.encode()) <= LIMIT
    assert short.startswith(character * 1_000)
    assert short.endswith("…")
    assert shortened("two\n  lines") == "two lines"


def test_last_words_that_cannot_be_written_end_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    leave("why", tmp_path)  # a folder
    assert "termination_log_failed" in caplog.text
