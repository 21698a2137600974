"""What `relevo-demo` says to wrong arguments and a state it cannot use: at once, before any server is started."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.houses import COLUMNS


def demo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relevo_demo", "--exit", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_help_teaches(tmp_path: Path) -> None:
    done = demo("--help", cwd=tmp_path)
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
