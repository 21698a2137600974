"""What moved is found whichever way it moved, and whatever kind of column it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_contract.drift import evidence, joined
from relevo_contract.profile import NumericProfile, Profile
from relevo_contract.profiling import column_profiles, counted_profile, numeric_profile
from relevo_contract.record import ColumnEvidence, Estimate

ONE = DataSet("things", ("y", "x"), "y", numeric=("x",))
DATED = DataSet("things", ("y", "x"), "y", dates=("x",))
NAMED = DataSet("things", ("y", "x"), "y", categorical=("x",), compared=("x",))
PROMISED = Estimate(value=0.2, low=0.19, high=0.21)
Floats = NDArray[np.float64]


def table(x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {"y": np.ones(len(x)), "x": x}


def moved(before: NDArray[Any], now: NDArray[Any], data: DataSet = ONE) -> ColumnEvidence:
    """The evidence of x."""
    columns = column_profiles(data, table(before))
    known = Profile(rows=len(before), batches=(1,), columns=columns, promised=PROMISED)
    return next(e for e in evidence(known, table(now), 0.01) if e.column == "x")


def spread(rows: int, *values: float) -> Floats:
    """Each value as often as the others."""
    return np.resize(np.array(values), rows)


RANDOM = np.random.default_rng(0)
NORMAL, OTHER = RANDOM.normal(size=1000), RANDOM.normal(size=400)
CAUCHY = RANDOM.standard_cauchy(1000)
COUNTS = RANDOM.poisson(3, 1000).astype(float)
NOTHING = np.full(1000, np.nan)


@pytest.mark.parametrize("mirror", [1.0, -1.0], ids=["up", "down"])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        (spread(1000, 3), spread(400, 5)),
        (spread(1000, 3), spread(400, 3, 3, 3, 3, 3, 3, 3, 3, 3, 5)),
        (spread(1000, 3), np.nextafter(spread(400, 3), np.inf)),
        (spread(1000, 1, 2), spread(400, 1, 8)),
        (spread(1000, 1, 2), spread(400, 2)),
        (spread(1000, 1, 8), spread(400, 1, 5)),
        (spread(1000, 0, 1, 2, 3, 4), spread(400, 0, 1, 2, 3, 9)),
        (COUNTS, COUNTS[:400] + 12),
        (np.minimum(NORMAL, 1.0), np.where(OTHER > 1, 4.0, OTHER)),
        (np.minimum(NORMAL, 1.0), np.where(OTHER > 1, 1.5, OTHER)),
        (NORMAL, np.where(np.arange(400) < 20, 50.0, OTHER)),
        (NORMAL, OTHER + 0.5),
        (CAUCHY, np.where(np.arange(400) < 20, 1e9, CAUCHY[:400])),
        (spread(1000, 3), NOTHING[:400]),
        (NOTHING, spread(400, 3)),
        (NOTHING, OTHER),
    ],
    ids=lambda one: "",
)
def test_a_shift_is_found_upwards_and_downwards(before: Floats, now: Floats, mirror: float) -> None:
    found = moved(mirror * before, mirror * now)
    assert found.moved
    assert found.distance > 0.02


@pytest.mark.parametrize("mirror", [1.0, -1.0], ids=["up", "down"])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        (spread(1000, 3), spread(400, 3)),
        (spread(1000, 1, 2), spread(400, 1, 2)),
        (COUNTS, RANDOM.poisson(3, 400).astype(float)),
        (NORMAL, OTHER),
        (CAUCHY, RANDOM.standard_cauchy(400)),
        (NOTHING, NOTHING[:400]),
    ],
    ids=["constant", "two values", "counts", "normal", "heavy tails", "all null"],
)
def test_what_did_not_move_is_still(before: Floats, now: Floats, mirror: float) -> None:
    assert not moved(mirror * before, mirror * now).moved


VALUES = st.one_of(
    st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=60),
    st.lists(st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: x + 0.0), min_size=1, max_size=60),
    st.lists(st.sampled_from([float("nan"), 0.0, 0.1, 0.2, 7.0]), min_size=1, max_size=60),
)


@settings(deadline=None, max_examples=200)
@given(before=VALUES, now=VALUES, copies=st.integers(1, 30))
def test_mirrored_data_give_the_mirrored_evidence(before: list[float], now: list[float], copies: int) -> None:
    up = moved(np.tile(before, copies), np.tile(now, copies))
    down = moved(-np.tile(before, copies), -np.tile(now, copies))
    assert (up.moved, up.method) == (down.moved, down.method)
    assert (up.distance, up.limit) == pytest.approx((down.distance, down.limit), rel=1e-9)
    assert up.distribution is not None
    assert down.distribution is not None
    assert up.distribution.before == down.distribution.before[::-1]
    assert up.distribution.now == down.distribution.now[::-1]


@settings(deadline=None, max_examples=200)
@given(values=VALUES, more=st.floats(1e-3, 1e9))
def test_nothing_seen_lies_in_the_outer_bins_and_nothing_else_does(values: list[float], more: float) -> None:
    of = numeric_profile(np.array(values))
    there = np.array(values)[~np.isnan(values)]
    assert len(of.counts) == len(of.edges) + 1
    assert list(of.edges) == sorted(set(of.edges))
    assert sum(of.counts) + of.missing == len(values)
    if len(there):
        assert of.counts[0] == of.counts[-1] == 0
        assert of.edges[0] <= there.min()
        assert of.edges[-1] > there.max()
        assert there.max() + more >= of.edges[-1]
        assert there.min() - more < of.edges[0]


@given(values=VALUES)
def test_the_profile_of_counted_values_is_that_of_the_rows(values: list[float]) -> None:
    there = np.array([value for value in values if value == value])
    found, counts = np.unique(there, return_counts=True)
    assert counted_profile(found, counts, len(values) - len(there)) == numeric_profile(np.array(values))


@pytest.mark.parametrize("days", [3000, -3000])
def test_days_beyond_all_that_were_seen_are_found(days: int) -> None:
    before = np.datetime64("2010-01-01") + (np.arange(1000) % 365).astype("timedelta64[D]")
    assert moved(before, before[:400] + np.timedelta64(days, "D"), DATED).moved
    assert not moved(before, before[np.arange(400) * 7 % 365], DATED).moved


def text(*values: str | None) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["a"] * 300, ["b"] * 300),
        (["a"] * 300, [None] * 300),
        ([None] * 300, ["a"] * 300),
        (["a"] * 12, ["b"] * 300),
        ([f"{n % 30}" for n in range(300)], [f"new {n % 30}" for n in range(300)]),
        ([f"{n % 30}" for n in range(300)], [f"new {n % 30}" if n % 4 == 0 else f"{n % 30}" for n in range(300)]),
    ],
    ids=["another", "none any more", "some at last", "another than the few", "all rare, all new", "a quarter new"],
)
def test_categories_never_seen_are_found_also_where_all_are_rare(before: list[Any], now: list[Any]) -> None:
    assert moved(text(*before), text(*now), NAMED).moved


@pytest.mark.parametrize("tail", ["uniform", "zipf", "geometric", "each its own"])
@pytest.mark.parametrize(("training", "rows"), [(300, 300), (3000, 500), (500, 3000)])
def test_new_categories_that_chance_brings_move_nothing(tail: str, training: int, rows: int) -> None:
    """One column, one false alarm in a hundred: more than 5 of 60 batches come once in 9,000 runs."""
    random = np.random.default_rng(7)

    def draw(count: int) -> NDArray[Any]:
        match tail:
            case "uniform":
                drawn = random.integers(0, 2 * training, count)
            case "zipf":
                drawn = random.zipf(1.6, count)
            case "geometric":
                drawn = random.geometric(0.05, count)
            case _:
                drawn = random.integers(0, 1 << 60, count)
        return text(*(str(one) for one in drawn))

    assert sum(moved(draw(training), draw(rows), NAMED).moved for _ in range(60)) <= 5


@pytest.mark.parametrize(("training", "rows"), [(150, 150), (3000, 500), (400, 4000)])
def test_what_chance_brings_beyond_the_extremes_moves_nothing(training: int, rows: int) -> None:
    """As above; training data and batch are drawn anew, and two of three columns have values of weight."""
    random = np.random.default_rng(8)

    def draws(count: int) -> list[Floats]:
        return [random.standard_cauchy(count), random.poisson(2, count) * 1.0, np.maximum(random.normal(size=count), 0)]

    found = [moved(a, b).moved for _ in range(40) for a, b in zip(draws(training), draws(rows), strict=True)]
    assert sum(found) <= 7  # binomial(120, 0.01) exceeds 7 once in 10,000 runs


OLD = '{"kind": "numeric", "edges": [1, 2, 3], "counts": [2, 40, 50, 8], "missing": 0}'


def test_the_profile_of_an_earlier_release_is_read_and_judged_by_its_bins() -> None:
    known = Profile(rows=100, batches=(1,), columns={"x": NumericProfile.model_validate_json(OLD)}, promised=PROMISED)
    (still,) = evidence(known, table(np.repeat([0.5, 1.5, 2.5, 3.5], [8, 160, 200, 32])), 0.01)
    (gone,) = evidence(known, table(np.full(400, 0.5)), 0.01)
    assert (still.moved, gone.moved) == (False, True)
    assert gone.distribution is not None
    assert gone.distribution.now == (400, 0, 0, 0)
    assert joined(known, table(np.full(400, 9.0))).columns["x"].counts == (2, 40, 50, 408)
