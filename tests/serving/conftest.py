"""Two versions trained by relevo_jobs, an MLflow that can be cut off, and the API as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract import names
from relevo_demo.servers import MlflowServer
from relevo_jobs.train import bundle, fitting

PLACES = (
    ("Puerto Rico", "Adjuntas", "00601", 11.2),
    ("Puerto Rico", "San Juan", "00907", 12.3),
    ("Massachusetts", "Boston", "02108", 13.4),
    ("Connecticut", "Hartford", "06103", 12.5),
)


def draw_listings(rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Listings with every kind of gap; the price follows place and size."""
    draw = np.random.default_rng(seed)
    place = draw.integers(0, len(PLACES), rows)
    size = draw.lognormal(7.3, 0.4, rows)
    table: dict[str, NDArray[Any]] = {
        "bed": draw.integers(1, 7, rows).astype(float),
        "bath": draw.integers(1, 5, rows).astype(float),
        "acre_lot": draw.lognormal(-1.5, 1, rows),
        "house_size": size,
        "prev_sold_date": np.datetime64("2010-01-01", "D") + draw.integers(0, 4000, rows),
        "price": np.exp(
            np.array([PLACES[p][3] for p in place]) + 0.8 * np.log(size / 1500) + draw.normal(0, 0.2, rows)
        ),
    }
    for name, values in {
        "state": [PLACES[p][0] for p in place],
        "city": [PLACES[p][1] for p in place],
        "zip_code": [PLACES[p][2] for p in place],
        "status": ["for_sale"] * rows,
        "brokered_by": [str(b) for b in draw.integers(1, 30, rows)],
        "street": [str(s) for s in draw.integers(1, 10_000, rows)],
    }.items():
        table[name] = np.array(values, dtype=object)
        table[name][draw.random(rows) < 0.1] = None
    for name in ("bed", "bath", "acre_lot", "house_size"):
        table[name][draw.random(rows) < 0.2] = np.nan
    table["prev_sold_date"][draw.random(rows) < 0.5] = np.datetime64("NaT")
    return table


def write_bundle(folder: Path, seed: int) -> Path:
    columns = draw_listings(500, seed)
    fitted = fitting.fit(columns, seed=seed, threads=1)
    bundle.write(folder, fitted, columns, holdout_columns=draw_listings(200, seed + 100), batches=(1,), seed=seed)
    return folder


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two versions' folders, of different data."""
    return write_bundle(tmp_path_factory.mktemp("one"), 1), write_bundle(tmp_path_factory.mktemp("two"), 2)


@pytest.fixture(scope="session")
def listings() -> Mapping[str, NDArray[Any]]:
    """Listings that no version was trained on."""
    return draw_listings(300, 7)


class Gate:
    """A way to MLflow that can be closed: connections are then refused, as when the server is stopped."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: list[socket.socket] = []
        self._server: socket.socket | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.open()

    def open(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=50)
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        with self._lock:
            for end in self._pairs:
                self._end(end)
            self._pairs.clear()

    @staticmethod
    def _end(end: socket.socket) -> None:
        with suppress(OSError):  # it may have ended by itself
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                self._pairs += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def gate(mlflow: MlflowServer) -> Iterator[Gate]:
    """MLflow behind a gate."""
    gate = Gate(mlflow.port)
    yield gate
    gate.close()


@dataclass
class Versions:
    """A registered model of one test's own."""

    tracking_uri: str
    model: str
    runs: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  # after the switch above, which it reads at import

        self.client = MlflowClient(self.tracking_uri, self.tracking_uri)
        self.experiment = self.client.create_experiment(self.model)
        self.client.create_registered_model(self.model)

    def register(self, folder: Path) -> int:
        run = self.client.create_run(self.experiment)
        self.client.log_artifacts(run.info.run_id, str(folder), names.MODEL_FOLDER)
        source = f"{run.info.artifact_uri}/{names.MODEL_FOLDER}"
        version = int(self.client.create_model_version(self.model, source, run.info.run_id).version)
        self.runs[version] = run.info.run_id
        return version

    def promote(self, version: int) -> None:
        self.client.set_registered_model_alias(self.model, names.ALIAS, str(version))


@pytest.fixture
def versions(mlflow: MlflowServer, model_name: str) -> Versions:
    return Versions(mlflow.url, model_name)


@dataclass
class Running:
    """The API as a process."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10)

    def predict(self, *houses: Mapping[str, Any]) -> httpx.Response:
        return httpx.post(self.url + "/predict", json={"houses": list(houses)}, timeout=10)

    def wait(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until /model says what is expected."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            said: dict[str, Any] = self.get("/model").json()
            if what(said):
                return said
            time.sleep(0.05)
        pytest.fail(f"/model still says {said}; log:\n{self.log.read_text()}")

    def wait_for_version(self, version: int) -> dict[str, Any]:
        return self.wait(lambda said: bool(said["serving"]) and said["serving"]["version"] == version)

    def events(self) -> list[dict[str, Any]]:
        """Its log, every line of which must be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


Start = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path, versions: Versions) -> Start:
    """Start the API with settings of the test's own, as a context manager."""

    @contextmanager
    def start(**settings: str) -> Iterator[Running]:
        log = tmp_path / f"serving-{time.monotonic_ns()}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVO_", "MLFLOW_"))}
        env = {
            **inherited,
            "MLFLOW_TRACKING_URI": versions.tracking_uri,
            "RELEVO_MODEL": versions.model,
            "RELEVO_PORT": "0",
            "RELEVO_POLL_SECONDS": "0.1",
            **settings,
        }
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "relevo_serving"], env=env, stdout=out, stderr=subprocess.STDOUT, text=True
            )
        try:
            yield Running(_address(process, log), process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, log.read_text()

    return start


def _address(process: subprocess.Popen[str], log: Path) -> str:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                said = json.loads(line)
                return f"http://{said['host']}:{said['port']}"
        time.sleep(0.05)
    pytest.fail(f"the API does not listen; log:\n{log.read_text()}")
