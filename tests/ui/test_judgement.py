"""What the decisions are judged by: expected gains, kept promises, rehearsals, and how past decisions turned out."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some

from relevo_contract.record import TrainReason
from relevo_contract.rehearsal import Changed, Gathering
from relevo_contract.tasks import TASKS
from relevo_ui import batch_charts, error_charts, gains, judgement_charts, promises, rehearsals, turned_out
from relevo_ui.language import spanish
from relevo_ui.wording import Wording
from tests.jobs.train.test_each_task import BINARY, NUMBER, POSITIVE
from tests.ui import judgement, story
from tests.ui.judgement import CURVE, EXPECTED, REHEARSAL, decided, previous, promoted
from tests.ui.test_pages import page, shown
from tests.ui.words import EN, ES

OLD = story.decided(2, TrainReason.QUIET, "Nothing moved.", champion=1)
NEW_PARTS = ("What would a training gain?", "What customers would notice", "How past decisions turned out")


def described(chart: Any) -> str:
    """A chart's text for who cannot see it."""
    return str(chart.to_dict()["description"])


def test_an_expected_gain_is_told_with_how_it_is_known() -> None:
    told = " ".join(gains.expected(EXPECTED, 1, EN))
    assert "learnt on 882 of the rows that wait, takes 6.0 % (3.0 to 9.0) off the mean log error of the 588" in told
    assert "1,470 rows that wait, beside the 9,000 it was trained on, take 2.0 % (1.0 to 3.0) off" in told
    assert "from 4.0 % on. Of what is expected 80.0 % is believed" in told
    unknown = EXPECTED.model_copy(update={"measured": None, "by_curve": None, "believed": 1.0})
    assert gains.expected(unknown, 1, EN) == [
        "Too few rows wait to try on them what a training would gain.",
        "Version 1 has no learning curve.",
        "A training is made from 4.0 % on, and all that is expected is believed.",
    ]
    assert error_charts.expected_gain(unknown, EN) is None
    chart = error_charts.expected_gain(EXPECTED, ES)
    assert chart is not None
    assert "curva de aprendizaje: 2.0 % (1.0 a 3.0)" in described(chart)


def test_a_learning_curve_goes_on_to_the_rows_that_wait() -> None:
    after = gains.next_point(CURVE, EXPECTED)
    assert after is not None
    assert after.rows == 10_470
    assert after.loss.value == pytest.approx(0.24 * 0.98)
    assert after.loss.low < after.loss.value < after.loss.high < CURVE.losses[-1]
    told = gains.learning(CURVE, EXPECTED, EN)
    assert "With 2,250 rows its mean log error on the held-out rows is 29.0 %, with 9,000 it is 24.0 %" in told
    drawn = judgement_charts.learning(CURVE, EXPECTED, told, EN).to_dict()
    assert drawn["description"] == told
    assert [row["rows"] for row in next(iter(drawn["datasets"].values()))] == [2250, 4500, 9000, 10_470]
    none_waits = EXPECTED.model_copy(update={"waiting": 0})
    assert gains.next_point(CURVE, none_waits) is None
    assert "as with those that wait" not in gains.learning(CURVE, none_waits, EN)


ERRORS = some.lists(some.sampled_from([0.1, 0.2, 0.25, 0.3, 0.45]), min_size=1, max_size=12)


@given(ERRORS)
def test_each_batch_is_in_its_range_or_named_as_out_of_it(errors: list[float]) -> None:
    found = promises.forward([decided(n, now=now) for n, now in enumerate(errors, 1)])
    inside = sum(0.2 <= now <= 0.3 for now in errors)
    for say in (EN, ES):
        told = promises.errors(found, say)
        assert f"({100 * inside / len(errors):.1f} %)" in told
        assert f"{inside} " in told
        assert (say("Above it: batch {batches}.", batches="").rstrip(".") in told) == (max(errors) > 0.3)
        assert (say("Below it: batch {batches}.", batches="").rstrip(".") in told) == (min(errors) < 0.2)
    kept = sum(now <= 0.3 for now in errors)
    assert promises.kept(found, EN).startswith(f"Promises of an error: {kept} of {len(errors)} were kept")


def test_batches_outside_their_range_are_named_and_marked() -> None:
    found = promises.forward([decided(3, now=0.4), decided(2, now=0.1), decided(1)])
    told = promises.errors(found, EN)
    came = [batch_charts.Happened(n, "▲" * (n == 3), "green", "", 1 + (n > 2)) for n in (3, 2, 1)]
    chart = batch_charts.timeline(found, came, told, ES)
    assert chart is not None
    drawn = chart.to_dict()
    assert drawn["description"] == told
    marked = {row["batch"]: row["where"] for rows in drawn["datasets"].values() for row in rows if "where" in row}
    bands = [
        (row["from"], row["to"], row["name"]) for rows in drawn["datasets"].values() for row in rows if "name" in row
    ]
    assert bands == [(0.5, 2.5, "v1"), (2.5, 3.5, "v2")]
    assert marked == {3: "por encima del rango", 2: "por debajo del rango", 1: "campeón, en el lote"}
    assert told == (
        "Of 3 batches 1 (33.3 %) fell into the range that nine in ten should fall into. Above it: batch 3. Below it: "
        "batch 2."
    )


def test_a_batch_that_a_broken_column_spoilt_says_nothing_of_promises() -> None:
    broken = decided(3, now=0.9)
    broken = broken.model_copy(update={"decision": broken.decision.model_copy(update={"excluded": (3,)})})
    told = promises.errors(promises.forward([broken, decided(2)]), EN)
    assert told.startswith("Of 1 batch 1 (100.0 %)")
    assert told.endswith("Batches left out for a broken column are not counted.")


def test_intervals_are_counted_by_rows_and_not_told_of_probabilities() -> None:
    found = promises.forward([decided(2, coverage=0.8), decided(1, coverage=0.9), OLD])
    assert "held 85.0 % of 2,800 rows of 2 batches" in promises.intervals(found, EN)
    text = promises.intervals(found, ES)
    chart = batch_charts.coverage(found, text, ES)
    assert chart is not None
    assert described(chart) == text
    sure = promises.forward([decided(1, coverage=None)])
    assert promises.intervals(sure, EN) == ""
    assert batch_charts.coverage(sure, "", EN) is None
    (told,) = promises.of_one(sure[0].error, EN)
    assert (
        told == "In nine batches of ten it should lie between 20.0 % and 30.0 %, as promises were kept so far; it does."
    )


@pytest.mark.parametrize("data", [POSITIVE, NUMBER, BINARY], ids=lambda data: data.task)
def test_a_rehearsal_is_told_in_the_tasks_terms_in_both_languages(data: Any) -> None:
    anywhere = REHEARSAL.model_copy(update={"segments": (), "gathered": ()})
    (english, nowhere, asked), (other, *_) = (
        rehearsals.told(anywhere, Wording(data, say)) for say in (EN.say, spanish)
    )
    task = TASKS[data.task]
    assert english == (
        f"Of the last 2,000 requests 3.1 % would be answered {task.told_change(0.25)}, and 11.0 % "
        f"{task.told_change(0.1)}."
    )
    assert nowhere == "What changes much gathers nowhere beyond noise."
    assert asked == "They were asked from 2026-11-03 09:00 UTC to 2026-11-03 17:00 UTC."
    assert "3.1 %" in other
    assert task.told_change(0.25) not in other


def test_where_changes_gather_is_named_by_its_values() -> None:
    told = rehearsals.told(REHEARSAL, EN)[1]
    assert told == (
        "What changes much gathers in state Vermont (40 of 120), house size 1,210 to below 1,800 (45 of 500) and "
        "bedrooms (no value) (30 of 90)."
    )
    assert "superficie de 1,210 a menos de 1,800 (45 de 500)" in rehearsals.told(REHEARSAL, ES)[1]
    ends = [Gathering(column="bed", value=value, rows=9, changed=3) for value in ("below 3", "5 or more", "odd")]
    assert [rehearsals.value(one, ES) for one in ends] == ["menos de 3", "5 y más", "odd"]
    chart = judgement_charts.gathered(REHEARSAL.gathered, EN)
    assert chart is not None
    assert "state Vermont (120 rows): 40 of 120" in described(chart)
    assert judgement_charts.gathered((), EN) is None


def test_where_too_little_was_asked_the_newest_batch_is_told_of() -> None:
    few = REHEARSAL.model_copy(update={"requests": Changed(rows=3, some=0, much=0), "told": REHEARSAL.batch})
    told = rehearsals.told(few, EN)
    assert told[0].startswith("Of the newest batch, of 1,470 rows, 5.0 %")
    assert not any(one.startswith("They were asked") for one in told)


def test_promotions_are_counted_by_the_newest_evidence_of_each() -> None:
    records = [
        judgement.given_back(decided(9, champion=3, before=previous(2, story.near(-0.04, 0.01))), 3, 2),
        decided(8, champion=3, before=previous(2, story.near(0.01, 0.02))),
        decided(6, champion=2, before=previous(1, story.near(0.02, 0.03))),
        promoted(decided(5, TrainReason.DRIFT), 2),
    ]
    assert turned_out.told(records, EN) == [
        "Promotions that later batches tell of: 2. On these 1 did better than the version before would have (0 beyond "
        "noise), 1 did worse (1 beyond noise).",
        "At batch 9 the alias was given back by version 3 to version 2.",
        "1 training: on average 6.0 % off the mean log error was expected and 5.0 % came, by the held-out rows; in 1 "
        "of them it was what was expected, within its 90 % interval, or more.",
        "Promises of an error: 4 of 4 were kept (100.0 %).",
    ]
    figures = [
        [text for text in one.replace("(", " ").replace(")", " ").replace(";", " ").split() if text[0].isdigit()]
        for one in turned_out.told(records, ES)
    ]
    assert [sorted(one) for one in figures] == [
        ["0", "1", "1", "1", "2."],
        ["2.", "3", "9"],
        ["1", "1", "5.0", "6.0", "90"],
        ["100.0", "4", "4"],
    ]


def test_records_of_before_tell_nothing_of_it() -> None:
    old = [promoted(OLD, 2, gain=None), OLD]
    assert turned_out.told(old, EN) == []
    kept = old[0].model_copy(update={"decision": decided(2).decision.model_copy(update={"error": None})})
    assert promises.errors(promises.forward([kept]), EN) == ""
    assert batch_charts.timeline([], [], "", EN) is None
    assert batch_charts.came([], "", EN) is None


def test_hundreds_of_batches_are_drawn_and_counted_in_bounds() -> None:
    many = [promoted(decided(n, TrainReason.LEARNING), n) for n in range(500, 0, -1)]
    found, came = promises.forward(many), gains.came(many)
    assert (len(found), len(came)) == (promises.SHOWN, gains.SHOWN)
    assert (found[0].batch, found[-1].batch) == (500, 301)
    wide = decided(1).decision
    assert wide.error is not None
    above = [
        promises.Forward(n, wide.error.model_copy(update={"now": story.near(0.9, 0.1)}), False) for n in range(200)
    ]
    assert len(promises.errors(above, EN)) < 200
    places = [
        state.model_copy(update={"state": f"{state.state} {n}"})
        for n in range(100)
        for state in many[0].promotion.states[2:]  # type: ignore[union-attr]
    ]
    assert error_charts.worst_first(places)[0].worse
    assert len(error_charts.places_table(places, EN)) == 100


def opened(env: pytest.MonkeyPatch, model: str, batch: int | None, language: str = "en") -> Any:
    """A batch's page, or the overview."""
    env.setenv("RELEVO_MODEL", model)
    st.cache_data.clear()
    app = page("overview" if batch is None else "history")
    if batch is None:
        app.session_state["intervals"] = app.session_state["turned_out"] = True  # opened
    else:
        app.query_params["batch"] = str(batch)
    app.query_params["lang"] = language
    return app.run()


@pytest.mark.parametrize(
    ("language", "of_all", "of_one"),
    [
        (
            "en",
            [
                "Of 7 batches 5 (71.4 %) fell into the range",
                "Above it: batch 8. Below it: batch 3.",
                "Promotions that later batches tell of: 1. On these 1 did better",
            ],
            [
                "What would a training gain?",
                "The learning curve of version 1",
                "What customers would notice",
                "The model is still learning",
                "One row took version 1 0.9 ms and version 2 1.2 ms",
            ],
        ),
        (
            "es",
            ["En el rango en que deberían caer nueve de cada diez: 5 de 7 lotes (71.4 %)"],
            [
                "¿Qué ganaría un entrenamiento?",
                "La curva de aprendizaje de la versión 1",
                "Qué notarían los clientes",
                "El modelo todavía aprende",
            ],
        ),
    ],
)
def test_the_pages_tell_all_of_it(
    env: pytest.MonkeyPatch, judged: str, language: str, of_all: list[str], of_one: list[str]
) -> None:
    for batch, words in ((None, of_all), (4, of_one)):
        said = shown(opened(env, judged, batch, language))
        assert [one for one in words if one not in said] == []


def test_old_records_are_shown_as_before(env: pytest.MonkeyPatch, told: str) -> None:
    said = shown(opened(env, told, 3))
    assert "Does the champion keep its promise?" in said
    assert "Who was better, on which rows" in said
    assert not any(words in said for words in (*NEW_PARTS, "nine"))
    assert "How past decisions turned out" not in [one.label for one in opened(env, told, None).expander]
