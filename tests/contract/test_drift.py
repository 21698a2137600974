"""Distances between a profile and a batch, and the noise they are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from relevo_contract.drift import Method, distance, evidence, noise_limit
from tests.jobs.champions import profile
from tests.jobs.market import changed, listings


@pytest.mark.parametrize(
    ("before", "now"),
    [([10, 20, 30], [30, 20, 10]), ([5, 0, 5], [0, 7, 0]), ([1, 2, 3], [2, 4, 6]), ([100, 1], [1, 100]), ([3], [9])],
)
def test_the_distances_are_scipys(before: list[int], now: list[int]) -> None:
    expected = float(np.nan_to_num(jensenshannon(before, now, 2.0)))
    assert distance("jensen_shannon", np.array(before), np.array(now)) == pytest.approx(expected, abs=1e-9)
    places = np.linspace(0, 1, len(before)) if len(before) > 1 else [0.0]
    expected = wasserstein_distance(places, places, before, now)
    assert distance("wasserstein", np.array(before), np.array(now)) == pytest.approx(expected, abs=1e-9)


def test_the_distance_of_nothing_is_zero() -> None:
    assert distance("jensen_shannon", np.array([0, 0]), np.array([1, 2])) == 0


@pytest.mark.parametrize("method", ["jensen_shannon", "wasserstein"])
@pytest.mark.parametrize(("rows", "bins"), [(50, 5), (500, 2), (500, 22), (500, 200), (5000, 22)])
def test_the_limit_is_exceeded_at_its_rate(method: Method, rows: int, bins: int) -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(bins, 0.5))
    exceeded = 0
    for seed in range(150):
        before, now = random.multinomial(4000, shares), random.multinomial(rows, shares)
        exceeded += distance(method, before, now) > noise_limit(method, before, now, 0.05, seed)
    assert 0 < exceeded <= 18  # binomial(150, 0.05) exceeds 18 once in 4,000 runs


def test_the_limit_shrinks_with_the_batch() -> None:
    before = np.full(20, 500)
    limits = [noise_limit("jensen_shannon", before, np.full(20, n), 0.01) for n in (2, 20, 200)]
    assert limits == sorted(limits, reverse=True)


def test_rare_and_unseen_categories_are_expected_in_a_long_tail() -> None:
    """A fifth of all brokers sell one house: new names come with every batch though nothing moved."""
    random = np.random.default_rng(1)

    def tail(rows: int) -> NDArray[Any]:
        return np.array([str(broker) for broker in random.zipf(1.6, rows).tolist()], dtype=object)

    known = profile(changed(listings(3000, 0), brokered_by=tail(3000)))
    for seed in range(20):
        rows = changed(listings(600, 100 + seed), brokered_by=tail(600))
        found = next(e for e in evidence(known, rows, 0.01) if e.column == "brokered_by")
        assert not found.moved
        assert found.unseen is not None
        assert 0 < found.unseen < 0.2


def test_spelling_and_lost_zeros_make_no_new_category() -> None:
    rows = listings(600, 3)
    state = np.array([str(s).upper() for s in rows["state"]], dtype=object)
    zips = np.array([str(z).lstrip("0") for z in rows["zip_code"]], dtype=object)
    found = {e.column: e for e in evidence(profile(), changed(rows, state=state, zip_code=zips), 0.01)}
    assert found["state"].unseen == found["zip_code"].unseen == 0
    assert not found["state"].moved


def test_missing_values_count_as_a_category_of_their_own() -> None:
    rows = listings(600, 4)
    half = rows["house_size"].copy()
    half[:300] = np.nan
    found = {e.column: e for e in evidence(profile(), changed(rows, house_size=half), 0.01)}
    assert found["house_size"].moved
    assert found["house_size"].missing_now == pytest.approx(0.6, abs=0.05)
    assert found["house_size"].missing_before == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("column", "values", "method"),
    [
        ("price", listings(600, 6, level=1.2)["price"], "wasserstein"),
        ("house_size", np.where(np.arange(600) % 3, listings(600, 6)["house_size"], np.nan), "jensen_shannon"),
    ],
    ids=["a shift", "a third missing"],
)
def test_each_distance_finds_its_kind_of_change(column: str, values: NDArray[Any], method: str) -> None:
    found = {e.column: e for e in evidence(profile(), changed(listings(600, 6), **{column: values}), 0.01)}
    assert found[column].moved
    assert found[column].method == method


def test_the_furthest_beyond_noise_comes_first() -> None:
    found = evidence(profile(), listings(600, 5, states={"Ohio": 11.5}), 0.01)
    beyond = [e.distance / e.limit for e in found if e.limit]
    assert beyond == sorted(beyond, reverse=True)
    assert found[0].moved


def test_the_counts_behind_each_distance_are_kept_row_by_row() -> None:
    rows = listings(300, seed=5)
    for found in evidence(profile(listings(500, seed=4)), rows, 0.01):
        kept = found.distribution
        assert kept is not None
        assert len(kept.before) == len(kept.now) == (len(kept.categories) or len(kept.edges)) + 1
        assert sum(kept.before) == round(500 * (1 - found.missing_before))
        assert sum(kept.now) == round(300 * (1 - found.missing_now))


def test_a_new_category_of_weight_is_among_those_pictured() -> None:
    moved = changed(listings(300, 5), state=np.array(["Ohio"] * 300, dtype=object))
    (state,) = (e for e in evidence(profile(listings(500, seed=4)), moved, 0.01) if e.column == "state")
    assert state.distribution is not None
    place = state.distribution.categories.index("ohio")
    assert (state.distribution.before[place], state.distribution.now[place]) == (0, 300)
