"""collect against a real PostgreSQL, a real S3 and a source on a real socket: exactly one new batch a run."""

from __future__ import annotations

import hashlib
import json

import pytest

from relevo_jobs.collect import from_http, step
from relevo_jobs.errors import (
    BadGroup,
    ConflictingBatch,
    MalformedAnswer,
    RepeatedBatch,
    StepError,
    Unavailable,
)
from relevo_jobs.outcome import Outcome
from relevo_jobs.settings import CollectSettings
from tests.houses import HOUSES
from tests.jobs.holdings import assert_holds, query, raw_batches, raw_rows
from tests.jobs.scripted_source import (
    Fault,
    Script,
    answering,
    body,
    cut,
    dribbling,
    listing,
    lost,
    serving,
    silent,
)


@pytest.fixture
def settings(collect_settings: CollectSettings) -> CollectSettings:
    return collect_settings


def collect(settings: CollectSettings, times: int = 1) -> list[Outcome]:
    return [step.run(settings, HOUSES) for _ in range(times)]


def test_each_run_keeps_exactly_one_new_batch_until_the_source_is_exhausted(
    settings: CollectSettings, source: Script
) -> None:
    for number in range(1, 5):
        outcome = step.run(settings, HOUSES)
        assert (outcome.status, outcome.code, outcome.batch) == ("done", 0, number)
        assert outcome.details["rows"] == 3
        assert outcome.details["sha256"] == hashlib.sha256(source.bodies[number - 1]).hexdigest()
        assert_holds(settings, source.bodies[:number])
    for _ in range(2):
        outcome = step.run(settings, HOUSES)
        assert (outcome.status, outcome.code, outcome.batch) == ("nothing", 99, 4)
    assert_holds(settings, source.bodies)
    assert source.restarts == 1, "the first run alone starts the count over"


def test_rows_are_kept_to_the_letter(settings: CollectSettings, source: Script) -> None:
    collect(settings)
    rows = raw_rows(settings.raw_url, 1)
    assert rows[1] == {
        "brokered_by": "1.0", "status": "for_sale", "price": "100001.0", "bed": "3", "bath": "2.0", "acre_lot": "0.12",
        "street": "1001.0", "city": "San\tJuan", "state": "Puerto Rico", "zip_code": "00601", "house_size": "920.0",
        "prev_sold_date": None,
    }  # fmt: skip
    assert rows[0]["house_size"] is None


def test_an_empty_raw_starts_with_the_sources_first_batch(settings: CollectSettings, source: Script) -> None:
    source.count = 2
    collect(settings)
    assert_holds(settings, source.bodies[:1])


def test_a_source_that_counts_from_0(settings: CollectSettings, source: Script) -> None:
    source.bodies = [body(number) for number in range(3)]
    assert [outcome.batch for outcome in collect(settings, 4)] == [0, 1, 2, 2]
    assert [batch[0] for batch in raw_batches(settings.raw_url)] == [0, 1, 2]


def test_a_restarted_source_is_asked_on_until_something_new_comes(settings: CollectSettings, source: Script) -> None:
    collect(settings, 2)
    source.count = 0
    assert step.run(settings, HOUSES).batch == 3
    assert_holds(settings, source.bodies[:3])


@pytest.mark.parametrize("fault", [lost(), cut(), answering(500, b"oops", moves=True)], ids=["lost", "cut", "500"])
@pytest.mark.parametrize("where", [0, 1, 2, 3], ids=["first", "second", "third", "last"])
def test_a_lost_answer_is_filled_in_by_the_next_runs(
    settings: CollectSettings, source: Script, where: int, fault: Fault
) -> None:
    source.faults.extend([*[None] * where, fault])
    for _ in range(where):
        step.run(settings, HOUSES)
    with pytest.raises(Unavailable):
        step.run(settings, HOUSES)
    assert_holds(settings, source.bodies[:where])
    for number in range(where, 4):
        assert step.run(settings, HOUSES).batch == number + 1, "in order, one new batch a run"
    assert_holds(settings, source.bodies)
    assert step.run(settings, HOUSES).status == "nothing"
    assert_holds(settings, source.bodies)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_several_lost_answers_are_filled_in_one_a_run(settings: CollectSettings, source: Script, first: int) -> None:
    collect(settings, first)
    source.faults.extend([lost()] * (4 - first))
    for _ in range(4 - first):
        with pytest.raises(Unavailable):
            step.run(settings, HOUSES)
    outcomes = collect(settings, 4 - first)
    assert [outcome.batch for outcome in outcomes] == list(range(first + 1, 5))
    assert step.run(settings, HOUSES).status == "nothing"
    assert_holds(settings, source.bodies)


def test_an_answer_lost_in_the_replay_is_filled_in_too(settings: CollectSettings, source: Script) -> None:
    collect(settings, 2)
    source.faults.extend([lost(), None, lost()])  # batch 3; then batch 4, seen as a gap; then batch 1 of the replay
    for _ in range(2):
        with pytest.raises(Unavailable):
            step.run(settings, HOUSES)
    assert [outcome.batch for outcome in collect(settings, 2)] == [3, 4]
    assert_holds(settings, source.bodies)


def test_exhausted_after_a_lost_answer_that_never_was_replays_once(settings: CollectSettings, source: Script) -> None:
    collect(settings, 4)
    source.faults.append(lost())
    with pytest.raises(Unavailable):
        step.run(settings, HOUSES)
    restarts = source.restarts
    assert [outcome.status for outcome in collect(settings, 2)] == ["nothing", "nothing"]
    assert source.restarts == restarts + 1


def test_a_repeating_source_is_told_from_an_exhausted_one(settings: CollectSettings, source: Script) -> None:
    collect(settings, 2)
    source.faults.extend([answering(200, source.bodies[1])] * 2)
    with pytest.raises(RepeatedBatch, match="batch 2"):
        step.run(settings, HOUSES)
    assert step.run(settings, HOUSES).batch == 3, "once the source moves on, nothing was lost"
    assert_holds(settings, source.bodies[:3])


def test_a_source_that_repeats_itself_for_a_while_is_waited_for(
    settings: CollectSettings, source: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_http, "REPEAT_PAUSE", 0.01)
    collect(settings, 2)
    source.faults.extend([answering(200, source.bodies[1])] * 4)
    assert step.run(settings.model_copy(update={"repeat_wait": 5}), HOUSES).batch == 3
    assert_holds(settings, source.bodies[:3])


def test_a_source_that_goes_round_instead_of_ending_is_not_asked_for_ever(
    settings: CollectSettings, source: Script
) -> None:
    collect(settings, 4)
    source.faults.extend([answering(200, content) for content in source.bodies * 3])
    with pytest.raises(RepeatedBatch):
        step.run(settings, HOUSES)
    assert_holds(settings, source.bodies)


ROW = listing(2, 0)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (200, b"<html><body>Sign in</body></html>", MalformedAnswer),
        (200, body(2)[:-30], MalformedAnswer),
        (200, body(2, []), MalformedAnswer),
        (200, body(2, [ROW, 3]), MalformedAnswer),
        (200, body(2, [list(ROW.values())[:11]]), MalformedAnswer),
        (200, body(2, group=7), MalformedAnswer),
        (200, b"", MalformedAnswer),
        (302, b"", MalformedAnswer),
        (400, json.dumps({"detail": "Número de grupo inválido"}).encode(), BadGroup),
        (404, b"Not Found", BadGroup),
        (500, b"Internal Server Error", Unavailable),
        (503, b"", Unavailable),
    ],
    ids=["html", "cut json", "no rows", "a row that is none", "11 values", "another group", "empty", "redirect",
         "bad group", "not found", "500", "503"],
)  # fmt: skip
@pytest.mark.parametrize("moves", [True, False], ids=["count moved", "count stayed"])
def test_a_wrong_answer_writes_nothing_and_the_next_run_goes_on(
    settings: CollectSettings, source: Script, status: int, content: bytes, error: type[StepError], moves: bool
) -> None:
    collect(settings)
    source.faults.append(answering(status, content, moves=moves))
    with pytest.raises(error) as caught:
        step.run(settings, HOUSES)
    assert type(caught.value) is error
    assert_holds(settings, source.bodies[:1])
    assert [outcome.batch for outcome in collect(settings, 3)] == [2, 3, 4]
    assert_holds(settings, source.bodies)


def test_a_known_number_with_another_body_is_a_conflict_and_changes_nothing(
    settings: CollectSettings, source: Script
) -> None:
    collect(settings, 2)
    source.bodies[1] = body(2, 5)
    source.count = 0
    with pytest.raises(ConflictingBatch, match="batch 2"):
        step.run(settings, HOUSES)
    assert [batch[0] for batch in raw_batches(settings.raw_url)] == [1, 2]


def test_a_source_that_leaves_numbers_out_is_told(settings: CollectSettings, source: Script) -> None:
    source.bodies[1:] = [body(7)]
    collect(settings)
    with pytest.raises(MalformedAnswer, match="leaves numbers out"):
        step.run(settings, HOUSES)
    assert_holds(settings, source.bodies[:1])


def test_a_new_and_a_lost_column_are_recorded_and_the_batch_is_kept(settings: CollectSettings, source: Script) -> None:
    changed = {key: value for key, value in listing(1, 0).items() if key != "house_size"} | {"pool\x00": True}
    source.bodies[0] = body(1, [changed] * 3)
    outcome = step.run(settings, HOUSES)
    assert (outcome.details["extra_columns"], outcome.details["missing_columns"]) == (["pool\ufffd"], ["house_size"])
    assert "pool" in outcome.sentence
    assert "house_size" in outcome.sentence
    recorded = query(settings.raw_url, "select extra_columns, missing_columns from raw.batches")
    assert recorded == [(["pool\ufffd"], ["house_size"])]
    assert_holds(settings, source.bodies[:1])


def test_text_that_postgresql_cannot_hold_is_replaced_and_the_body_stays_exact(
    settings: CollectSettings, source: Script
) -> None:
    source.bodies[0] = body(1, [listing(1, 0) | {"city": "a\x00b\ud800\\N\t\n"}] * 3)
    collect(settings)
    assert raw_rows(settings.raw_url, 1)[0]["city"] == "a\ufffdb\ufffd\\N\t\n"
    assert_holds(settings, source.bodies[:1])


def test_older_servers_that_send_lists_of_strings(settings: CollectSettings, source: Script) -> None:
    source.bodies[0] = body(1, [[str(value) for value in listing(1, row).values()] for row in range(3)])
    collect(settings)
    assert raw_rows(settings.raw_url, 1)[2]["price"] == "100002.0"


def test_groups_do_not_see_each_other(settings: CollectSettings, source: Script) -> None:
    collect(settings, 2)
    with serving([body(1, group=7)]) as other:
        outcome = step.run(settings.model_copy(update={"group": 7, "source_url": other.url}), HOUSES)
    assert (outcome.batch, other.restarts) == (1, 1)
    assert step.run(settings, HOUSES).batch == 3


@pytest.mark.parametrize("kind", ["silent", "dribbling"])
def test_a_source_that_never_answers_is_given_up_and_nothing_is_lost(
    settings: CollectSettings, source: Script, kind: str
) -> None:
    collect(settings)
    source.faults.append(silent(source) if kind == "silent" else dribbling(source))
    with pytest.raises(Unavailable, match=r"within 0\.3 s.*RELEVO_SOURCE_TIMEOUT"):
        step.run(settings.model_copy(update={"source_timeout": 0.3}), HOUSES)
    assert_holds(settings, source.bodies[:1])
    assert [outcome.batch for outcome in collect(settings, 3)] == [2, 3, 4]
    assert_holds(settings, source.bodies)


def test_a_source_that_is_away(settings: CollectSettings) -> None:
    url = "http://relevo:secret-word@127.0.0.1:1"
    with pytest.raises(Unavailable, match="RELEVO_SOURCE_URL") as caught:
        step.run(settings.model_copy(update={"source_url": url}), HOUSES)
    assert "secret-word" not in str(caught.value)
    assert raw_batches(settings.raw_url) == []
