"""docs/your-own.md: its command does what it says; every file of the example and every field to fill in is told."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys

from relevo_contract.data_set import DataSet
from relevo_jobs.cli import STEPS
from relevo_jobs.use_case import UseCase
from tests.docs.commands import typed
from tests.examples.conftest import ROOT
from tests.examples.test_serving import container
from tests.killing import base_env

TRIPS = typed(".venv/bin/python -m examples.trips", "docs/your-own.md")
PAGE = (ROOT / "docs" / "your-own.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """The names in the first cell of each row of a text's tables."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def folded(text: str) -> str:
    """Without what differs from run to run, and without the page's line breaks."""
    return " ".join(re.sub(r"\d+\.\d s\b", "… s", text).split())


def test_the_command_runs_the_loop_and_prints_what_the_page_shows() -> None:
    words = shlex.split(TRIPS.text.replace(".venv/bin/python", sys.executable))
    done = subprocess.run(words, cwd=ROOT, env=base_env(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (shown,) = blocks("text")
    assert folded(done.stdout) == folded(shown)


def test_the_values_are_those_of_the_example() -> None:
    (values,) = blocks("yaml")
    assert values == (ROOT / "examples" / "trips" / "values.yaml").read_text(encoding="utf-8")


def test_every_file_of_the_example_is_told() -> None:
    files = {file.name for file in (ROOT / "examples" / "trips").iterdir() if file.is_file()} - {"__init__.py"}
    assert first_cells(section("File by file")) == files


def test_every_field_of_the_data_set_and_of_the_use_case_is_told() -> None:
    assert first_cells(section("The data set")) == {field.name for field in dataclasses.fields(DataSet)}
    assert first_cells(section("The use case")) == {field.name for field in dataclasses.fields(UseCase)}


def test_every_step_and_all_that_the_operator_sets_and_asks_is_told() -> None:
    assert all(f"`{step}`" in section("The steps") for step in STEPS)
    told = section("The server")
    pod = container("http://mlflow:5000", "trip-minutes", 1, 8000)
    # How long to wait for RAW is of interest to a server that keeps what it is asked.
    for name in {one["name"] for one in pod["env"]} - {"RELEVO_DRAIN_SECONDS"}:
        assert f"`{name}`" in told
    for probe in ("readinessProbe", "livenessProbe"):
        assert f"`GET {pod[probe]['httpGet']['path']}`" in told
