from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from relevo_contract import names
from relevo_contract.graph_inputs import values_of
from relevo_contract.version import SelfTest
from relevo_serving.__main__ import EXIT_CODES
from relevo_serving.rows import as_json
from tests.gate import Gate
from tests.houses import LISTINGS
from tests.serving_process import Serve
from tests.versions import Versions

HOUSE = {"bed": 3, "bath": 2, "house_size": 1500, "state": "Puerto Rico", "city": "San Juan"}


class Load:
    """Requests without pause from several threads, each answer kept."""

    def __init__(self, url: str, threads: int = 4) -> None:
        self.answers: list[tuple[float, int, int, float]] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(url,)) for _ in range(threads)]

    def _send(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=10) as client:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    answer = client.post("/predict", json={"instances": [HOUSE]})
                    said = answer.json()
                    price = said["predictions"][0]["prediction"]
                    self.answers.append((began, answer.status_code, said["model"]["version"], price))
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.failures.append(f"{type(error).__name__}: {error}")

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def _expected(folder: Path) -> list[tuple[dict[str, Any], float]]:
    found = SelfTest.model_validate_json((folder / names.SELF_TEST_FILE).read_bytes())
    return [
        ({name: as_json(value) for name, value in values_of(LISTINGS, one.inputs).items()}, one.prediction)
        for one in found.examples
    ]


def test_it_waits_for_a_first_version_then_follows_the_alias_under_load_and_loses_no_request(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path]
) -> None:
    with serve() as api:
        said = api.wait(lambda said: said["registry"]["reachable"])
        assert said["serving"] is None
        assert "comes with a promotion" in said["registry"]["problem"]
        assert api.get("/healthz").status_code == 200
        assert api.get("/readyz").status_code == 503
        assert api.predict(HOUSE).status_code == 503

        one, two = versions.register(bundles[0]), versions.register(bundles[1])
        versions.promote(one)
        api.wait_for_version(one)
        assert api.get("/readyz").json() == {"status": "ready", "version": one}
        for house, price in _expected(bundles[0]):
            assert api.predict(house).json()["predictions"][0]["prediction"] == pytest.approx(price, rel=1e-3)

        with Load(api.url) as load:
            for version in (two, one, two):
                versions.promote(version)
                said = api.wait_for_version(version)
                assert said["serving"]["run_id"] == versions.runs[version]
        assert load.failures == []
        assert {status for _, status, _, _ in load.answers} == {200}
        prices = {version: {p for _, _, v, p in load.answers if v == version} for version in (one, two)}
        assert [len(found) for found in prices.values()] == [1, 1]  # a version answers with its own price, always
        assert prices[one] != prices[two]
    assert [e["version"] for e in api.events() if e["event"] == "version_served"] == [one, two, one, two]


def test_told_to_stop_while_it_loads_a_version_it_ends_as_ever(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path]
) -> None:
    versions.promote(versions.register(bundles[0]))
    for tenths in (3, 6, 9, 12, 15):
        with serve():  # its exit code is looked at when the block ends
            time.sleep(tenths / 10)


@pytest.mark.parametrize("damage", ["cut", "of another version", "missing"])
def test_a_broken_version_is_refused_and_the_old_one_serves_on(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], tmp_path: Path, damage: str
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(bundles[1], broken)
    onnx = broken / names.ONNX_FILE
    if damage == "cut":
        onnx.write_bytes(onnx.read_bytes()[:1000])
    elif damage == "missing":
        onnx.unlink()
    else:
        shutil.copy(bundles[0] / names.ONNX_FILE, onnx)
    good, bad = versions.register(bundles[0]), versions.register(broken)
    versions.promote(good)
    with serve() as api:
        api.wait_for_version(good)
        with Load(api.url, threads=1) as load:
            versions.promote(bad)
            said = api.wait(lambda said: said["refused"] is not None)
        assert said["refused"]["version"] == bad
        assert said["refused"]["reason"].startswith(f"expected {'the file ' if damage == 'missing' else ''}model.onnx")
        assert said["serving"]["version"] == good
        assert load.failures == []
        assert {(status, version) for _, status, version, _ in load.answers} == {(200, good)}
        time.sleep(0.5)  # several looks later it was tried once
        assert [e["version"] for e in api.events() if e["event"] == "version_refused"] == [bad]

        mended = versions.register(bundles[1])
        versions.promote(mended)
        assert api.wait_for_version(mended)["refused"] is None


def test_a_broken_version_is_not_ready_when_there_is_no_other(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(bundles[0], tmp_path / "broken")
    (tmp_path / "broken" / names.DATA_SET_FILE).write_text("{}")
    versions.promote(versions.register(tmp_path / "broken"))
    with serve() as api:
        api.wait(lambda said: said["refused"] is not None)
        answer = api.get("/readyz")
        assert answer.status_code == 503
        assert names.DATA_SET_FILE in answer.json()["error"]
        assert api.get("/healthz").status_code == 200


def test_without_the_registry_it_serves_on_and_follows_again_when_it_is_back(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], gate: Gate
) -> None:
    one, two = versions.register(bundles[0]), versions.register(bundles[1])
    versions.promote(one)
    with serve(MLFLOW_TRACKING_URI=gate.url) as api:
        api.wait_for_version(one)
        gate.close()
        versions.promote(two)
        said = api.wait(lambda said: said["registry"]["reachable"] is False)
        assert "is it running" in said["registry"]["problem"]
        assert said["serving"]["version"] == one
        assert said["refused"] is None
        assert api.get("/readyz").status_code == 200
        assert api.predict(HOUSE).json()["model"]["version"] == one
        gate.open()
        assert api.wait_for_version(two)["registry"]["reachable"] is True
    assert sum(e["event"] == "registry_away" for e in api.events()) <= 3  # told when it changes, not at each look


def test_started_without_the_registry_it_waits_for_it(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], gate: Gate
) -> None:
    versions.promote(versions.register(bundles[0]))
    gate.close()
    with serve(MLFLOW_TRACKING_URI=gate.url) as api:
        api.wait(lambda said: said["registry"]["reachable"] is False)
        assert "MLflow" in api.get("/readyz").json()["error"]
        gate.open()
        api.wait_for_version(1)


def test_the_removed_alias_changes_nothing_that_serves(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path]
) -> None:
    versions.promote(versions.register(bundles[0]))
    with serve() as api:
        api.wait_for_version(1)
        versions.client.delete_registered_model_alias(versions.model, names.ALIAS)
        said = api.wait(lambda said: said["registry"]["problem"] is not None)
        assert said["registry"]["reachable"] is True
        assert api.predict(HOUSE).status_code == 200


def run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))}
    command = [sys.executable, "-m", "relevo_serving", *arguments]
    return subprocess.run(command, env=inherited | env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "MLFLOW_TRACKING_URI: not set"),
        ({"MLFLOW_TRACKING_URI": "mlflow.db"}, "MLFLOW_TRACKING_URI"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_PORT": "http"}, "RELEVO_PORT"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_VERSION": "latest"}, "RELEVO_VERSION"),
        ({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_POLL_SECONDS": "0"}, "RELEVO_POLL_SECONDS"),
        (
            {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_HOST": "203.0.113.1", "RELEVO_PORT": "0"},
            "RELEVO_HOST",
        ),
    ],
)
def test_a_wrong_setting_ends_it_at_once_naming_the_variable(env: dict[str, str], said: str) -> None:
    ended = run(env)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_password_in_an_address_is_not_repeated() -> None:
    ended = run({"MLFLOW_TRACKING_URI": "ftp://me:hunter2@mlflow"})
    assert ended.returncode == 2
    assert "hunter2" not in ended.stderr + ended.stdout


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run({"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "RELEVO_PORT": str(port)})
    assert ended.returncode == 2
    assert "RELEVO_PORT" in ended.stderr
    assert "another port" in ended.stderr


def test_help_names_settings_and_exit_codes() -> None:
    ended = run({}, "--help")
    assert ended.returncode == 0
    for variable in ("MLFLOW_TRACKING_URI", "RELEVO_VERSION", "RELEVO_TERMINATION_LOG", "RELEVO_MAX_ROWS"):
        assert variable in ended.stdout
    for code in EXIT_CODES:
        assert f"\n  {code}  " in ended.stdout


def test_answering_needs_neither_mlflow_nor_pandas_nor_xgboost(bundles: tuple[Path, Path]) -> None:
    script = f"""
import sys
from contextlib import ExitStack
from pathlib import Path
import relevo_serving.__main__
from relevo_serving.app import Host
from relevo_serving.self_test import load_tested
load_tested(Path({str(bundles[0])!r}))
heavy = {{"mlflow", "pandas", "xgboost", "scipy", "sklearn", "skl2onnx", "relevo_jobs"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_told_to_stop_it_loses_no_request_of_a_kept_connection(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path]
) -> None:
    versions.promote(versions.register(bundles[0]))
    with serve() as api, ExitStack() as stack:
        api.wait_for_version(1)
        kept = [stack.enter_context(httpx.Client(base_url=api.url, timeout=10)) for _ in range(20)]
        for client in kept:
            assert client.get("/readyz").status_code == 200
        api.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)  # long after uvicorn by itself would have closed them
        for client in kept:
            answer = client.post("/predict", json={"instances": [{"bed": 3}]})
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert api.process.wait(10) == 0
