"""The trips' server keeps the contract that the operator counts on: a pod's environment, probes, exit codes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.trips.data import MODEL
from examples.trips.model import MODEL_FILE, TripModel
from relevo_contract import names
from relevo_demo.servers import MlflowServer, free_port
from relevo_jobs.registry import Registry
from relevo_operator.manifests import deployment
from relevo_operator.names import BROKEN_VERSION_EXIT
from relevo_operator.values import RegistryRef
from tests.examples.conftest import ROOT, Loop
from tests.gate import Gate
from tests.killing import base_env
from tests.operator.worlds import SPEC, World
from tests.versions import Versions

TRIP = {"district": "Hills", "bike": "city", "hour": 12, "distance_km": 2.0, "temperature": 15}


@pytest.fixture
def last_words(tmp_path: Path) -> Path:
    file = tmp_path / "termination-log"
    file.touch()
    return file


def container(tracking_uri: str, model: str, version: int, port: int) -> dict[str, Any]:
    """The container that the operator makes for the version."""
    spec = replace(SPEC, registry=RegistryRef(tracking_uri, model, names.ALIAS), port=port)
    pod = deployment(World(spec=spec).observed(), version)["spec"]["template"]["spec"]
    found: dict[str, Any] = pod["containers"][0]
    return found


READY, ALIVE = (
    container("http://mlflow", MODEL, 1, 8000)[probe]["httpGet"]["path"]
    for probe in ("readinessProbe", "livenessProbe")
)


@contextmanager
def started(
    tracking_uri: str, version: int | None, last_words: Path, model: str = MODEL
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a process with its pod's environment, and its address."""
    port = free_port()
    told = {one["name"]: one["value"] for one in container(tracking_uri, model, version or 1, port)["env"]}
    if version is None:
        del told["RELEVO_VERSION"]
    env = {**base_env(), **told, "RELEVO_TERMINATION_LOG": str(last_words)}
    command = [sys.executable, "-m", "examples.trips.serving"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            yield one, f"http://127.0.0.1:{port}"
        finally:
            one.kill()


def answer(url: str, status: int) -> httpx.Response:
    """Ask until it answers so."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            if (said := httpx.get(url, timeout=5)).status_code == status:
                return said
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url} never answered {status}")


def test_it_serves_the_version_it_is_told_and_ends_when_told(loop: Loop, last_words: Path) -> None:
    minutes = {}
    for version in (1, 2):
        with started(loop.mlflow_url, version, last_words) as (process, url):
            assert answer(url + READY, 200).json() == {"status": "ready", "version": version}
            assert answer(url + ALIVE, 200)
            assert httpx.get(f"{url}/model").json()["serving"]["version"] == version  # `helm test` asks this
            said = httpx.post(f"{url}/predict", json={"trips": [TRIP, {}]}).json()
            assert said["version"] == version
            minutes[version] = said["minutes"][0]
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    assert minutes[2] > 1.2 * minutes[1], "version 1 never saw the hills"
    assert last_words.read_text() == ""


@pytest.fixture
def broken(loop: Loop, mlflow: MlflowServer, model_name: str, tmp_path: Path) -> Versions:
    """Version 1 answers otherwise than in training, version 2 is cut, version 3 lacks its self-test."""
    folder = tmp_path / "version"
    folder.mkdir()
    registry = Registry(loop.mlflow_url, MODEL)
    champion = registry.champion()
    assert champion is not None
    registry.download(champion.run_id, [MODEL_FILE, names.SELF_TEST_FILE], folder)
    whole = (folder / MODEL_FILE).read_text()
    versions = Versions(mlflow.url, model_name)
    trained = TripModel.model_validate_json(whole)
    other = trained.model_copy(update={"coefficients": (trained.coefficients[0] + 0.1, *trained.coefficients[1:])})
    (folder / MODEL_FILE).write_text(other.model_dump_json())
    versions.register(folder)
    (folder / MODEL_FILE).write_text(whole[:100])
    versions.register(folder)
    (folder / names.SELF_TEST_FILE).unlink()
    versions.register(folder)
    return versions


@pytest.mark.parametrize(
    ("version", "why"),
    [
        (1, "self-test: expected"),
        (2, "expected model.json"),
        (3, "expected self_test.json in the version's run"),
        (9, "expected version 9 of"),
    ],
)
def test_a_version_that_can_never_be_served_ends_it_with_3_and_its_reason(
    broken: Versions, last_words: Path, version: int, why: str
) -> None:
    with started(broken.tracking_uri, version, last_words, broken.model) as (process, _):
        assert process.wait(60) == BROKEN_VERSION_EXIT == 3
    assert last_words.read_text().startswith(why)


def test_mlflow_away_says_nothing_of_the_version(loop: Loop, gate: Gate, last_words: Path) -> None:
    gate.close()
    with started(gate.url, 2, last_words) as (process, url):
        ends = time.monotonic() + 60
        while "expected an answer from MLflow" not in answer(url + READY, 503).text:
            assert time.monotonic() < ends
        assert answer(url + ALIVE, 200)
        gate.open()
        assert answer(url + READY, 200).json()["version"] == 2
        assert process.poll() is None


def test_a_setting_that_is_missing_ends_it_with_2_and_its_name(last_words: Path) -> None:
    with started("http://127.0.0.1:1", None, last_words) as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "RELEVO_VERSION" in said


def test_its_image_needs_none_of_the_steps() -> None:
    program = "import sys, examples.trips.serving; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {module.split(".", 1)[0] for module in done.stdout.split()}
    assert not found & {"relevo_jobs", "relevo_demo", "relevo_ui", "relevo_operator", "mlflow", "xgboost"}
