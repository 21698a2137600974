"""What an error is, task by task: what holds of every prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from relevo_contract.figures import significant
from relevo_contract.probabilities import auc, average_precision, brier, calibration
from relevo_contract.record import Estimate
from relevo_contract.tasks import TASKS, Task

EACH = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
SEEDS = st.integers(0, 2**32 - 1)


def rows_of(task: Task, seed: int, rows: int = 300) -> tuple[Any, Any]:
    """Targets on the task's scale, and honest predictions of them."""
    random = np.random.default_rng(seed)
    if task.name == "binary":
        chance = random.beta(1, 4, rows)
        return (random.random(rows) < chance).astype(float), chance
    middle = random.normal(5, 2, rows)
    return middle + random.normal(0, 0.3, rows), middle


@EACH
@given(seed=SEEDS)
def test_a_headline_lies_in_its_interval_and_the_truth_has_none_better(task: Task, seed: int) -> None:
    actual, predicted = rows_of(task, seed)
    told, best = task.headline(actual, predicted), task.headline(actual, actual)
    assert told.low <= told.value <= told.high
    assert best.value <= told.value
    assert best.value == pytest.approx(0, abs=1e-5)


@EACH
@given(seed=SEEDS)
def test_no_other_constant_is_better_than_the_baseline(task: Task, seed: int) -> None:
    actual, _ = rows_of(task, seed)
    best = task.losses(actual, np.full(len(actual), task.baseline(actual))).mean()
    for other in np.quantile(actual, [0.2, 0.4, 0.6, 0.8]) * 0.99 + 0.005:
        assert best <= task.losses(actual, np.full(len(actual), other)).mean() + 1e-9


@EACH
@given(seed=SEEDS)
def test_copies_of_rows_widen_nothing_but_what_they_are_of(task: Task, seed: int) -> None:
    actual, predicted = rows_of(task, seed, 100)
    once = task.headline(actual, predicted)
    copied = task.headline(np.tile(actual, 4), np.tile(predicted, 4), np.tile(np.arange(100), 4))
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low >= 0.7 * (once.high - once.low)


def test_the_interval_of_the_log_loss_covers_the_true_one() -> None:
    task, covered = TASKS["binary"], 0
    for seed in range(400):
        actual, chance = rows_of(task, seed, 400)
        told = task.headline(actual, chance)
        # Of these very chances, what the log loss is on average.
        true = float(-(chance * np.log(chance.clip(1e-6)) + (1 - chance) * np.log1p(-chance.clip(0, 1 - 1e-9))).mean())
        covered += told.low <= true <= told.high
    assert 368 <= covered <= 396  # binomial(400, 0.95), and a normal interval is a little shy


@given(SEEDS)
def test_figures_of_probabilities_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    actual, chance = rows_of(TASKS["binary"], seed, 80)
    chance = chance.round(int(random.integers(1, 4)))  # with ties
    actual[:2] = [0, 1]
    assert auc(actual, chance) == pytest.approx(roc_auc_score(actual, chance))
    assert average_precision(actual, chance) == pytest.approx(average_precision_score(actual, chance))
    assert brier(actual, chance) == pytest.approx(brier_score_loss(actual, chance))
    losses = TASKS["binary"].losses(actual, chance)
    assert losses.mean() == pytest.approx(log_loss(actual, chance.clip(1e-6, 1 - 1e-6)), abs=1e-5)


def test_figures_of_one_outcome_alone_say_that_they_are_none() -> None:
    assert np.isnan(auc(np.zeros(5), np.linspace(0, 1, 5)))
    assert np.isnan(average_precision(np.zeros(5), np.linspace(0, 1, 5)))
    assert np.isnan(brier(np.empty(0), np.empty(0)))
    assert calibration(np.empty(0), np.empty(0)) == ()


@given(SEEDS)
def test_honest_probabilities_come_true_and_doubled_ones_do_not(seed: int) -> None:
    random = np.random.default_rng(seed)
    chance = random.beta(1, 6, 20_000)
    actual = (random.random(20_000) < chance).astype(float)
    honest = calibration(actual, chance)
    assert sum(one.rows for one in honest) == 20_000
    assert sum(one.low <= one.said <= one.high for one in honest) >= len(honest) - 3
    doubled = calibration(actual, np.minimum(1, 2 * chance))
    assert sum(one.low <= one.said <= one.high for one in doubled) <= 3


def test_few_probabilities_are_bins_of_their_own() -> None:
    said = calibration(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.9, 0.9]))
    assert [(one.rows, one.said, one.came) for one in said] == [(2, 0.5, 0.5), (2, 0.9, 0.5)]


@EACH
@given(st.floats(-700, 700))
def test_what_is_learnt_comes_to_the_scale_whatever_it_is(task: Task, learnt: float) -> None:
    said = task.linked(np.array([learnt]))
    assert np.isfinite(said).all()
    if task.link == "Sigmoid":
        assert said[0] == pytest.approx(1 / (1 + np.exp(-learnt)), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "unit", "told", "difference"),
    [
        ("positive-number", "US dollars", "23.5 % (21.0 to 26.2)", "-1.2 points (-2.0 to -0.4)"),
        ("number", "minutes", "0.235 minutes (0.21 to 0.262)", "-0.012 minutes (-0.02 to -0.004)"),
        ("binary", "", "0.235 (0.21 to 0.262)", "-0.012 (-0.02 to -0.004)"),
    ],
)
def test_a_figure_is_told_in_the_tasks_terms(name: Any, unit: str, told: str, difference: str) -> None:
    task: Task = TASKS[name]
    assert task.told(Estimate(value=0.2353, low=0.21, high=0.262), unit) == told
    assert task.told_difference(Estimate(value=-0.012, low=-0.02, high=-0.004), unit) == difference


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.2345, "0.234"),
        (12.345, "12.3"),
        (1234.5, "1,230"),
        (-0.5, "-0.5"),
        (1e-7, "1e-07"),
        (5e20, "5e+20"),
    ],
)
def test_a_figure_has_the_digits_that_tell_something(value: float, text: str) -> None:
    assert significant(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_figure_is_the_number_it_tells(value: float) -> None:
    told = float(significant(value).replace(",", ""))
    assert told == pytest.approx(value, rel=6e-3, abs=1e-300)
