"""A server that takes the connection and never answers: the step ends by its deadline, and the next run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from relevo_jobs.errors import DeadlineExceeded
from tests.conftest import Databases
from tests.jobs.holdings import clean_batches, expected, raw_batches
from tests.jobs.scripted_source import Script
from tests.killing import run_step


@pytest.mark.parametrize(("step", "table"), [("collect", "raw.listings"), ("clean", "clean.listings")])
def test_a_step_that_waits_for_ever_ends_by_its_deadline_and_half_writes_nothing(
    step: str, table: str, data_env: dict[str, str], databases: Databases, source: Script
) -> None:
    for first in ("collect", "clean", "collect"):
        assert run_step(first, data_env)[0] == 0
    url = databases.raw_url if step == "collect" else databases.clean_url
    message = Path(data_env["RELEVO_TERMINATION_LOG"])
    message.touch()
    with psycopg.connect(url) as holder:
        holder.execute(f"lock table {table} in access exclusive mode".encode())
        code, line, stderr = run_step(step, data_env | {"RELEVO_DEADLINE": "3"}, timeout=60)
    assert (code, line["error"], line["retry"]) == (DeadlineExceeded.exit_code, "DeadlineExceeded", True)
    assert "RELEVO_DEADLINE" in line["sentence"]
    assert line["sentence"] in stderr
    assert json.loads(message.read_text()) == line

    for last in ("collect", "clean", "collect", "clean"):
        assert run_step(last, data_env)[0] == 0
    assert raw_batches(databases.raw_url) == expected(source.bodies)
    assert [batch[:2] for batch in clean_batches(databases.clean_url)] == [(number, 3) for number in range(1, 5)]


def test_a_step_that_ends_in_time_says_so_once(data_env: dict[str, str]) -> None:
    code, line, stderr = run_step("collect", data_env | {"RELEVO_DEADLINE": "60"})
    assert (code, line["status"]) == (0, "done")
    assert "RELEVO_DEADLINE" not in stderr
