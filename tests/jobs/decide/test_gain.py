"""What a correction takes off the loss of rows that wait: much where there is something to learn, nothing where not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.estimates import Estimate
from relevo_contract.profile import LearningCurve
from relevo_contract.values import Either
from relevo_jobs.decide.gain import FEWEST, MOST, OLDER, believed, by_curve, measured
from relevo_jobs.train.learning import curve
from relevo_jobs.use_case import ModelOptions
from tests.houses import LISTINGS, OPTIONS
from tests.jobs.market import STATES, Table, changed, listings, log_worth

PAYS = 0.03


def tried(rows: Table) -> Estimate:
    found = measured(rows, log_worth(rows), LISTINGS, OPTIONS)
    assert found is not None
    return found.gain


@pytest.mark.parametrize("seed", range(6))
def test_a_champion_that_knows_the_market_leaves_nothing_to_learn(seed: int) -> None:
    gain = tried(listings(900, 400 + seed))
    assert gain.value < PAYS
    assert gain.low <= gain.value <= gain.high


@pytest.mark.parametrize(
    "rows",
    [
        listings(900, 63, level=1.5),
        listings(900, 63, level=0.65),
        changed(
            listings(900, 64),
            price=listings(900, 64)["price"] * np.where(listings(900, 64)["state"] == "Vermont", 2, 1),
        ),
    ],
    ids=["all dearer", "all cheaper", "one state dearer"],
)
def test_what_the_champion_does_not_know_and_rows_tell_is_a_gain(rows: Table) -> None:
    gain = tried(rows)
    assert gain.low > PAYS


def test_a_change_that_is_over_is_no_gain() -> None:
    """The older rows teach what the newer take back."""
    rows = listings(1000, 66)
    older = np.arange(1000) < 500
    gain = tried(changed(rows, price=rows["price"] * np.where(older, 1.5, 1.0)))
    assert gain.high < 0


@given(st.integers(0, FEWEST - 1))
def test_of_few_rows_nothing_is_said(count: int) -> None:
    rows = listings(count, 67)
    assert measured(rows, log_worth(rows), LISTINGS, OPTIONS) is None


def test_of_many_rows_the_newest_are_looked_at() -> None:
    rows = listings(MOST + 2000, 68)
    found = measured(rows, log_worth(rows), LISTINGS, OPTIONS)
    assert found is not None
    assert (found.learnt_from, found.tried_on) == (int(OLDER * MOST), MOST - int(OLDER * MOST))


def test_the_same_rows_give_the_same_figure() -> None:
    rows = listings(700, 69, level=1.1)
    assert tried(rows) == tried(rows)


def test_rows_of_one_thing_count_once() -> None:
    rows = {name: np.repeat(column, 4) for name, column in listings(300, 70, level=1.2).items()}
    alone = measured(rows, log_worth(rows), LISTINGS, OPTIONS)
    of_things = measured(rows, log_worth(rows), LISTINGS, OPTIONS, np.repeat(np.arange(300), 4))
    assert alone is not None
    assert of_things is not None
    assert of_things.gain.high - of_things.gain.low > 1.5 * (alone.gain.high - alone.gain.low)


PLAIN = DataSet(name="plain", columns=("x", "y"), target="y", numeric=("x",), task="number")
LOANS = DataSet(
    name="loans", columns=("x", "bad"), target="bad", numeric=("x",), rules={"bad": Either("yes", "no")}, task="binary"
)


def numbers(seed: int, law: Callable[[np.ndarray], np.ndarray]) -> tuple[Columns, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.normal(size=800)
    return {"x": x, "y": law(x) + random.normal(size=800)}, x


def test_a_number_of_any_sign_that_follows_another_law() -> None:
    rows, x = numbers(1, lambda x: -3 * x)
    wrong = measured(rows, 3 * x, PLAIN, ModelOptions())
    right = measured(rows, -3 * x, PLAIN, ModelOptions())
    assert wrong is not None
    assert wrong.gain.low > 0.4
    assert right is not None
    assert right.gain.value < PAYS


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_a_probability_that_does_not_come_true(rate: float) -> None:
    random = np.random.default_rng(2)
    rows = {"x": random.normal(size=2000), "bad": (random.random(2000) < rate).astype(float)}
    true = measured(rows, np.full(2000, rate), LOANS, ModelOptions())
    assert true is not None
    assert true.gain.value < PAYS
    rarer = measured(rows, np.full(2000, rate / 5), LOANS, ModelOptions())
    assert rarer is not None
    assert rarer.gain.low > 0.05


def test_a_target_that_never_changes_and_a_champion_that_answers_nothing_finite() -> None:
    rows = {"x": np.arange(300.0), "y": np.zeros(300)}
    exact = measured(rows, np.zeros(300), PLAIN, ModelOptions())
    assert exact is not None
    assert exact.gain.value == 0
    assert measured(rows, np.full(300, np.nan), PLAIN, ModelOptions()) is None


shares = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (max(pair), min(pair))), max_size=30)


@given(shares)
def test_what_is_believed_is_a_share_that_falls_where_nothing_comes(earlier: list[tuple[float, float]]) -> None:
    now = believed(earlier)
    assert 0 < now <= 1
    assert believed([*earlier, (0.2, 0.0)]) < now
    assert believed([*earlier, (0.2, 0.2)]) >= now


@given(st.floats(0.01, 10), st.floats(-0.5, 0.5), st.integers(1, 10_000), st.integers(0, 100_000))
def test_a_curve_gains_where_it_falls_and_more_with_more_rows(
    loss: float, last: float, trained_on: int, waiting: int
) -> None:
    change = last * loss
    found = LearningCurve(
        rows=(1, 2, 4), losses=(loss, loss, loss + change), last=Estimate(value=change, low=change, high=change)
    )
    gain, more = (by_curve(found, trained_on, waiting + extra) for extra in (0, 1000))
    assert gain is not None
    assert more is not None
    assert np.sign(gain.value) in {0, -np.sign(change)}
    assert abs(more.value) >= abs(gain.value)
    assert gain.value < 1


def test_the_curve_of_a_market_falls_and_flattens() -> None:
    few, many = (curve(listings(rows, 71), listings(400, 72), LISTINGS, OPTIONS, seed=0) for rows in (400, 6000))
    assert few is not None
    assert many is not None
    for found in (few, many):
        assert found.rows[0] * 4 == found.rows[1] * 2 == found.rows[2]
        assert found.losses[0] > found.losses[2]
        assert found.last.value == pytest.approx(found.losses[2] - found.losses[1])
    assert few.losses[2] > many.losses[2]
    assert -few.last.value / few.losses[1] > -many.last.value / many.losses[1]


def test_of_few_rows_there_is_no_curve() -> None:
    assert curve(listings(150, 73), listings(400, 74), LISTINGS, OPTIONS, seed=0) is None
    assert curve(listings(400, 73), listings(20, 74), LISTINGS, OPTIONS, seed=0) is None


def test_states_never_seen_are_a_gain_if_rows_tell_their_prices() -> None:
    """The champion's worth of Ohio is of another law than the rows'."""
    rows = listings(900, 75, states={**STATES, "Ohio": 11.5})
    wrong = log_worth(rows) + np.where(rows["state"] == "Ohio", 0.8, 0.0)
    found = measured(rows, wrong, LISTINGS, OPTIONS)
    assert found is not None
    assert found.gain.low > PAYS
