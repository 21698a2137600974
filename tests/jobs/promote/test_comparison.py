"""Champion and challenger on the same held-out rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from relevo_contract.record import Criterion, Promotion
from relevo_contract.tasks import TASKS
from relevo_jobs.promote.comparison import Floats, HeldOut, Limits, compare, paired_difference


def held_out(
    rows: int = 400,
    *,
    champion: float = 0.3,
    challenger: float = 0.3,
    states: tuple[str, ...] = ("Ohio", "Maine"),
    worse_in: str | None = None,
    new: float = 1.0,
    seed: int = 0,
) -> HeldOut:
    """Log prices with normal errors of these sizes around the truth; half of both errors is the house's own."""
    random = np.random.default_rng(seed)
    price = random.normal(12, 1, rows)
    own = random.normal(0, 1, rows)

    def scores(size: float) -> Floats:
        return price + size * (0.8 * own + 0.6 * random.normal(0, 1, rows))

    state = np.array(states)[np.arange(rows) % len(states)]
    mine = scores(challenger)
    if worse_in is not None:
        mine = np.where(state == worse_in, price + 0.8 * own, mine)
    known = np.arange(rows) >= rows * (1 - new)
    return HeldOut(price, state.tolist(), known, scores(champion), mine, TASKS["positive-number"], "price")


def verdict(rows: HeldOut, *, champion_version: int | None = 1, seed: int = 0) -> Promotion:
    return compare(rows, champion_version=champion_version, challenger_version=2, limits=Limits(), seed=seed)


@pytest.mark.parametrize(
    ("rows", "champion_version", "criterion"),
    [
        (held_out(champion=0.5, challenger=0.3), 1, Criterion.BETTER),
        (held_out(champion=0.3, challenger=0.5), 1, Criterion.NOT_BETTER),
        (held_out(champion=0.3, challenger=0.3, seed=1), 1, Criterion.NOT_BETTER),
        (held_out(champion=0.6, challenger=0.3, worse_in="Maine"), 1, Criterion.STATE_WORSE),
        (held_out(champion=0.9, challenger=0.3), None, Criterion.FIRST_BEATS_BASELINE),
        (held_out(champion=0.3, challenger=0.9), None, Criterion.NOT_BETTER_THAN_BASELINE),
        (held_out(5, champion=0.9, challenger=0.1), 1, Criterion.TOO_FEW_ROWS),
        (held_out(0), 1, Criterion.TOO_FEW_ROWS),
        (held_out(0), None, Criterion.TOO_FEW_ROWS),
    ],
    ids=["better", "worse", "the same", "worse in a state", "first", "first no good", "few", "none", "first of none"],
)
def test_the_verdict_and_its_criterion(rows: HeldOut, champion_version: int | None, criterion: Criterion) -> None:
    promotion = verdict(rows, champion_version=champion_version)
    assert promotion.criterion is criterion
    assert promotion.promoted is (criterion in {Criterion.BETTER, Criterion.FIRST_BEATS_BASELINE})
    assert "version 2" in promotion.sentence


def test_the_state_that_became_worse_is_named() -> None:
    promotion = verdict(held_out(champion=0.6, challenger=0.3, worse_in="Maine"))
    assert "much worse in Maine" in promotion.sentence
    assert [s.state for s in promotion.states if s.worse] == ["Maine"]


def test_a_state_of_few_rows_weighs_by_what_it_is_sure_of() -> None:
    states = ("Ohio",) * 19 + ("Maine",)
    little = verdict(held_out(champion=0.6, challenger=0.55, states=states, worse_in="Maine"))
    much = verdict(held_out(4000, champion=0.6, challenger=0.55, states=states, worse_in="Maine"))
    assert [(s.state, s.rows) for s in little.states] == [("Maine", 20), ("Ohio", 380)]
    assert not little.states[0].worse
    assert much.criterion is Criterion.STATE_WORSE


def test_a_state_of_twenty_rows_that_became_far_worse_keeps_the_champion() -> None:
    states = ("Ohio",) * 19 + ("Maine",)
    rows = held_out(champion=0.3, challenger=0.2, states=states)
    state = np.array(rows.state)
    wrong = np.where(state == "Maine", rows.actual + 0.5, rows.challenger)
    judged = verdict(replace(rows, challenger=wrong))
    assert (judged.criterion, judged.states[0].state, judged.states[0].rows) == (Criterion.STATE_WORSE, "Maine", 20)


def test_of_many_states_a_record_keeps_those_that_became_worse_and_those_with_most_rows() -> None:
    names = tuple(f"s{place}" for place in range(150)) + ("Ohio",) * 50 + ("Maine",)
    rows = held_out(20_100, champion=0.3, challenger=0.25, states=names)
    wrong = np.where(np.array(rows.state) == "s149", rows.actual + 0.6, rows.challenger)
    judged = verdict(replace(rows, challenger=wrong))
    assert judged.criterion is Criterion.STATE_WORSE
    assert (len(judged.states), judged.states_more) == (100, 52)
    assert judged.states[0].state == "s149"
    assert {"Ohio", "Maine"} <= {s.state for s in judged.states}


def test_judged_on_rows_new_to_the_champion_if_there_are_enough() -> None:
    assert verdict(held_out(400, champion=0.5, new=0.25)).rows == 100
    assert verdict(held_out(400, champion=0.5, new=0.05)).rows == 400


def test_equal_models_are_promoted_no_more_often_than_stated() -> None:
    promoted = sum(verdict(held_out(200, seed=seed), seed=seed).promoted for seed in range(200))
    assert promoted <= 22  # one side of 90 %: binomial(200, 0.05) exceeds 22 once in 10,000 runs


def test_pairing_finds_what_two_intervals_would_hide() -> None:
    """The houses' own errors are the same for both models."""
    promotion = verdict(held_out(600, champion=0.34, challenger=0.3))
    assert promotion.promoted
    assert promotion.challenger.high > promotion.champion.low


def test_the_same_seed_gives_the_same_verdict() -> None:
    rows = held_out(champion=0.33)
    assert verdict(rows, seed=3) == verdict(rows, seed=3)


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        champion = random.exponential(0.3, 150)
        found = paired_difference(champion, champion + random.normal(-0.02, 0.1, 150), 0.95, seed)
        covered += found.low <= -0.02 <= found.high
    assert 178 <= covered <= 199


def test_many_rows_take_no_longer_than_a_moment() -> None:
    """Fewer draws for more rows: the work is bounded."""
    losses = np.linspace(0, 1, 200_000)
    found = paired_difference(losses, losses - 0.1, 0.95, 0)
    assert found.value == pytest.approx(-0.1)
