"""Every reason and criterion in both languages: what one says in figures and names, the other says, too."""

from __future__ import annotations

import re

import numpy as np
import pytest

from relevo_contract.profile import Profile
from relevo_contract.profiling import numeric_profile
from relevo_contract.record import (
    Asked,
    Criterion,
    DecisionRecord,
    Defect,
    DefectKind,
    LiveEvidence,
    Promotion,
    TrainReason,
    TrainVerdict,
)
from relevo_jobs.decide.defects import defects
from relevo_ui import history, reasons, sentences
from relevo_ui.wording import Wording
from tests.houses import LISTINGS
from tests.ui import judgement, story
from tests.ui.words import EN, ES

MOVED = ("state", "house_size", "price")
DEFECTS = tuple(
    Defect(column="house_size", kind=kind, what=what)
    for kind, what in {
        DefectKind.LOST: "is there in 3 of 1,470 rows, in training in 74.5 %",
        DefectKind.STUCK: "holds 1,200 in every row",
        DefectKind.UNIT: "has its median at 356: 54.8 % of its values are below 586, in training 1.0 % were; its unit "
        "may have changed",
    }.items()
)
LIVE = LiveEvidence(
    rows=2000, since=judgement.AT, until=judgement.AT, columns=story.columns(*MOVED), closer=("state", "house_size")
)
ASKED = Asked(id="a", reason="summer 2026 begins", data_alone=TrainReason.QUIET, data_alone_sentence="Quiet.")


def figures(text: str) -> list[str]:
    """Every figure in a text, sorted."""
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", text))


def names(text: str, say: Wording) -> set[str]:
    """The columns and places that a text names; a column by what it is called in the text's language."""
    columns = {
        name for name in LISTINGS.columns if re.search(rf"\b{re.escape(say.column(name))}\b", text, re.IGNORECASE)
    }
    places = {place for place in ("Massachusetts", "Connecticut", "Virgin Islands", "Vermont") if place in text}
    return columns | places


def whole(reason: TrainReason) -> DecisionRecord:
    """A record with everything that such a decision keeps."""
    record = judgement.decided(3, reason, now=0.41)
    more: dict[str, object] = {"moved": MOVED, "live": LIVE}
    if reason is TrainReason.NEW_STATE:
        more |= {"new_places": ("Massachusetts", "Connecticut"), "in_new_places": 0.741}
    if reason is TrainReason.BROKEN_COLUMN:
        more |= {"defects": DEFECTS, "excluded": (3,)}
    if reason is TrainReason.ASKED:
        more |= {"asked": ASKED}
    if reason is TrainReason.QUIET:
        more |= {"defects": DEFECTS[:1]}
    record = record.model_copy(update={"decision": TrainVerdict(**(dict(record.decision) | more))})
    return story.trained(record) if record.decision.train else record


def judged(criterion: Criterion) -> Promotion:
    promotion = judgement.promoted(whole(TrainReason.DRIFT), 2, criterion=criterion).promotion
    assert promotion is not None
    return promotion


def same(english: str, other: str) -> None:
    assert english != other
    assert "{" not in english + other
    assert figures(english) == figures(other)
    assert names(english, EN) == names(other, ES)


@pytest.mark.parametrize("reason", TrainReason)
def test_every_reason_says_as_much_in_both_languages(reason: TrainReason) -> None:
    record = whole(reason)
    for told in (history.why, sentences.brief, history.headline, reasons.reason):
        same(told(record, EN), told(record, ES))
    outline = record.outline()
    same(history.why(outline, EN), history.why(outline, ES))
    said = history.why(record, EN)
    for figure in ("41.0 %", "24.0 %"):
        assert figure in said, "its error here, and the promise"
    assert set(reasons.REASONS) == set(TrainReason)


@pytest.mark.parametrize("criterion", Criterion)
def test_every_criterion_says_as_much_in_both_languages(criterion: Criterion) -> None:
    promotion = judged(criterion)
    for told in (history.judged, sentences.errors, reasons.criterion):
        same(told(promotion, EN), told(promotion, ES))
    assert set(reasons.CRITERIA) == set(Criterion)


def test_a_reason_names_what_it_is_of() -> None:
    assert sentences.brief(whole(TrainReason.NEW_STATE), EN).startswith(
        "74.1 % of its rows lie in Massachusetts and Connecticut, which version 1 hardly knew; version 1 errs by 41.0 %"
    )
    assert "a training is expected to take 6.0 % (3.0 to 9.0) off the mean log error" in history.why(
        whole(TrainReason.DRIFT), EN
    )
    assert "“summer 2026 begins”" in history.why(whole(TrainReason.ASKED), ES)
    assert "much worse in Virgin Islands (+9.0 points" in history.judged(judged(Criterion.STATE_WORSE), EN)
    old = whole(TrainReason.NEW_STATE)
    old = old.model_copy(update={"decision": old.decision.model_copy(update={"in_new_places": None})})
    assert "much of it lies in a state the model hardly knew" in history.why(old, EN).lower()


def test_what_decide_finds_broken_is_said_with_its_figures() -> None:
    rng = np.random.default_rng(0)
    known = {name: rng.normal(2000, 300, 400) for name in ("house_size", "acre_lot", "bed")}
    profiles = {name: numeric_profile(values) for name, values in known.items()}
    profile = Profile(rows=400, batches=(1,), columns=profiles, promised=story.near(0.2, 0.01))
    lost = np.where(np.arange(400) < 2, 2000.0, np.nan)
    now = {"house_size": np.full(400, 2000.0), "acre_lot": known["acre_lot"] * 0.09, "bed": lost}
    found = {one.kind: one for one in defects(profile, now)}
    assert set(found) == set(DefectKind)
    for one in found.values():
        english, other = sentences.defect(one, EN), sentences.defect(one, ES)
        assert figures(english) == figures(other) == figures(one.what)
    unknown = found[DefectKind.LOST].model_copy(update={"what": "is gone"})
    assert sentences.defect(unknown, EN) == reasons.defect(unknown, EN), "one that is written otherwise is named"
