"""A training that somebody asks for: what it is for, when there is nothing to learn, and the settings."""

from __future__ import annotations

import pytest

from relevo_contract.record import TrainReason
from relevo_contract.settings import read
from relevo_jobs.decide.asking import Ask, Lesson, honour, refusal
from relevo_jobs.decide.case import Case, Limits
from relevo_jobs.decide.policy import FEWEST_ROWS, decide
from relevo_jobs.errors import SettingsError
from relevo_jobs.settings import DecideSettings
from tests.houses import LISTINGS
from tests.jobs.champions import champion, profile
from tests.jobs.market import listings

ASK = Ask("manual__2026-11-25T20:00:00+00:00", "the market turned")


def test_an_ask_trains_and_keeps_what_the_data_alone_said() -> None:
    rows = listings(700, 50)
    alone = decide(champion(profile(), rows), Case(rows, (2,), 700, LISTINGS), Limits())
    assert alone.reason is TrainReason.QUIET
    verdict = honour(ASK, alone, Lesson(700))
    assert (verdict.train, verdict.reason) == (True, TrainReason.ASKED)
    assert verdict.sentence == f'asked for: "the market turned"; the data alone said: {alone.sentence}'
    assert verdict.asked is not None
    assert (verdict.asked.id, verdict.asked.reason) == (ASK.id, ASK.reason)
    assert (verdict.asked.data_alone, verdict.asked.data_alone_sentence) == (TrainReason.QUIET, alone.sentence)
    assert (verdict.columns, verdict.error, verdict.moved) == (alone.columns, alone.error, alone.moved)


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        ((4,), '"; batch 4 stays left out, for a column of it is broken; the data alone said'),
        ((5, 3), '"; batches 3 and 5 stay left out, for a column of them is broken; the data alone said'),
        (range(3, 9), '"; 6 batches stay left out, for a column of them is broken; the data alone said'),
    ],
)
def test_batches_left_out_stay_so_and_are_named(left_out: tuple[int, ...], says: str) -> None:
    rows = listings(17, 51)
    alone = decide(champion(profile(), rows), Case(rows, (9,), 17, LISTINGS), Limits())
    assert says in honour(ASK, alone, Lesson(17, left_out)).sentence


@pytest.mark.parametrize(
    ("lesson", "says"),
    [
        (Lesson(1), None),
        (Lesson(0), "there is nothing new to learn from"),
        (Lesson(0, (7,)), "nothing new to learn from; batch 7 stays left out"),
        (Lesson(FEWEST_ROWS - 1, first=True), "no model yet, and 99 rows in all are too few for one"),
        (Lesson(FEWEST_ROWS, first=True), None),
    ],
)
def test_an_ask_is_refused_where_there_is_nothing_to_learn(lesson: Lesson, says: str | None) -> None:
    refused = refusal(lesson)
    assert refused is None if says is None else refused is not None and says in refused


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in (
        ("RELEVO_GROUP", "6"),
        ("RELEVO_CLEAN_URL", "postgresql://relevo@clean/clean"),
        ("MLFLOW_TRACKING_URI", "http://mlflow:5000"),
    ):
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("reason", "ask_id", "ask"),
    [
        ("", "", None),
        ("", "any id at all: no ask, no question", None),
        (" \n ", "run-1", None),
        ("the market turned", ASK.id, ASK),
        (" the market\n turned ", ASK.id, ASK),
        ("x" * 1024, "run-1", Ask("run-1", "x" * 1024)),
    ],
)
def test_what_is_asked_comes_from_the_environment(
    env: pytest.MonkeyPatch, reason: str, ask_id: str, ask: Ask | None
) -> None:
    env.setenv("RELEVO_RETRAIN", reason)
    env.setenv("RELEVO_RETRAIN_ID", ask_id)
    assert read(DecideSettings, SettingsError).ask() == ask


@pytest.mark.parametrize(
    ("reason", "ask_id", "says"),
    [
        ("x" * 1025, "run-1", r"RELEVO_RETRAIN: String should have at most 1024 characters"),
        ("why", None, r"RELEVO_RETRAIN_ID: .*needs an id.*expected: an id of that ask"),
        ("why", "", r"RELEVO_RETRAIN_ID: .*needs an id, got ''"),
        ("why", "x" * 251, r"RELEVO_RETRAIN_ID"),
        ("why", "it's me", r"RELEVO_RETRAIN_ID: .*letters, digits"),
        ("why", "run-1\n", r"RELEVO_RETRAIN_ID"),
    ],
)
def test_an_ask_that_cannot_be_is_refused_by_name(
    env: pytest.MonkeyPatch, reason: str, ask_id: str | None, says: str
) -> None:
    env.setenv("RELEVO_RETRAIN", reason)
    if ask_id is not None:
        env.setenv("RELEVO_RETRAIN_ID", ask_id)
    with pytest.raises(SettingsError, match=says):
        read(DecideSettings, SettingsError)
