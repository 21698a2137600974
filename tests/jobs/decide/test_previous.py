"""The version before is called better seldom where it is not, however often one looks, and soon where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relevo_contract.previous import PairedBatch, Previous
from relevo_contract.record import Estimate
from relevo_contract.tasks import TASKS, Floats
from relevo_jobs.decide.previous import FEWEST_BATCHES, Rule, judge, paired, together

NONE = Estimate(value=0.2, low=0.1, high=0.3)
LOOKS = 30
SPREAD = 0.2


def judged(figures: list[PairedBatch], *, roll_back: bool = False) -> Previous:
    rule = Rule(roll_back=roll_back)
    return judge((1, 2), (NONE, NONE), figures, rule, task=TASKS["positive-number"], unit="$")


def batch(number: int, rows: int, mean: float, apart: float, random: np.random.Generator) -> PairedBatch:
    variance = SPREAD**2 / rows
    return PairedBatch(
        batch=number,
        rows=rows,
        things=rows,
        mean=random.normal(mean, np.hypot(np.sqrt(variance), apart)),
        variance=variance,
    )


def alarms(mean: float, apart: float, sizes: tuple[int, ...], rounds: int) -> tuple[float, float]:
    """How often the version before is ever called better in so many batches, and after how many, the median."""
    random, first = np.random.default_rng(0), []
    for _ in range(rounds):
        figures: list[PairedBatch] = []
        for number in range(1, LOOKS + 1):
            figures.append(batch(number, sizes[number % len(sizes)], mean, apart, random))
            if judged(figures).better:
                first.append(number)
                break
    return len(first) / rounds, float(np.median(first)) if first else np.inf


@pytest.mark.parametrize("sizes", [(200,), (1000,), (100, 2000, 400, 50, 800)], ids=["200", "1000", "uneven"])
def test_where_neither_is_better_hardly_any_history_says_so(sizes: tuple[int, ...]) -> None:
    noise = SPREAD / np.sqrt(np.mean(sizes))
    assert alarms(0.0, 0.0, sizes, 80)[0] <= 0.04
    assert alarms(0.0, noise, sizes, 80)[0] <= 0.1  # and hardly more where batches differ as much as noise makes them


def test_where_it_is_better_that_is_found_within_some_batches() -> None:
    share, after = alarms(-0.02, 0.0, (200,), 60)
    assert share == 1
    assert after <= 8
    assert alarms(0.02, 0.0, (200,), 60)[0] == 0


def test_it_says_so_on_enough_rows_of_enough_batches_alone() -> None:
    clear = [PairedBatch(batch=n, rows=200, things=200, mean=-0.5, variance=1e-6) for n in range(1, 4)]
    assert judged(clear).better
    assert not judged(clear[: FEWEST_BATCHES - 1]).better
    few = [one.model_copy(update={"rows": 100, "things": 100}) for one in clear]
    assert not judged(few).better
    copied = [one.model_copy(update={"things": 100}) for one in clear]
    assert not judged(copied).better, "copies of rows are no rows"


def test_what_is_asked_of_promote_is_a_setting() -> None:
    clear = [PairedBatch(batch=n, rows=200, things=200, mean=-0.5, variance=1e-6) for n in range(1, 4)]
    assert not judged(clear).roll_back
    found = judged(clear, roll_back=True)
    assert found.roll_back
    assert "version 1, which served before version 2, would have been better beyond noise on 600 rows" in found.sentence
    assert not judged(clear[:2], roll_back=True).roll_back


losses = st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), min_size=2, max_size=30)


@given(losses, st.integers(1, 4))
@settings(deadline=None)
def test_a_batchs_figure_is_of_its_things(pairs: list[tuple[float, float]], times: int) -> None:
    before, now = (np.array(side) for side in zip(*pairs, strict=True))
    once = paired(3, before, now)
    copied = paired(3, np.tile(before, times), np.tile(now, times), np.tile(np.arange(len(before)), times))
    assert once is not None
    assert copied is not None
    assert (once.things, copied.things, copied.rows) == (len(before), len(before), times * len(before))
    assert copied.mean == pytest.approx(once.mean)
    assert copied.variance == pytest.approx(once.variance, rel=1e-6, abs=1e-15)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-6, 1), st.integers(2, 500)), min_size=1, max_size=12))
@settings(deadline=None)
def test_all_batches_together_are_the_mean_of_their_rows(batches: list[tuple[float, float, int]]) -> None:
    figures = [
        PairedBatch(batch=n, rows=rows, things=rows, mean=mean, variance=variance)
        for n, (mean, variance, rows) in enumerate(batches)
    ]
    found, apart = together(figures, 400)
    rows: Floats = np.array([one.rows for one in figures], dtype=np.float64)
    assert found.value == pytest.approx(float(rows @ np.array([one.mean for one in figures]) / rows.sum()), abs=1e-9)
    assert found.low < found.value < found.high
    assert apart >= 0


def test_of_one_thing_or_of_answers_that_are_no_numbers_there_is_no_figure() -> None:
    assert paired(1, np.zeros(5), np.ones(5), np.zeros(5, dtype=np.int64)) is None
    assert paired(1, np.array([1.0, np.nan]), np.ones(2)) is None
    assert paired(1, np.empty(0), np.empty(0)) is None
