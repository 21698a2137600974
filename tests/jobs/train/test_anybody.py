"""Anybody's MLflow loads a version: in an environment with stock mlflow and onnxruntime alone it says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from relevo_contract import names
from relevo_contract.graph_inputs import graph_inputs
from relevo_demo.servers import MlflowServer, free_port
from relevo_demo.servers.process import Server
from relevo_jobs.scoring import Scorer
from relevo_jobs.train.writing import REQUIREMENTS
from tests.houses import LISTINGS
from tests.versions import Versions, draw_listings, trained

ROOT = Path(__file__).parents[3]
STOCK = ROOT / ".relevo" / "stock-mlflow"
PACKAGES = ("mlflow==3.17.2", *REQUIREMENTS)
ODD = 20
"""Rows whose every text is strange."""

ASK = """
import sys, json
import mlflow, pandas
frame = pandas.read_json(sys.argv[2], orient="split", dtype=False)
frame = frame.astype({name: object if kind == "string" else float for name, kind in json.loads(sys.argv[3]).items()})
assert "relevo_contract" not in sys.modules
answers = mlflow.pyfunc.load_model(sys.argv[1]).predict(frame)
print(json.dumps(answers["price"].tolist()))
"""


@pytest.fixture(scope="session")
def stock() -> Path:
    """An environment of MLflow's and ONNX Runtime's makers, and nothing of ours."""
    python = STOCK / "bin" / "python"
    made = STOCK / "made"
    if not made.exists() or made.read_text() != repr(PACKAGES):
        uv = [str(ROOT / ".tools" / "bin" / "uv")]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(STOCK)], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES], check=True, timeout=280)
        made.write_text(repr(PACKAGES))
    return python


def table(rows: int) -> dict[str, np.ndarray]:
    """Listings, the last ones odd."""
    found = draw_listings(rows, 11)
    for at, name in enumerate(LISTINGS.categorical):
        found[name][-ODD:] = [f"{name} ünseen |{at}{row}" for row in range(ODD)]
    for name in LISTINGS.numeric:
        found[name][-ODD:] = np.linspace(0, 1e7, ODD)
    return found


def test_pyfunc_says_what_the_steps_and_the_api_say(
    stock: Path, mlflow: MlflowServer, model_name: str, tmp_path: Path
) -> None:
    versions = Versions(mlflow.url, model_name)
    folder = trained()[0]
    versions.promote(versions.register(folder))
    rows = table(1000)
    frame = pd.DataFrame(graph_inputs(LISTINGS, rows))
    frame.to_json(tmp_path / "frame.json", orient="split", double_precision=15)
    kinds = {name: "string" if name in LISTINGS.categorical else "double" for name in LISTINGS.inputs}
    done = subprocess.run(
        [str(stock), "-c", ASK, f"models:/{model_name}@{names.ALIAS}", str(tmp_path / "frame.json"), json.dumps(kinds)],
        env={"MLFLOW_TRACKING_URI": mlflow.url, "MLFLOW_DISABLE_TELEMETRY": "true", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=200,
    )
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), Scorer(folder).answer(rows), rtol=1e-5)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_mlflow_models_serve_says_the_same(stock: Path, tmp_path: Path) -> None:
    folder, port = trained()[0], free_port()
    rows = table(200)
    frame = pd.DataFrame(graph_inputs(LISTINGS, rows))
    split = {"columns": list(frame), "data": [[None if v != v else v for v in row] for row in frame.values.tolist()]}
    bin_folder = stock.parent
    command = [str(bin_folder / "mlflow"), "models", "serve", "--model-uri", str(folder), "--env-manager", "local"]
    server = Server(
        "mlflow models serve",
        [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
        log=tmp_path / "serve.log",
        cwd=tmp_path,
        ready=lambda: _answers(f"http://127.0.0.1:{port}/ping"),
        env={"PATH": f"{bin_folder}:/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(tmp_path)},
    )
    with server:
        answer = httpx.post(f"http://127.0.0.1:{port}/invocations", json={"dataframe_split": split}, timeout=60)
        assert answer.status_code == 200, answer.text
    said = [row["price"] for row in answer.json()["predictions"]]
    np.testing.assert_allclose(said, Scorer(folder).answer(rows), rtol=1e-5)
