"""`relevo run` on a use case of a team's own: its source, its names and its task's terms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from relevo_demo import cli
from relevo_demo.servers import PostgresServer, SourceServer
from tests.trips.conftest import USE_CASE

pytestmark = pytest.mark.timeout(600)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relevo_demo", "run", ".", "--exit", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500, check=False)


def test_a_declared_server_is_asked_for_so_many_batches_and_no_more(tmp_path: Path) -> None:
    with SourceServer(tmp_path / "source", module="tests.trips.source") as source:
        declared = USE_CASE.read_text().replace("http: {", f"http: {{url: '{source.url}', ")
        (tmp_path / "use_case.yaml").write_text(declared)
        for _ in range(2):  # the second finds that all is done
            done = run("--batches", "1", "--json", "story.json", cwd=tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
    story = json.loads((tmp_path / "story.json").read_text())
    assert (story["use_case"], story["task"], story["unit"]) == ("trip-minutes", "positive-number", "minutes")
    assert [(row["number"], row["promoted"]) for row in story["batches"]] == [(1, True)]
    assert "median error" in done.stdout
    state = tmp_path / ".relevo" / "trip-minutes"
    with PostgresServer(state / "postgres") as server:
        passfile = str(server.passfile)
        with psycopg.connect(server.url("metadata"), passfile=passfile) as metadata:
            models = metadata.execute("select name from registered_models").fetchall()
        with psycopg.connect(server.url("raw"), passfile=passfile) as raw:
            batches = raw.execute("select count(*) from raw.batches").fetchall()
    assert (models, batches) == ([("trip-minutes",)], [(1,)])


@pytest.mark.parametrize("command", ["init", "check"])
def test_declaring_is_a_program_of_the_steps_own(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []

    def execv(program: str, arguments: list[str]) -> None:
        became.append([program, *arguments])
        raise SystemExit(0)

    monkeypatch.setattr("os.execv", execv)
    with pytest.raises(SystemExit):
        cli.main([command, "loans.csv", "--target", "class", "--help"])
    told = [sys.executable, "-m", "relevo_jobs.declaring", command, "loans.csv", "--target", "class", "--help"]
    assert became == [[sys.executable, *told]]
