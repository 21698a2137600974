"""What customers would notice: how many answers change, where they gather, and what that does to the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevo_contract.record import Criterion, Promotion
from relevo_contract.rehearsal import Rehearsal, Speed
from relevo_contract.tasks import TASKS, Task
from relevo_jobs.decide.live import FEWEST
from relevo_jobs.promote.comparison import Floats, HeldOut, Limits, compare
from relevo_jobs.promote.rehearsal import Answered, after_rehearsal, rehearse
from tests.houses import LISTINGS
from tests.jobs.market import Table, listings, log_worth
from tests.jobs.promote.test_comparison import held_out

EACH = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
QUICK = Speed(single_ms=0.1, all_ms=2.0)


def told(requests: Answered | None, batch: Answered) -> Rehearsal:
    return rehearse(requests, batch, LISTINGS, spread=1.0, speeds=(QUICK, QUICK), version=2)


def answers(rows: Table, after: Floats | None = None) -> Answered:
    before = log_worth(rows)
    return Answered(rows, before, before if after is None else after)


def raised(rows: Table, chosen: Floats | np.ndarray, by: float = 0.5) -> Answered:
    return answers(rows, log_worth(rows) + np.where(chosen, by, 0.0))


def test_the_shares_are_of_the_rows_that_change() -> None:
    rows = listings(1000, 0)
    change = np.repeat([0.0, 0.2, 0.3], [900, 60, 40])
    found = told(answers(rows, log_worth(rows) + np.log1p(change)), answers(listings(300, 1)))
    assert (found.told.rows, found.told.some, found.told.much) == (1000, 0.1, 0.04)
    assert found.requests == found.told
    assert (found.batch.rows, found.batch.some) == (300, 0)
    assert "of the last 1,000 requests 4.0 % would be answered more than 25 % differently" in found.sentence
    assert "10.0 % more than 10 % differently" in found.sentence


def test_the_place_where_changes_gather_is_named() -> None:
    rows = listings(2000, 0)
    found = told(raised(rows, rows["state"] == "Vermont"), answers(listings(300, 1)))
    assert ", mostly in Vermont," in found.sentence
    assert [(one.column, one.value) for one in found.segments] == [("state", "Vermont")]
    assert found.segments[0].changed == found.segments[0].rows == (rows["state"] == "Vermont").sum()
    assert (found.gathered[0].column, found.gathered[0].value) == ("state", "Vermont")


def test_so_is_the_range_of_a_number() -> None:
    rows = listings(2000, 0)
    found = told(raised(rows, rows["acre_lot"] > np.quantile(rows["acre_lot"], 0.8)), answers(listings(300, 1)))
    assert found.gathered[0].column == "acre_lot"
    assert found.gathered[0].value.endswith("or more")
    assert ", mostly where acre_lot is" in found.sentence


def test_missing_values_are_a_value_of_their_own() -> None:
    rows = listings(2000, 0)
    found = told(raised(rows, np.isnan(rows["bed"])), answers(listings(300, 1)))
    assert {("bed", "missing"), ("bath", "missing")} <= {(one.column, one.value) for one in found.gathered}


def test_changes_that_fall_by_chance_gather_nowhere() -> None:
    gathered = 0
    for seed in range(60):
        rows = listings(1000, seed)
        found = told(raised(rows, np.random.default_rng(seed).random(1000) < 0.1), answers(listings(50, 1)))
        gathered += bool(found.gathered)
        assert ", mostly" not in found.sentence or found.gathered
    assert gathered <= 4  # asked for: 1 %; binomial(60, 0.01) exceeds 4 once in 2,600 runs


def test_few_requests_are_evidence_and_the_batch_is_told_of() -> None:
    few = listings(FEWEST - 1, 0)
    found = told(raised(few, np.ones(len(few["bed"]), dtype=bool)), answers(listings(300, 1)))
    assert found.requests is not None
    assert (found.requests.much, found.told, found.told.much) == (1.0, found.batch, 0.0)
    assert "of the 300 rows of the newest batch 0.0 %" in found.sentence


def test_an_empty_batch_changes_nothing() -> None:
    found = told(None, answers(listings(0, 1)))
    assert (found.requests, found.told.rows, found.told.much, found.gathered) == (None, 0, 0.0, ())


def better() -> Promotion:
    rows = held_out(champion=0.5, challenger=0.3)
    return compare(rows, champion_version=1, challenger_version=2, limits=Limits(), seed=0)


@pytest.mark.parametrize(("most", "criterion"), [(None, Criterion.BETTER), (0.4, Criterion.BETTER), (0.2, None)])
def test_a_bar_rejects_who_changes_too_much(most: float | None, criterion: Criterion | None) -> None:
    rows = listings(1000, 0)
    found = told(raised(rows, np.arange(1000) < 300), answers(listings(300, 1)))
    verdict = after_rehearsal(better(), found, most)
    assert verdict.criterion is (criterion or Criterion.CHANGES_TOO_MUCH)
    assert verdict.promoted is (criterion is not None)
    assert verdict.rehearsal == found
    assert found.sentence in verdict.sentence
    assert ("RELEVO_REHEARSAL_MOST" in verdict.sentence) is (criterion is None)


@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf])
def test_who_answers_something_not_finite_is_rejected(answer: float) -> None:
    rows = listings(1000, 0)
    found = told(answers(rows, np.where(np.arange(1000) == 7, answer, log_worth(rows))), answers(listings(300, 1)))
    verdict = after_rehearsal(better(), found, None)
    assert (found.challenger_not_finite, found.champion_not_finite) == (1, 0)
    assert (verdict.promoted, verdict.criterion) == (False, Criterion.NOT_FINITE)
    assert "version 2 answers 1 row with no finite number" in verdict.sentence


@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("champion", [1, None])
def test_so_is_who_does_so_on_held_out_rows_the_first_version_too(answer: float, champion: int | None) -> None:
    rows: HeldOut = held_out(champion=0.9, challenger=0.3)
    wrong = replace(rows, challenger=np.where(np.arange(400) < 3, answer, rows.challenger))
    verdict = compare(wrong, champion_version=champion, challenger_version=2, limits=Limits(), seed=0)
    assert (verdict.promoted, verdict.criterion) == (False, Criterion.NOT_FINITE)
    assert "version 2 answers 3 rows held out with no finite number" in verdict.sentence
    broken = replace(rows, champion=np.where(np.arange(400) < 3, answer, rows.champion))
    assert compare(broken, champion_version=champion, challenger_version=2, limits=Limits(), seed=0).promoted


finite = st.floats(0.01, 0.99)


@EACH
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=20), st.floats(0.1, 10))
@settings(deadline=None)
def test_a_change_is_none_of_what_stays_and_the_same_in_any_unit(
    task: Task, pairs: list[tuple[float, float]], unit: float
) -> None:
    before, after = (np.array(side) for side in zip(*pairs, strict=True))
    assert (task.changes(before, before, 1.0) == 0).all()
    found = task.changes(before, after, 1.0)
    assert (found >= 0).all()
    if task.name != "binary":
        first, second = (task.scaled(unit * np.exp(one)) if task.shares else unit * one for one in (before, after))
        np.testing.assert_allclose(np.asarray(task.changes(first, second, unit)), found, rtol=1e-6, atol=1e-9)


def test_what_a_tenth_is_for_each_task() -> None:
    def change(name: str, before: float, after: float, spread: float = 1.0) -> float:
        task = TASKS[name]  # type: ignore[index]
        first, second = (task.scaled(np.array([one])) for one in (before, after))
        return float(task.changes(first, second, spread)[0])

    assert change("positive-number", 200, 220) == pytest.approx(0.1)
    assert change("number", -3, -2, 10) == pytest.approx(0.1)
    assert change("binary", 0.3, 0.4) == pytest.approx(0.1)
    assert change("number", 1, 2, 0) == np.inf
    assert change("number", 1, 1, 0) == 0


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_every_row_of_a_value_is_counted_once(seed: int, share: float) -> None:
    rows = listings(400, seed)
    changed = np.random.default_rng(seed).random(400) < share
    found = told(raised(rows, changed), answers(listings(20, 1)))
    assert found.told.much == changed.mean()
    assert sum(one.changed for one in found.segments) == changed.sum()
    for one in found.gathered:
        assert one.changed <= min(one.rows, changed.sum())
        assert one.changed / one.rows > changed.mean()
