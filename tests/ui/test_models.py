"""Versions beside each other, who serves, and the written analysis. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.profiling import bin_counts, numeric_profile
from relevo_contract.record import Criterion, DecisionRecord, Distribution, Estimate, TrainReason
from relevo_contract.version import Example, HoldoutPredictions, ShapleySummary
from relevo_ui import batches, column_charts, comparison, links, model_charts, report, service, versions
from relevo_ui.settings import Settings
from relevo_ui.versions import Told
from tests.houses import LISTINGS
from tests.ui import story
from tests.ui.words import EN, ES

FIRST = story.judged(
    story.trained(story.decided(1, TrainReason.BASELINE, "No model yet.")), 1, Criterion.FIRST_BEATS_BASELINE, "First."
)
SECOND = story.judged(
    story.trained(story.decided(3, TrainReason.NEW_STATE, "<b>New</b> state.", moved=("state",), champion=1)),
    2,
    Criterion.BETTER,
    "Better.",
)
THIRD = story.judged(
    story.trained(story.decided(4, TrainReason.DRIFT, "Moved.", champion=2)), 3, Criterion.NOT_BETTER, "Not better."
)


def profile(states: dict[str, int]) -> Profile:
    price = NumericProfile(edges=(100_000.0, 200_000.0, 300_000.0), counts=(10, 50, 30, 10), missing=0)
    state = CategoricalProfile(counts=states, missing=0)
    promised = Estimate(value=0.2, low=0.1, high=0.3)
    return Profile(rows=100, batches=(1,), columns={"price": price, "state": state}, promised=promised)


def shap(*weights: float) -> ShapleySummary:
    columns = ("house_size", "city", "prev_sold_date")
    return ShapleySummary(
        columns=columns,
        mean_absolute=(*weights, 0.0),
        typical=Example(inputs={"house_size": 1500.0, "city": "Ponce", "prev_sold_date": None}, prediction=200_000),
        inputs=((900.0, "San Juan", None), (None, "SAN JUAN", 18_262.0), (2000.0, None, 0.0)),
        values=((-9000.0, 2000.0, 5.0), (300.0, 2100.0, 40.0), (7000.0, -60.0, 0.0)),
    )


def kept(batch_rows: dict[int, int], error: float) -> HoldoutPredictions:
    prices = [float(batch) + row / 100 for batch, rows in batch_rows.items() for row in range(rows)]
    return HoldoutPredictions(
        batches=tuple(batch_rows),
        counts=tuple(batch_rows.values()),
        actual=tuple(prices),
        predicted=tuple(price + error for price in prices),
    )


def shared(older: HoldoutPredictions, newer: HoldoutPredictions) -> comparison.Shared:
    found = comparison.common(older, newer)
    assert found is not None
    return comparison.shared(found, LISTINGS.predicts)


def test_two_versions_are_compared_on_the_rows_they_share_alone() -> None:
    found = shared(kept({1: 40, 2: 20}, 0.3), kept({1: 40, 2: 20, 5: 900}, -0.1))
    assert (found.batches, found.rows, found.better) == ((1, 2), 60, 1.0)
    assert found.older.value == pytest.approx(np.expm1(0.3))
    assert found.newer.value == pytest.approx(-np.expm1(-0.1))


def test_rows_of_a_batch_that_was_cleaned_anew_are_not_taken_for_the_same() -> None:
    other = kept({1: 40}, 0.1).model_copy(update={"actual": (0.0,) * 40})
    assert comparison.common(kept({1: 40}, 0.3), other) is None
    assert comparison.common(kept({}, 0.3), kept({1: 4}, 0.1)) is None
    assert comparison.common(None, kept({1: 4}, 0.1)) is None


def test_a_house_held_out_many_times_is_one_house() -> None:
    draw = np.random.default_rng(0)
    price, wrong = np.repeat(draw.normal(12, 1, 60), 8), np.repeat(draw.normal(0, 0.3, 60), 8)

    def of(things: tuple[int, ...]) -> HoldoutPredictions:
        predicted = tuple((price + wrong).tolist())
        prices = tuple(price.tolist())
        return HoldoutPredictions(batches=(1,), counts=(480,), actual=prices, predicted=predicted, things=things)

    houses = tuple(np.repeat(np.arange(60), 8).tolist())
    by_row = shared(of(()), of(()))
    for older, newer in ((houses, ()), ((), houses), (houses, houses)):
        by_house = shared(of(older), of(newer))
        assert by_house.newer.value == by_row.newer.value
        assert by_house.newer.high - by_house.newer.low > 1.8 * (by_row.newer.high - by_row.newer.low)


def test_what_the_newer_looks_at_more_is_told_in_shares() -> None:
    weights = comparison.weights(shap(1.0, 3.0), shap(4.0, 4.0))
    assert [(w.column, w.older, w.newer, w.gained) for w in weights] == [
        ("city", 0.75, 0.5, -0.25),
        ("house_size", 0.25, 0.5, 0.25),
        ("prev_sold_date", 0.0, 0.0, 0.0),
    ]
    assert comparison.weights(None, None) == []
    drawn = model_charts.importance(weights, "version 1", "version 2", EN).to_dict()
    assert list(dict.fromkeys(drawn["encoding"]["y"]["sort"])) == ["city", "house size", "previous sale"]


@pytest.mark.parametrize(
    ("column", "values", "axis"),
    [
        ("house_size", [(900.0, -9000.0), (2000.0, 7000.0)], ("x", "quantitative")),
        ("city", [("san juan", 2000.0), ("san juan", 2100.0), ("", -60.0)], ("y", "nominal")),
        ("prev_sold_date", [(date(2020, 1, 1), 40.0), (date(1970, 1, 1), 0.0)], ("x", "temporal")),
    ],
)
def test_a_columns_values_are_drawn_with_the_amounts_by_which_they_moved_the_prediction(
    column: str, values: list[tuple[object, float]], axis: tuple[str, str]
) -> None:
    pairs = comparison.dependence(shap(1, 1), column, LISTINGS)
    assert pairs == values
    both = [(version, *pair) for version in ("version 1", "version 2") for pair in pairs]
    drawn = model_charts.dependence(both, column, ("version 1", "version 2"), EN)
    channel, kind = axis
    assert drawn.to_dict()["encoding"][channel]["type"] == kind


def test_rare_categories_are_drawn_as_one() -> None:
    cities = [f"city {n}" for n in range(30) for _ in range(1 + (n < model_charts.SHOWN))]
    chart = model_charts.dependence(
        [("version 1", city, 5.0) for city in cities], "city", ("version 1", "version 2"), EN
    )
    drawn = chart.to_dict()["encoding"]["y"]["sort"]
    assert sorted(drawn[:-1]) == sorted(f"City {n}" for n in range(model_charts.SHOWN))
    assert drawn[-1] == "all others"
    assert set(chart.data["value"]) == set(drawn)


def test_places_the_newer_saw_and_the_older_did_not_are_named() -> None:
    older, newer = profile({"puerto rico": 90, "maine": 1}), profile({"puerto rico": 60, "vermont": 40, "maine": 90})
    assert comparison.new_places(older, newer, "state") == [("vermont", 40)], "Maine was seen, however rarely"
    assert comparison.new_places(None, newer, "state") == [], "nobody knows what was seen"
    assert comparison.new_places(older, newer, "city") == []
    assert comparison.median(newer, "price") == 200_000.0
    assert comparison.median(None, "price") is None


def told(number: int, record: DecisionRecord | None, **tags: str) -> Told:
    return Told(number, f"run{number}", tags, record)


def test_what_is_in_production_is_set_beside_what_it_replaced() -> None:
    all_three = [told(3, THIRD), told(2, SECOND), told(1, FIRST)]
    assert versions.pair(all_three, 2) == (1, 2)
    assert versions.pair(all_three, 3) == (2, 3)
    assert versions.pair(all_three, 1) == (1, 2)
    assert versions.pair(all_three, None) == (2, 3)
    assert versions.pair(all_three[2:], 1) is None
    assert versions.judged(all_three[2], all_three[1]) == SECOND.promotion
    assert versions.judged(all_three[2], all_three[0]) is None
    label = versions.label(told(3, THIRD, **{names.TAG_OUTCOME: names.OUTCOME_REJECTED}), 2, EN)
    assert label == "Version 3, rejected"
    assert versions.facts(all_three[1], profile({}), EN)["median price"] == "$200,000"


def at(hour: int) -> dict[str, str]:
    return {names.TAG_PROMOTED_AT: f"2026-11-04T{hour:02}:00:00+00:00"}


def test_each_promotion_ends_the_one_before_and_one_given_up_is_marked() -> None:
    failed = at(15) | {names.TAG_SERVING: names.SERVING_FAILED}
    terms = service.terms({1: at(9), 2: at(12), 3: {}, 4: failed})
    assert [(t.version, t.since.hour, t.until and t.until.hour, t.given_up) for t in terms] == [
        (4, 15, None, True),
        (2, 12, 15, False),
        (1, 9, 12, False),
    ]
    assert service.terms({3: {}, 5: {names.TAG_PROMOTED_AT: "yesterday"}}) == []


@pytest.mark.parametrize(
    ("production", "serving", "given_up", "said"),
    [
        (None, None, [], "No version is in production yet"),
        (2, None, [], "does not serve any yet"),
        (2, 2, [], "it is what truly serves"),
        (3, 2, [3], "could not serve and was given up: version 2 truly serves"),
        (3, 2, [], "until the hand-over is done"),
    ],
)
def test_promoted_is_told_from_truly_serving(
    production: int | None, serving: int | None, given_up: list[int], said: str
) -> None:
    assert said in service.agreement(production, serving, given_up)


def test_the_analysis_tells_each_stage_and_what_was_turned_down_in_it() -> None:
    stages = report.stages([THIRD, FIRST, story.decided(2, TrainReason.QUIET, "Quiet."), SECOND])
    assert [(record.batch.number, [r.batch.number for r in rejected]) for record, rejected in stages] == [
        (1, []),
        (3, [4]),
    ]
    new = {"new_places": ("<b>New</b>",), "in_new_places": 0.6}
    hostile = SECOND.model_copy(update={"decision": SECOND.decision.model_copy(update=new)})
    pictured = [
        report.Stage(FIRST, profile({"puerto rico": 100}), shap(1, 3), []),
        report.Stage(hostile, profile({"puerto rico": 50, "vermont": 50}), shap(4, 4), [THIRD]),
    ]
    html = report.report("house-prices", pictured, datetime(2026, 11, 5, tzinfo=UTC), EN)
    text = re.sub(r"<[^>]+>", " ", html)
    for words in (
        "Version 1, of batch 1",
        "Version 2, of batch 3",
        "It was trained because much of it lies in a state the model hardly knew.",
        "New to it (state): Vermont.",
        "it errs by 23.0 % (21.0 to 25.0) where version 1 errs by 29.0 % (27.0 to 31.0)",
        "More than the version before: house size (+25.0 %).",
        "Version 3 (batch 4) was turned down: not better beyond noise",
        "Virgin Islands",
    ):
        assert words in text
    assert "60.0 % of its rows lie in &lt;b&gt;New&lt;/b&gt;" in html
    assert "<script" not in html
    assert not re.search(r"(?:src|href)=|url\(|@import", html), "nothing is loaded from elsewhere"
    assert "75.0 %" in html, "what it looks at is drawn of figures"
    assert '<html lang="es">' in report.report("house-prices", [], datetime(2026, 11, 5, tzinfo=UTC), ES)


def test_a_batch_is_told_from_raw_to_clean() -> None:
    record = SECOND.model_copy(
        update={"rejected": {"duplicate": 25, "of_a_later_release": 5}, "origin": {"Vermont": 1470, "": 0}}
    )
    (line,) = batches.lines([record], EN)
    assert (line["RAW rows"], line["CLEAN rows"], line["Left out"]) == (1500, 1470, 30)
    assert line["Why left out"] == "25: the same values as an earlier row of the batch; 5: of a later release"
    assert line["Origin"] == "Vermont 100 %, no state <1 %"
    assert batches.lines([SECOND], ES)[0]["Filas en RAW"] == 1500


def test_bins_are_said_as_ranges_and_a_picture_shows_both_sides() -> None:
    numbers = Distribution(edges=(1000.0, 2000.0), before=(1, 2, 3), now=(3, 2, 1))
    assert column_charts.bins("bed", numbers, EN) == ["below 1,000", "1,000–2,000", "2,000 and above"]
    states = Distribution(categories=("new york",), before=(1, 2), now=(3, 4))
    assert column_charts.bins("state", states, EN) == ["New York", "all others"]
    days = Distribution(edges=(1990.27, 2013.25), before=(0, 3, 0), now=(0, 3, 1))
    assert column_charts.bins("prev_sold_date", days, EN) == ["below 1990-04", "1990-04–2013-04", "above 2013-04"]
    column = SECOND.decision.columns[3].model_copy(update={"distribution": numbers})
    drawn = column_charts.distribution(column, "version 1", "batch 3", EN)
    assert drawn is not None
    assert "2,000 and above" in str(drawn.to_dict())
    assert column_charts.distribution(SECOND.decision.columns[3], "version 1", "batch 3", EN) is None


def test_a_value_of_weight_is_a_bin_and_what_lies_beyond_all_that_was_seen_is_another() -> None:
    of = numeric_profile(np.array([1.0, 2.0, 2.0, 3.0]))
    now = tuple(bin_counts(of.edges, np.array([2.0, 2.5, 9.0, 9.0])).tolist())
    kept = Distribution(edges=of.edges, before=of.counts, now=now)
    assert column_charts.bins("bed", kept, EN) == ["below 1", "1", "1–2", "2", "2–3", "3", "above 3"]
    column = SECOND.decision.columns[3].model_copy(
        update={"missing_before": 0.0, "missing_now": 0.0, "distribution": kept}
    )
    shares = column_charts.distribution_shares(column, kept, EN)
    assert shares == {"1": (0.25, 0), "2": (0.5, 0.25), "2–3": (0, 0.25), "3": (0.25, 0), "above 3": (0, 0.5)}


def test_bins_that_read_the_same_are_one() -> None:
    days = (2013.2501, 2013.2502, 2013.2503)
    kept = Distribution(edges=days, before=(0, 1, 2, 3), now=(2, 1, 1, 0))
    column = SECOND.decision.columns[3].model_copy(
        update={"missing_before": 0.0, "missing_now": 0.0, "distribution": kept}
    )
    shares = column_charts.distribution_shares(column, kept, EN)
    assert sum(before for before, _ in shares.values()) == pytest.approx(1)
    assert sum(now for _, now in shares.values()) == pytest.approx(1)


def test_a_value_that_is_missing_is_a_bin_of_its_own_and_the_shares_add_up() -> None:
    kept = Distribution(categories=("for_sale",), before=(8, 0), now=(0, 0))
    column = SECOND.decision.columns[0].model_copy(
        update={"column": "status", "missing_before": 0.2, "missing_now": 1.0, "distribution": kept}
    )
    assert column_charts.distribution_shares(column, kept, EN) == {"for sale": (0.8, 0.0), "(no value)": (0.2, 1.0)}


def test_links_lead_where_a_browser_finds_things_and_carry_no_password() -> None:
    given = {"tracking_uri": "http://me:secret@mlflow:5000/", "api_url": "http://api", "model": "a b"}
    settings = Settings.model_validate(given)
    assert links.version(settings, 3) == "http://mlflow:5000/#/models/a%20b/versions/3"
    assert links.run(settings, "1", "f00") == "http://mlflow:5000/#/experiments/1/runs/f00"
    assert links.airflow(settings, "scheduled__1") is None
    told = Settings.model_validate(given | {"airflow_ui": "https://flows/", "mlflow_ui": "https://ml"})
    assert links.airflow(told, "a__2026-11-04T15:00:00+00:00") == (
        "https://flows/dags/a%20b/runs/a__2026-11-04T15%3A00%3A00%2B00%3A00"
    )
    assert links.airflow(told, None) is None
    assert links.run(told, "1", "f00").startswith("https://ml/#")
