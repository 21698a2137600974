"""The `make` commands of the pages: the demo for real, the others as make itself says that it would run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.commands import PAGES, ROOT, Command, commands, typed
from tests.killing import base_env

DEMO = typed("make demo")
WOULD_RUN = {
    typed("make test"): ["ruff check .", "lint-imports", "pytest --ignore=tests/e2e"],
    typed("make install"): [],
    typed("make check"): ["ruff format --check .", "mypy"],
    typed("make format"): ["ruff format ."],
    typed("make lock"): ["pip compile"],
    typed("make airflow-env"): [],
    typed("make kube-assets"): ["tests/kube/build-assets"],
    typed("make ui-pictures"): ["RELEVO_PICTURES=docs/pictures"],
    typed("make e2e"): ["pytest tests/e2e"],
    typed("make up"): ["kind create cluster --name relevo", "helm upgrade --install relevo charts/relevo"],
    typed("make images", "README.md"): ["build", "-t relevo/jobs:dev", "-t relevo/mlflow:dev"],
    typed("make images BUILDER=podman"): ["podman build", "-t relevo/jobs:1.2.0"],
    typed("make image-ui"): ["-t relevo/ui:dev"],
    typed("make image-smoke TAG"): ["images/smoke", "relevo/serving:1.2.0 relevo-serving --help"],
    typed("make image-smoke-ui"): ["images/smoke", "relevo/ui:1.2.0"],
    typed("make promtool"): ["toolchain/build promtool"],
    typed("make dashboards"): ["charts.dashboards"],
    typed('make images BUILD_FLAGS="--build-arg PIP'): ["--build-arg PIP_INDEX_URL=https://mirror.example/simple"],
    typed('make images BUILD_FLAGS="--secret'): ["--secret id=pip.conf,src="],
    typed('make images BUILD_FLAGS="--build-arg BASE'): ["--build-arg BASE=mirror.example/library/python"],
}
"""By command, parts of what make says that it would run."""
MEASURING = (
    typed('make bench-policy ARGS="--listings', "docs/decisions.md"),
    typed('make bench-policy ARGS="--data FILE.csv --target', "docs/decisions.md"),
    typed('make bench-policy ARGS="--data FILE.csv --use-case', "docs/decisions.md"),
    *(
        typed(f"make {target}", "docs/benchmarks.md")
        for target in (
            "bench-holdout", "bench-ingestion", "bench-steps", "bench-policy", "bench-dask", "bench-demo",
            "bench-handover", "bench-serving", "soak-serving", "bench-ui", "bench-airflow",
        )
    ),
)  # fmt: skip


def dry(command: Command) -> str:
    """What make would run, without running it."""
    ended = command.run({**base_env(), "MAKEFLAGS": "n"})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("command", WOULD_RUN, ids=lambda one: one.text)
def test_make_knows_what_to_run(command: Command) -> None:
    would_run = dry(command)
    for part in WOULD_RUN[command]:
        assert part in would_run


@pytest.mark.parametrize("command", MEASURING, ids=lambda one: one.text)
def test_a_benchmark_knows_the_options_that_it_is_shown_with(command: Command) -> None:
    line = next(line for line in reversed(dry(command).splitlines()) if "-m benchmarks" in line)
    program, *given = shlex.split(line.split("-m ", 1)[1])
    helped = subprocess.run(
        [sys.executable, "-m", program, "--help"], cwd=ROOT, env=base_env(), capture_output=True, text=True, check=False
    )
    assert helped.returncode == 0, helped.stderr
    for option in given:
        assert not option.startswith("--") or re.search(rf"{re.escape(option)}\b", helped.stdout), option


def test_every_benchmark_of_the_makefile_is_measured_on_the_page() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^((?:bench|soak)-[a-z]+):", makefile, re.MULTILINE)
    shown = {one.text.split()[1] for one in commands("docs/benchmarks.md")}
    assert shown == set(targets)


def test_every_make_target_that_a_page_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE)) | {"image-ui"}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"`make ([a-z][a-z0-9-]*)", text):
            assert target in targets, f"{page} names make {target}"


@pytest.mark.timeout(600)
def test_make_demo_tells_its_story(tmp_path: Path) -> None:
    arguments = f"--exit --batches 1 --state {tmp_path / 'state'} --json {tmp_path / 'story.json'}"
    ended = DEMO.run({**base_env(), "ARGS": arguments, "MAKEFLAGS": ""}, timeout=500)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    story = json.loads((tmp_path / "story.json").read_text())
    assert [row["promoted"] for row in story["batches"]] == [True]
    assert "promoted" in ended.stdout


def test_the_first_command_of_all_lists_the_targets() -> None:
    ended = subprocess.run(["make"], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert "make demo" in ended.stdout
