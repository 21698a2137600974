"""Versions by segment, the rows that moved most, and the model card: figures against those computed anew. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_contract.profiling import numeric_profile
from relevo_contract.record import Estimate
from relevo_contract.version import Entry, HoldoutPredictions
from relevo_ui import card, comparison, model_charts, probability_charts, segments
from relevo_ui.versions import Told
from relevo_ui.wording import Wording
from tests.houses import LISTINGS
from tests.ui.test_models import SECOND, shap
from tests.ui.words import EN, ES

DRAW = np.random.default_rng(3)
PRICE = DRAW.normal(12, 1, 100)
STATES: Sequence[Entry] = ["Vermont"] * 40 + ["vermont"] * 10 + ["Maine"] * 30 + ["Ohio"] * 5 + [None] * 15
SIZES: Sequence[Entry] = [None] * 20 + [1000.0 + 10 * n for n in range(80)]


def kept(errors: Sequence[float], batch: int = 7) -> HoldoutPredictions:
    """A hundred rows of a batch, after a batch whose inputs are not kept."""
    return HoldoutPredictions(
        batches=(1, batch),
        counts=(2, 100),
        actual=(1.0, 2.0, *PRICE.tolist()),
        predicted=(1.0, 2.0, *(PRICE + errors).tolist()),
        inputs={"state": tuple(STATES), "house_size": tuple(SIZES)},
    )


# The newer is better in Vermont and worse in Maine.
OLDER = kept([0.3] * 50 + [0.1] * 50)
NEWER = kept([0.1] * 50 + [0.4] * 30 + [0.1] * 19 + [2.0])


def common() -> comparison.Common:
    found = comparison.common(OLDER, NEWER.model_copy(update={"inputs": {}}))
    assert found is not None
    return found


def test_rows_are_told_by_the_inputs_of_whichever_version_keeps_them() -> None:
    found = common()
    assert (len(found.actual), int(found.described.sum())) == (102, 100)
    assert list(found.inputs["state"]) == list(STATES)
    none = comparison.common(*(one.model_copy(update={"inputs": {}}) for one in (OLDER, NEWER)))
    assert none is not None
    assert not none.described.any()


def test_segments_are_categories_in_one_spelling_or_quarters_and_none_is_of_few_rows() -> None:
    found = segments.segments("state", STATES, EN)
    assert [(one.label, len(one.rows)) for one in found] == [("Vermont", 50), ("Maine", 30), ("(no value)", 15)]
    found = segments.segments("house_size", SIZES, EN)
    assert [(one.label, len(one.rows)) for one in found] == [
        ("below 1,200", 20), ("1,200–1,400", 20), ("1,400–1,590", 19), ("1,590 and above", 21), ("(no value)", 20),
    ]  # fmt: skip
    beds: Sequence[Entry] = [1.0] * 20 + [3.0] * 30 + [4.0] * 20 + [7.0] * 30
    labels = [one.label for one in segments.segments("bed", beds, EN)]
    assert labels == ["below 3", "3", "4–6", "7 and above"], "of whole numbers"
    sizes = np.array([np.nan if size is None else size for size in SIZES])
    assert (sizes[found[1].rows] >= 1200).all()
    assert (sizes[found[1].rows] < 1400).all(), "a bound is told as it is"


def test_two_versions_are_compared_segment_by_segment() -> None:
    found = {one.label: one for one in segments.compared(common(), "state", EN)}
    assert (found["Vermont"].better, found["Maine"].better) == (True, False)
    assert found["Maine"].difference.value == pytest.approx(0.3)
    assert found["Maine"].newer.value == pytest.approx(np.expm1(0.4))
    table = segments.compared_table(list(found.values()), "state", ("version 1", "version 2"), EN)
    assert list(table["which is closer"]) == ["version 2", "version 1", "neither beyond noise"]
    drawn = model_charts.differences(list(found.values()), "state", ("version 1", "version 2"), EN).to_dict()
    assert "Maine (30 rows)" in drawn["description"]


def test_the_rows_that_moved_most_come_first_and_can_be_looked_into_by_segment() -> None:
    found = common()
    table = segments.movers(found, None, ["house_size", "state"], ("version 1", "version 2"), EN)
    assert len(table) == segments.MOVERS
    (first,) = table.head(1).to_dict("records")
    assert first["version 2"] == EN.amount(float(np.exp(PRICE[99] + 2)))
    assert first["real price"] == EN.amount(float(np.exp(PRICE[99])))
    assert (first["which is closer"], first["house size"]) == ("version 1", "1,790")
    maine = next(one.rows for one in segments.segments("state", STATES, EN) if one.label == "Maine")
    assert set(segments.movers(found, maine, ["state"], ("a", "b"), ES)["estado"]) == {"Maine"}


PROFILE = Profile(
    rows=400,
    batches=(1, 3),
    columns={
        "price": numeric_profile(np.array([90_000.0, 200_000.0, 400_000.0])),
        "state": CategoricalProfile(counts={"vermont": 380, "guam": 3}, missing=17),
    },
    promised=Estimate(value=0.2, low=0.1, high=0.3),
)


@pytest.mark.parametrize("say", [EN, ES], ids=["en", "es"])
def test_a_card_says_what_it_is_for_how_good_it_is_where_and_what_it_does_not_know(say: Wording) -> None:
    new = {"new_places": ("<b>New</b>",), "in_new_places": 0.6}
    hostile = SECOND.model_copy(update={"decision": SECOND.decision.model_copy(update=new)})
    told = Told(2, "f00", {names.TAG_MANIFEST: "c0ffee"}, hostile)
    parts = card.card(told, card.Kept(PROFILE, shap(1.0, 3.0), NEWER), say)
    html = card.as_html("house-prices", told, parts, datetime(2026, 11, 5, tzinfo=UTC), say)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert len(parts) == 6
    for words in (
        say.estimate(PROFILE.promised),  # what it promises
        "Vermont 50 10.5 %", "Maine 30 49.2 %",  # what it was, by state, on the rows that it keeps
        "Guam",  # which it hardly knows
        "95.0 %",  # of the rows are in Vermont
        "$90,000", "$400,000",
        "f00", "c0ffee", SECOND.batch.sha256, "75.0 %",
    ):  # fmt: skip
        assert words in text, words
    limits = next(part for part in parts if part.heading == say("What it does not know"))
    assert "Maine: 49.2 %" in limits.paragraphs[0]
    assert "Vermont" not in limits.paragraphs[0]
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", html), "nothing is loaded from elsewhere"
    assert "&lt;b&gt;New&lt;/b&gt;" in html


def test_a_card_of_a_version_that_keeps_nothing_says_what_is_known() -> None:
    parts = card.card(Told(1, "f00", {}, None), card.Kept(None, None, None), EN)
    assert [part.heading for part in parts] == ["What it is for", "What it does not know", "Where it comes from"]


def test_what_acting_on_a_probability_finds_is_told_by_share_of_the_rows() -> None:
    said = np.linspace(0.001, 0.999, 1000)
    one = probability_charts.Said("version 1", (said > 0.9).astype(float), said)
    table = probability_charts.thresholds(one, EN)
    assert list(table["rows acted on"])[:1] == ["10 (1.0 %)"]
    found = dict(zip(table["rows acted on"], table.iloc[:, 3], strict=True))
    assert found["100 (10.0 %)"] == "100.0 %"
    assert found["50 (5.0 %)"] == "50.0 %"
    same = probability_charts.Said("version 1", np.array([1.0, 0.0] * 50), np.full(100, 0.5))
    assert len(probability_charts.thresholds(same, EN)) == 1, "rows of one probability are acted on together"


def test_columns_that_rows_are_told_apart_by_begin_with_the_places() -> None:
    assert segments.columns({"house_size": (), "bed": (), "state": ()}, EN) == ["state", "bed", "house_size"]
    assert set(LISTINGS.places) == {"state", "city", "zip_code"}
