"""collect killed at any point, or beside another one: RAW holds each batch exactly once, the bucket its exact body."""

from __future__ import annotations

import json

import pytest

from relevo_jobs.collect import step
from relevo_jobs.errors import BadGroup, Unavailable
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from tests.houses import HOUSES
from tests.jobs.holdings import assert_holds, query, raw_batches
from tests.jobs.scripted_source import Script, answering, lost, silent
from tests.killing import finish, run_killed, run_step, start_step


@pytest.fixture
def settings(collect_settings: CollectSettings) -> CollectSettings:
    return collect_settings


def collect(settings: CollectSettings, times: int = 1) -> list[Outcome]:
    return [step.run(settings, HOUSES) for _ in range(times)]


# Each place where a run can end for good, and on which call. The source has batches 3 and 4 left, and its answer to
# the first request of that run was lost, so that the run replays.
DEATHS = [
    ("relevo_jobs.stores.raw:RawStore.asks", "before", 1),
    ("relevo_jobs.stores.raw:RawStore.asks", "after", 1),
    ("relevo_jobs.collect.source:Source.data", "before", 1),
    ("relevo_jobs.collect.source:Source.data", "after", 1),
    ("relevo_jobs.collect.source:Source.restart", "before", 1),
    ("relevo_jobs.collect.source:Source.restart", "after", 1),
    ("relevo_jobs.collect.source:Source.data", "before", 2),
    ("relevo_jobs.collect.source:Source.data", "after", 3),
    ("relevo_jobs.stores.bucket:Bucket.put", "before", 1),
    ("relevo_jobs.stores.bucket:Bucket.put", "after", 1),
    ("relevo_jobs.stores.raw:RawStore._copy", "before", 1),
    ("relevo_jobs.stores.copying:block", "after", 1),
    ("relevo_jobs.stores.raw:RawStore._copy", "after", 1),
    ("relevo_jobs.stores.raw:RawStore.accounted", "after", 1),
    ("relevo_jobs.stores.raw:RawStore.add", "after", 1),
    ("relevo_jobs.cli:report", "before", 1),
]


@pytest.mark.parametrize(("target", "when", "call"), DEATHS)
def test_killed_anywhere_and_run_again_raw_holds_each_batch_once(
    settings: CollectSettings, source: Script, data_env: dict[str, str], target: str, when: str, call: int
) -> None:
    collect(settings, 2)
    source.faults.append(lost())
    with pytest.raises(Unavailable):
        step.run(settings, HOUSES)
    run_killed("collect", data_env, target, "before" if when == "before" else "after", call=call)
    numbers = [batch[0] for batch in raw_batches(settings.raw_url)]
    committed = target.endswith((".add", ":report"))
    assert numbers == ([1, 2, 3] if committed else [1, 2]), "a batch is there whole or not at all"
    outcomes = collect(settings, 4 - len(numbers))
    assert [outcome.batch for outcome in outcomes] == list(range(len(numbers) + 1, 5))
    assert step.run(settings, HOUSES).status == "nothing"
    assert_holds(settings, source.bodies)


@pytest.mark.parametrize(("target", "when", "call"), [DEATHS[5], DEATHS[9], DEATHS[12], DEATHS[14]])
def test_killed_at_the_very_first_batch(
    settings: CollectSettings, source: Script, data_env: dict[str, str], target: str, when: str, call: int
) -> None:
    run_killed("collect", data_env, target, "before" if when == "before" else "after", call=call)
    number = 2 if target.endswith(".add") else 1
    assert step.run(settings, HOUSES).batch == number
    assert_holds(settings, source.bodies[:number])


def test_killed_while_the_schema_is_made(settings: CollectSettings, source: Script, data_env: dict[str, str]) -> None:
    run_killed("collect", data_env, "relevo_jobs.stores.postgres:_version", "after", call=2)
    assert query(settings.raw_url, "select to_regclass('raw.batches') is null") == [(True,)]
    collect(settings)
    assert_holds(settings, source.bodies[:1])


def test_as_a_process_it_says_in_one_line_what_it_kept(
    settings: CollectSettings, source: Script, data_env: dict[str, str]
) -> None:
    code, line, stderr = run_step("collect", data_env)
    assert code == 0, stderr
    assert (line["step"], line["status"], line["batch"], line["rows"]) == ("collect", "done", 1, 3)
    source.count = 4
    source.faults.append(answering(400, json.dumps({"detail": "Número de grupo inválido"}).encode()))
    code, line, stderr = run_step("collect", data_env)
    assert (code, line["error"], line["retry"]) == (BadGroup.exit_code, "BadGroup", False)
    assert "Traceback" not in stderr
    assert_holds(settings, source.bodies[:1])


def test_two_collectors_at_once_keep_each_batch_once(
    settings: CollectSettings, source: Script, data_env: dict[str, str]
) -> None:
    processes = [start_step("collect", data_env) for _ in range(2)]
    ended = [finish(process) for process in processes]
    assert sorted(line["batch"] for _, line, _ in ended) == [1, 2], ended
    assert_holds(settings, source.bodies[:2])


def test_a_second_collector_gives_up_with_a_sentence(
    settings: CollectSettings, source: Script, data_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(settings)
    source.faults.append(silent(source))
    asked = source.asked
    first = start_step("collect", data_env)
    try:
        while source.asked == asked:
            assert first.poll() is None
        monkeypatch.setattr("relevo_jobs.stores.raw.LOCK_WAIT", 0.1)
        with pytest.raises(Unavailable, match="only collector of group 6"):
            step.run(settings, HOUSES)
    finally:
        first.kill()
        first.communicate()
    assert step.run(settings, HOUSES).batch in {2, 3}
