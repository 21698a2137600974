"""The peers: what each is installed from, how it is started, and how a row is asked for.

Every one serves the same booster. They are given the features, ready made; Relevo is given the house.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.serving.measuring import ROOT, answers
from relevo_demo.servers import free_port
from relevo_demo.servers.process import Server

CONSTANT: Final = """
from fastapi import FastAPI
app = FastAPI()

@app.post("/predict")
async def predict():
    return {"predictions": [{"price": 109204.31}]}
"""
PLAIN: Final = """
import numpy, xgboost
from fastapi import FastAPI
app = FastAPI()
booster = xgboost.Booster(model_file="model.ubj", params={"nthread": 1})

@app.post("/predict")
async def predict(features: list[list[float | None]]):
    rows = numpy.array(features, dtype=numpy.float32)
    return {"predictions": booster.inplace_predict(rows, validate_features=False).tolist()}
"""
BENTO: Final = """
import bentoml, numpy, xgboost

@bentoml.service(workers=1)
class Prices:
    def __init__(self):
        self.booster = xgboost.Booster(model_file="model.ubj", params={"nthread": 1})

    @bentoml.api
    def predict(self, features: numpy.ndarray) -> numpy.ndarray:
        return self.booster.inplace_predict(features.astype(numpy.float32), validate_features=False)
"""
MLSERVER: Final = """
import numpy, xgboost
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Prices(MLModel):
    async def load(self):
        self.booster = xgboost.Booster(model_file="model.ubj", params={"nthread": 1})
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0]).astype(numpy.float32)
        found = self.booster.inplace_predict(rows, validate_features=False)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("price", found)])
"""
SAVE_FOR_MLFLOW: Final = """
import mlflow.xgboost, xgboost
booster = xgboost.Booster(model_file="model.ubj")
booster.feature_names = None
mlflow.xgboost.save_model(booster, "saved", model_format="ubj")
"""


@dataclass(frozen=True)
class Peer:
    """One server."""

    name: str
    packages: Sequence[str]
    files: dict[str, str]
    """By name, written into its folder."""
    command: Callable[[Path, int], list[str]]
    """From its environment's bin folder and the port."""
    path: str
    body: Callable[[list[list[float]]], object]
    health: str = "/"
    prepare: str | None = None
    """A program run once in its folder."""

    @property
    def folder(self) -> Path:
        """Its environment and files."""
        return ROOT / ".relevo" / "bench-serving" / "-".join(self.name.casefold().split())

    def install(self, uv: Path, booster: Path) -> None:
        """Make its environment, once, and its files."""
        folder, made = self.folder, self.folder / "installed"
        if not made.exists() or made.read_text() != repr(self.packages):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
            python = folder / "env" / "bin" / "python"
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *self.packages], check=True)
            made.write_text(repr(self.packages))
        shutil.copy(booster, folder / "model.ubj")
        for name, text in self.files.items():
            (folder / name).write_text(text)
        if self.prepare is not None:
            shutil.rmtree(folder / "saved", ignore_errors=True)
            done = [str(folder / "env" / "bin" / "python"), "-c", self.prepare]
            subprocess.run(done, cwd=folder, check=True, capture_output=True)

    def server(self, port: int) -> Server:
        """One process of it, or what it takes for one."""
        bin_folder = self.folder / "env" / "bin"
        if self.name == MLSERVER_NAME:
            ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
            settings = ports | {"host": "127.0.0.1", "parallel_workers": 0}
            (self.folder / "settings.json").write_text(json.dumps(settings))
        return Server(
            self.name,
            self.command(bin_folder, port),
            log=self.folder / "server.log",
            cwd=self.folder,
            ready=answers(f"http://127.0.0.1:{port}{self.health}"),
            env={
                "PATH": f"{bin_folder}:{os.environ['PATH']}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "BENTOML_DO_NOT_TRACK": "True",
            },
        )


def _uvicorn(bin_folder: Path, port: int) -> list[str]:
    return [
        str(bin_folder / "uvicorn"), "app:app", "--port", str(port), "--loop", "uvloop", "--http", "httptools",
        "--no-access-log",
    ]  # fmt: skip


def _v2(rows: list[list[float]]) -> object:
    shape = [len(rows), len(rows[0])]
    return {"inputs": [{"name": "features", "shape": shape, "datatype": "FP32", "data": rows}]}


FASTAPI: Final = ("fastapi", "uvicorn", "uvloop", "httptools")
XGBOOST: Final = ("xgboost-cpu==3.2.0", "numpy<2.4")
LIMIT: Final = "FastAPI answering a constant"
MLFLOW: Final = "mlflow models serve"
MLSERVER_NAME: Final = "MLServer"
PEERS: Final = (
    Peer(LIMIT, FASTAPI, {"app.py": CONSTANT}, _uvicorn, "/predict", lambda rows: rows, "/docs"),
    Peer(
        "FastAPI + XGBoost", (*FASTAPI, *XGBOOST), {"app.py": PLAIN}, _uvicorn, "/predict", lambda rows: rows, "/docs"
    ),
    Peer(
        MLFLOW,
        ("mlflow==3.17.2", "xgboost-cpu==3.2.0"),
        {},
        lambda b, port: [
            str(b / "mlflow"),
            "models",
            "serve",
            "-m",
            "saved",
            "--env-manager",
            "local",
            "-p",
            str(port),
        ],
        "/invocations",
        lambda rows: {"dataframe_split": {"columns": [f"f{i}" for i in range(len(rows[0]))], "data": rows}},
        "/ping",
        SAVE_FOR_MLFLOW,
    ),
    Peer(
        "BentoML",
        ("bentoml==1.4.*", *XGBOOST),
        {"service.py": BENTO},
        lambda b, port: [str(b / "bentoml"), "serve", "service:Prices", "--host", "127.0.0.1", "-p", str(port)],
        "/predict",
        lambda rows: {"features": rows},
        "/readyz",
    ),
    Peer(
        MLSERVER_NAME,
        ("mlserver==1.7.*", *XGBOOST),
        {
            "prices.py": MLSERVER,
            "model-settings.json": json.dumps({"name": "prices", "implementation": "prices.Prices"}),
        },
        lambda b, _: [str(b / "mlserver"), "start", "."],
        "/v2/models/prices/infer",
        _v2,
        "/v2/models/prices/ready",
    ),
)
