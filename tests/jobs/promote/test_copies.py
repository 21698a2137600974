"""A house held out many times is one house: no interval is narrower for its copies, and no verdict bolder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract.identity import copies, members, things
from relevo_contract.median_error import median_error
from relevo_contract.record import Criterion
from relevo_contract.tasks import TASKS
from relevo_jobs.decide.case import Case, Champion, Limits
from relevo_jobs.decide.policy import decide
from relevo_jobs.promote import comparison
from relevo_jobs.promote.comparison import HeldOut, compare, paired_difference
from relevo_jobs.train.holdout import residuals_of
from tests.houses import LISTINGS
from tests.jobs.champions import profile
from tests.jobs.market import Table, listings, log_worth

HOUSES = 150
SIZES = {"each once": (1,), "four times": (4,), "eight times": (8,), "mixed": (1, 1, 2, 3, 12)}
BY_SIZE = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
Ints = NDArray[np.int64]


def houses_of(sizes: Sequence[int], houses: int = HOUSES) -> Ints:
    """The house of each row: so many houses with so many rows each, in turn."""
    return np.repeat(np.arange(houses), np.resize(sizes, houses))


@BY_SIZE
def test_a_challenger_that_is_no_better_passes_no_oftener_for_copies(sizes: Sequence[int]) -> None:
    """By the 95 % interval 2.5 % pass; of 400, more than 20 do so once in 600 runs, where copies made it a hundred."""
    house, passed, worse = houses_of(sizes), 0, 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        champion, challenger = np.abs(random.normal(0, 0.3, (2, HOUSES)))
        found = paired_difference(champion[house], challenger[house], 0.95, seed, house)
        passed, worse = passed + (found.high < 0), worse + (found.low > 0)
    assert passed <= 20
    assert worse <= 20
    assert passed + worse >= 6  # binomial(400, 0.05) is below once in 5,000 runs: nor is it too shy


@pytest.mark.parametrize("things", [6, 8, 15])
def test_one_that_is_no_better_passes_no_oftener_where_few_things_are_held_out(things: int) -> None:
    """By the 90 % interval 5 % pass; the bootstrap as it is drawn lets 11 % of 6 things through."""
    passed = 0
    for seed in range(400):
        champion, challenger = np.abs(np.random.default_rng(seed).normal(0, 0.3, (2, things)))
        house = houses_of((10,), things)
        passed += paired_difference(champion[house], challenger[house], 0.9, seed, house).high < 0
    assert passed <= 36  # binomial(400, 0.05) is above once in 1,000 runs


def test_it_is_the_bootstrap_of_the_houses_means_whatever_the_number_of_their_copies() -> None:
    random = np.random.default_rng(0)
    champion, challenger = np.abs(random.normal(0, 0.3, (2, HOUSES)))
    once = paired_difference(champion, challenger, 0.95, 0)
    for copied in (1, 4, 8):
        house = houses_of((copied,))
        found = paired_difference(champion[house], challenger[house], 0.95, 0, house)
        assert (found.value, found.low, found.high) == pytest.approx((once.value, once.low, once.high), abs=1e-12)


def held_out(sizes: Sequence[int], houses: int, seed: int, better: float = 0.0) -> HeldOut:
    random, house = np.random.default_rng(seed), houses_of(sizes, houses)
    price, champion, challenger = random.normal(12, 1, houses), *random.normal(0, 0.3, (2, houses))
    rows = len(house)
    return HeldOut(
        price[house], ["Ohio"] * rows, np.ones(rows, bool), (price + champion)[house],
        (price + (1 - better) * challenger)[house], TASKS["positive-number"], "price", identity=house,
    )  # fmt: skip


@BY_SIZE
def test_the_whole_comparison_is_no_bolder_for_copies_and_finds_what_is_better(sizes: Sequence[int]) -> None:
    def promoted(better: float) -> int:
        return sum(
            compare(
                held_out(sizes, HOUSES, seed, better),
                champion_version=1,
                challenger_version=2,
                limits=comparison.Limits(),
                seed=seed,
            ).promoted
            for seed in range(100)
        )

    assert promoted(0.0) <= 9  # binomial(100, 0.025) exceeds 9 once in 6,000 runs
    assert promoted(0.6) >= 95


def test_many_rows_of_few_houses_are_too_few_and_a_state_is_as_unsure_as_its_houses() -> None:
    few = compare(
        held_out((40,), 5, 0, 0.9), champion_version=1, challenger_version=2, limits=comparison.Limits(), seed=0
    )
    assert few.criterion is Criterion.TOO_FEW_ROWS
    assert "200 rows held out, of 5 different, are too few" in few.sentence
    once, often = (
        compare(
            held_out(sizes, 49, 0, 0.9), champion_version=1, challenger_version=2, limits=comparison.Limits(), seed=0
        ).states[0]
        for sizes in ((1,), (40,))
    )
    assert (once.rows, once.things, often.rows, often.things) == (49, 49, 1960, 49)
    assert often.shrunk is not None
    assert once.shrunk is not None
    assert often.shrunk.low == pytest.approx(once.shrunk.low)


@BY_SIZE
def test_the_median_errors_interval_holds_the_true_one_whatever_is_copied(sizes: Sequence[int]) -> None:
    house, missed, width = houses_of(sizes), 0, 0.0
    for seed in range(400):
        found = median_error(np.abs(np.random.default_rng(seed).normal(size=HOUSES))[house], house)
        missed += not found.low <= 0.67449 <= found.high
        width += (found.high - found.low) / 400
    assert missed <= 38  # binomial(400, 0.05) exceeds 38 once in 4,000 runs
    assert (
        width < 0.5
    )  # and it is no wider than it must be: 0.31 for 150 rows, and fewer houses weigh where sizes differ


def test_rows_of_one_house_that_differ_are_as_good_as_rows_of_many() -> None:
    """The design effect is measured, not assumed."""
    errors = np.abs(np.random.default_rng(0).normal(size=1200))
    alone, together = median_error(errors), median_error(errors, houses_of((8,)))
    assert together.high - together.low < 1.3 * (alone.high - alone.low)
    one = median_error(errors, np.zeros(1200, dtype=np.int64))
    assert (one.low, one.high) == (errors.min(), errors.max())
    assert median_error(errors, np.arange(1200)) == alone


@pytest.fixture(scope="module")
def usual() -> Table:
    return listings(20_000, 77)


@BY_SIZE
def test_decide_does_not_alarm_for_copies(sizes: Sequence[int], usual: Table) -> None:
    """The same market, listed more than once. Its promise comes of few houses too, and is as unsure as they are."""
    house, alarms, moved = houses_of(sizes), 0, 0
    rounds = 60
    of = profile(listings(3000, 4))
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        some, other = (random.choice(20_000, HOUSES, replace=False)[house] for _ in range(2))
        rows, promise = ({name: column[chosen] for name, column in usual.items()} for chosen in (some, other))
        errors = np.abs(np.expm1(log_worth(promise) - np.log(promise["price"])))
        known = of.model_copy(update={"promised": median_error(errors, house)})
        case = Case(rows, (2,), len(house), LISTINGS, identity=house)
        verdict = decide(Champion(1, known, log_worth(rows)), case, Limits(error_margin=0.0))
        assert verdict.error is not None
        alarms += verdict.error.worse
        moved += bool(verdict.moved)
    assert alarms <= 3  # two intervals of 95 % that do not touch, on one side: some 0.3 %
    assert moved <= 4  # binomial(60, 0.01) exceeds 4 once in 2,600 runs


@BY_SIZE
def test_a_prediction_interval_covers_as_much_as_it_promises_whatever_is_copied(sizes: Sequence[int]) -> None:
    house, covered, new = houses_of(sizes), [], np.random.default_rng(1).normal(size=5000)
    for seed in range(300):
        held = residuals_of(np.random.default_rng(seed).normal(size=HOUSES)[house], np.zeros(len(house)), house)
        covered.append((np.abs(new) <= held.absolute[held.levels.index(0.9)]).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.02)
    assert np.mean(covered) > 0.897  # its own draws: 0.3 points


def test_what_an_identity_counts() -> None:
    house = np.array([7, 7, 9, 7], dtype=np.uint64)
    group, sizes = members(house)
    assert (group.tolist(), sizes.tolist()) == ([0, 0, 1, 0], [3, 1])
    assert (things(house, 4), things(None, 4), things(house[:0], 0)) == (2, 4, 0)
    assert (copies(house), copies(None), copies(house[:0])) == (2.5, 1.0, 1.0)
