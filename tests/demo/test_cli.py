"""What `relevo run` says to arguments, a use case and a state it cannot use: at once, before it starts a server."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.houses import COLUMNS, HOUSE_PRICES


def relevo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relevo_demo", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def demo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return relevo("run", str(HOUSE_PRICES.parent), "--exit", *arguments, cwd=cwd)


def test_help_teaches(tmp_path: Path) -> None:
    top = relevo("--help", cwd=tmp_path)
    assert top.returncode == 0
    for command in ("relevo init loans.csv --target class", "relevo check", "relevo run", "helm install", "run --help"):
        assert command.replace("run --help", "COMMAND --help") in top.stdout
    done = relevo("run", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for option in ("--data", "--batches", "--seed", "--exit", "--json", "--state", "--api-port", "exit codes"):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere.csv"], "expected to read nowhere.csv"),
        (["--data", "empty.csv"], "the file is empty"),
        (["--data", "other.csv"], "missing are"),
        (["--data", "damaged.csv"], "in line 41"),
        (["--batches", "0"], "at least one batch"),
        (["--seed", "-1"], "a seed of 0 or more"),
        (["--json", "no/such/folder/story.json"], "a file that can be written"),
        (["--state", "other.csv"], "give a folder with --state"),
        (["--delay", "-1"], "a delay of 0 or more"),
    ],
)
def test_wrong_arguments_are_told_before_anything_starts(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    rows = [",".join("1" for _ in COLUMNS)] * 39
    (tmp_path / "damaged.csv").write_text("\n".join([",".join(COLUMNS), *rows, f'"{rows[0]}', *rows * 9]) + "\n")
    before = set(tmp_path.iterdir())
    done = demo(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert {p for p in tmp_path.iterdir() if p.name != ".relevo"} == before


def test_two_demos_do_not_share_a_state(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = demo("--state", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "another one uses it" in done.stdout


def test_a_state_made_with_another_source_is_refused(tmp_path: Path) -> None:
    served = {"data": None, "batches": 10, "seed": 7}
    (tmp_path / "story.json").write_text(json.dumps({"rows": [], "current": {}, "served": served}))
    done = demo("--state", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "--seed 7" in done.stdout


def test_a_state_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "story.json").write_text("{")
    done = demo("--state", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "remove the folder to start anew" in done.stdout


RIDES = """\
name: rides
source: {http: {url: "http://127.0.0.1:9", group: 3}}
target: {column: count, task: positive-number}
columns: {hour: number, count: target}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("hour: number", "hour: numbr"), "use_case.yaml, line 4: columns.hour"),
        (("hour: number", "hour: auto"), "run `relevo check --write`"),
        (("hour: number", "hour: number, hour: date"), "line 4: expected 'hour' once"),
        (('url: "http://127.0.0.1:9", ', ""), "write its url there"),
        (('http: {url: "http://127.0.0.1:9", group: 3}', "files: {path: s3://lake/rides}"), "expected a folder"),
        (
            (
                'http: {url: "http://127.0.0.1:9", group: 3}',
                "sql: {secret: w, query: select * from t where id > :watermark order by id, watermark: id}",
            ),
            "RELEVO_SQL_URL",
        ),
    ],
)
def test_a_wrong_use_case_is_told_by_its_lines_before_anything_starts(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    assert change[0] in RIDES
    (tmp_path / "use_case.yaml").write_text(RIDES.replace(*change))
    done = relevo("run", "use_case.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["use_case.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "rides.csv"], "no --data"),
        (["--delay", "1"], "no --delay"),
        (["--source-port", "9"], "no --source-port"),
        (["--batches", "0"], "at least one batch"),
        (["--seed", "-1"], "a seed of 0 or more"),
    ],
)
def test_what_is_of_the_listings_alone_is_refused_elsewhere(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "use_case.yaml").write_text(RIDES)
    done = relevo("run", ".", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stdout


def test_a_use_case_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = relevo("run", "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert "expected a use case at nowhere" in done.stdout
    assert "relevo init" in done.stdout


def test_a_state_of_another_use_case_is_refused(tmp_path: Path) -> None:
    (tmp_path / "use_case.yaml").write_text(RIDES)
    (tmp_path / "story.json").write_text(
        json.dumps({"rows": [], "current": {}, "served": {"use_case": "house-prices", "seed": 0}})
    )
    done = relevo("run", ".", "--exit", "--state", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "the use case house-prices" in done.stdout
    assert "the use case rides" in done.stdout
