"""docs/your-own.md takes a newcomer from a CSV to predictions: its commands are typed, and its functions are run."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from relevo_contract.graph_inputs import graph_inputs
from relevo_demo.servers.ports import free_port
from relevo_jobs.clean.fates import Kept, Rejection
from relevo_jobs.cli import STEPS
from relevo_jobs.train.converting import to_graph
from relevo_jobs.use_case import Context, UseCase, load
from tests.demo.test_demo import Running
from tests.docs.commands import ROOT, Command, typed
from tests.killing import base_env
from tests.trips.test_serving import container

PAGE = "docs/your-own.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
DATA = (typed("make use-case-data", PAGE), typed("mkdir loans", PAGE), typed("cp use_cases/lending-club", PAGE))
INIT, CHECK = typed(".venv/bin/relevo init", PAGE), typed(".venv/bin/relevo check", PAGE)
RUN = typed(".venv/bin/relevo run loans/use_case.yaml --batches 4 --exit", PAGE)
SERVE = typed(".venv/bin/relevo run loans/use_case.yaml --batches 4 --api-port", PAGE)
PREDICT = typed("curl -s http://127.0.0.1:8000/predict -H", PAGE)
MODEL = typed("curl -s http://127.0.0.1:8000/model", "docs/your-own.md")
BIN = Path(sys.executable).parent
KEEP, FIT = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.timeout(900)


def text(command: Command, ports: Mapping[int, int]) -> str:
    """The command as it is typed in another folder, on ports that are free here."""
    told = command.text.replace(".venv/bin/", f"{BIN}/").replace("use_cases/", f"{ROOT}/use_cases/")
    for shown, port in ports.items():
        told = re.sub(rf"(?<=[ :]){shown}\b", str(port), told)
    return told


def run(command: Command, folder: Path, ports: Mapping[int, int] | None = None) -> str:
    """Type it; what it prints."""
    line, env = text(command, ports or {}), base_env()
    ended = subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    return ended.stdout


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the page's first commands were typed."""
    folder = tmp_path_factory.mktemp("newcomer")
    subprocess.run(["bash", "-c", DATA[0].text], cwd=ROOT, check=True, capture_output=True)
    for command in DATA[1:]:
        run(command, folder)
    run(INIT, folder)
    return folder


def test_the_first_file_holds_and_check_says_what_becomes_of_the_loans(there: Path) -> None:
    said = run(CHECK, there)
    assert "use_case.yaml holds" in said
    assert "% bad" in said


@pytest.fixture(scope="module")
def serving(there: Path) -> Iterator[dict[int, int]]:
    """The loop has run, and API and UI are up."""
    told = run(RUN, there)
    assert "4 batches" in told
    assert "In production: version" in told
    assert "log loss" in told
    ports = {8000: free_port(), 8501: free_port()}
    process = subprocess.Popen(
        ["bash", "-c", f"exec {text(SERVE, ports)}"], cwd=there, env=base_env(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    running = Running(process)
    assert process.stdout is not None
    threading.Thread(target=lambda: running.lines.extend(process.stdout or ()), daemon=True).start()
    running.wait_for("Ctrl-C stops everything")
    yield ports
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, running.output


def test_a_loan_gets_the_probability_that_it_goes_bad(serving: Mapping[int, int], there: Path) -> None:
    (answer,) = json.loads(run(PREDICT, there, serving))["predictions"]
    assert 0 < answer["prediction"] < 1
    assert (answer["low"], answer["high"]) == (None, None)
    assert "annual_inc" in answer["missing"]
    assert json.loads(run(MODEL, there, serving))["serving"]["version"] >= 1


@pytest.fixture
def own(there: Path, tmp_path: Path) -> UseCase:
    """The use case with the page's functions."""
    declared = (there / "loans" / "use_case.yaml").read_text()
    (tmp_path / "use_case.yaml").write_text(declared + '\nclean: {hook: "clean:keep"}\nmodel: {train: "model:fit"}\n')
    (tmp_path / "clean.py").write_text(KEEP)
    (tmp_path / "model.py").write_text(FIT)
    return load(tmp_path / "use_case.yaml")


def test_the_rule_of_the_page_leaves_rows_out_and_changes_values(own: UseCase, there: Path) -> None:
    came = pd.read_csv(there / "loans" / "loans.csv", dtype=str, keep_default_na=False)[list(own.data.sent)]
    came.loc[0, "annual_inc"] = "0"
    first, second = list(own.clean(came.head(2).itertuples(index=False, name=None)))
    assert isinstance(first, Rejection)
    assert first.reason == "no_income"
    assert isinstance(second, Kept)
    assert not str(second.values["term"]).startswith("term_")


def test_the_model_of_the_page_becomes_a_graph(own: UseCase, there: Path) -> None:
    came = pd.read_csv(there / "loans" / "loans.csv", dtype=str, keep_default_na=False)[list(own.data.sent)].head(800)
    kept = [fate for fate in own.clean(came.itertuples(index=False, name=None)) if isinstance(fate, Kept)]
    columns = {name: [fate.values[name] for fate in kept] for name in own.data.typed}
    target = np.array(columns[own.data.target], dtype=np.float64)
    assert own.fit is not None
    assert to_graph(own.fit(pd.DataFrame(graph_inputs(own.data, columns)), target, Context(own.data, 0, 1)), own.data)


def test_every_step_and_all_that_the_operator_sets_and_asks_is_told() -> None:
    told = TEXT.split("\n## The server\n")[1].split("\n## ")[0]
    assert "`prepare` to `promote`" in TEXT
    assert {"prepare", "promote"} <= set(STEPS)
    pod = container("http://mlflow:5000", "loans", 1, 8000)
    # How long to wait for RAW is of interest to a server that keeps what it is asked.
    for name in {one["name"] for one in pod["env"]} - {"RELEVO_DRAIN_SECONDS"}:
        assert f"`{name}`" in told
    for probe in ("readinessProbe", "livenessProbe"):
        assert f"`GET {pod[probe]['httpGet']['path']}`" in told
