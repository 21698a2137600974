"""MLflow as the steps ask it, against a server that sends too much."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from relevo_demo.servers import MlflowServer
from relevo_jobs import mlflow_api
from relevo_jobs.errors import StepError
from relevo_jobs.mlflow_api import MlflowApi
from tests.hostile_server import Answering, answering, bomb, whole

JSON = "Content-Type: application/json\r\n"
PACKED = whole(f"Content-Encoding: gzip\r\n{JSON}", bomb(2**27, "gzip"))
LONG = whole(JSON, b"{" + b" " * 2**26)
FILE = whole("Content-Disposition: attachment; filename=model.onnx\r\n", b"{" + b" " * 2**26)
Asking = Callable[[MlflowApi], object]


def answer(api: MlflowApi) -> object:
    return api.get("find a model", "registered-models/get", name="m")


def file(api: MlflowApi) -> object:
    return api.file("run", "model.onnx")


@pytest.mark.parametrize("came", [PACKED, LONG, FILE], ids=["packed", "long", "file"])
@pytest.mark.parametrize("asking", [answer, file])
def test_it_takes_no_more_than_it_may(asking: Asking, came: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_api, "LARGEST_GRAPH", 1_000_000)
    with answering(came) as url:
        api = MlflowApi(url)
        tracemalloc.start()
        try:
            with pytest.raises(StepError, match="at most"):
                asking(api)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2**26


def test_what_is_kept_comes_whole_and_may_be_kept_anew(mlflow: MlflowServer, model_name: str) -> None:
    api = MlflowApi(mlflow.url)
    experiment = api.post("make it", "experiments/create", name=model_name)["experiment_id"]
    info = api.post("make a run", "runs/create", experiment_id=experiment)["run"]["info"]
    for text in (b"x" * 3_000_000, "niño".encode(), b""):
        api.keep(info["artifact_uri"], {"a/a file, 100 %.txt": text})
        assert api.file(info["run_id"], "a/a file, 100 %.txt") == text


def test_a_file_that_is_not_there_is_told(mlflow: MlflowServer, model_name: str) -> None:
    api = MlflowApi(mlflow.url)
    experiment = api.post("make it", "experiments/create", name=model_name)["experiment_id"]
    run = api.post("make a run", "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    with pytest.raises(StepError, match=r"hand out decision\.json of run .* was it deleted"):
        api.file(run, "decision.json")
