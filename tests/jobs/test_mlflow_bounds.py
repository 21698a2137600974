"""MLflow's own client, as the steps use it, against a server that sends too much."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from relevo_demo.servers import MlflowServer
from relevo_jobs import mlflow_bounds
from relevo_jobs.errors import StepError
from relevo_jobs.mlflow_api import DEFAULTS, MlflowApi
from tests.hostile_server import Answering, answering, bomb, whole

JSON = "Content-Type: application/json\r\n"
PACKED = whole(f"Content-Encoding: gzip\r\n{JSON}", bomb(2**27, "gzip"))
LONG = whole(JSON, b"{" + b" " * 2**26)
Asking = Callable[[MlflowApi, Path], object]


def answer(api: MlflowApi, _: Path) -> object:
    with api.asked("find a model") as client:
        return client.get_registered_model("m")


def file(api: MlflowApi, folder: Path) -> object:
    return api.download("mlflow-artifacts:/1/run/artifacts", "model.onnx", folder)


@pytest.mark.parametrize(("came", "says"), [(PACKED, "not packed"), (LONG, "at most 1,000,000 bytes")])
@pytest.mark.parametrize("asking", [answer, file])
def test_it_takes_no_more_than_it_may(
    asking: Asking, came: Answering, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("LARGEST_GRAPH", "LONGEST_ANSWER"):
        monkeypatch.setattr(mlflow_bounds, name, 1_000_000)
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)
    with answering(came) as url:
        api = MlflowApi(url)
        tracemalloc.start()
        try:
            with pytest.raises(StepError, match=says):
                asking(api, tmp_path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2**26


def test_what_fits_comes_whole(
    mlflow: MlflowServer, monkeypatch: pytest.MonkeyPatch, model_name: str, tmp_path: Path
) -> None:
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)
    client = MlflowClient(mlflow.url, mlflow.url)
    run = client.create_run(client.create_experiment(model_name)).info
    client.log_text(run.run_id, "x" * 3_000_000, "a/file.txt")
    found = MlflowApi(mlflow.url).download(run.artifact_uri, "a/file.txt", tmp_path)
    assert found.read_text() == "x" * 3_000_000
