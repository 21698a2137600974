"""Segments of any size are judged: few false alarms, and more is found than by leaving out those of fewer than 50."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from relevo_jobs.promote.comparison import Limits
from relevo_jobs.promote.segments import Floats, pool, student

CONFIDENCE, TOLERATED = Limits().confidence, Limits().state_tolerance
Ints = NDArray[np.int64]


def sizes(segments: int, rows: int) -> Ints:
    """As the places of many data sets: the second has half the rows of the first, and so on; one has just 20."""
    share = 1 / np.arange(1, segments + 1)
    found: Ints = np.maximum(1, (rows * share / share.sum()).astype(np.int64))
    found[np.abs(found - 20).argmin()] = 20
    return found


def drawn(random: np.random.Generator, segment: Ints, champion: Floats, challenger: Floats) -> Floats:
    """Differences of absolute errors of these sizes, (n,), of which part is the row's own."""
    own, before, now = random.normal(0, 1, (3, len(segment)))
    return np.asarray(np.abs(challenger * (0.8 * own + 0.6 * now)) - np.abs(champion * (0.8 * own + 0.6 * before)))


def found(segments: int, rows: int, worse: float, *, noisy: float = 1.0, rounds: int = 300) -> tuple[float, float]:
    """How often the segment of 20 rows is called worse, and any other; it errs so many times what the champion does."""
    random, of = np.random.default_rng(segments + rows), sizes(segments, rows)
    segment, few = np.repeat(np.arange(segments), of), int(np.abs(of - 20).argmin())
    champion = 0.3 * np.where(of[segment] <= 30, noisy, 1.0)
    challenger = champion * np.where(segment == few, worse, 1.0)
    mine = others = 0.0
    for _ in range(rounds):
        called = pool(drawn(random, segment, champion, challenger), segment, None, CONFIDENCE).shrunk[1] > TOLERATED
        mine, others = mine + called[few], others + np.delete(called, few).any()
    return mine / rounds, others / rounds


@pytest.mark.parametrize(("segments", "rows"), [(3, 150), (10, 400), (10, 2000), (50, 2000)])
@pytest.mark.parametrize("noisy", [1.0, 2.5], ids=["alike", "small ones noisier"])
def test_where_nothing_differs_hardly_any_segment_is_called_worse(segments: int, rows: int, noisy: float) -> None:
    mine, others = found(segments, rows, 1.0, noisy=noisy)
    assert mine + others <= 0.06  # asked for: 2.5 %; binomial(300, 0.025) is above 18 once in 2,000 runs


@pytest.mark.parametrize(("segments", "rows", "least"), [(3, 150, 0.5), (10, 400, 0.3), (50, 2000, 0.15)])
def test_a_segment_of_twenty_rows_that_errs_twice_as_much_is_found_often(
    segments: int, rows: int, least: float
) -> None:
    assert found(segments, rows, 2.0)[0] > least
    assert found(segments, rows, 1.0)[0] < 0.02


rows_of_segments = st.lists(
    st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=1, max_size=12), min_size=1, max_size=12
)


def columns(by_segment: list[list[float]]) -> tuple[Floats, Ints]:
    return np.concatenate(by_segment), np.repeat(np.arange(len(by_segment)), [len(mine) for mine in by_segment])


@given(rows_of_segments)
@settings(deadline=None)
def test_each_is_drawn_towards_the_whole_and_no_further_than_its_own_interval_allows(
    by_segment: list[list[float]],
) -> None:
    found = pool(*columns(by_segment), None, CONFIDENCE)
    (own, own_low, own_high), (value, low, high) = found.own, found.shrunk
    assert (low <= value + 1e-9).all()
    assert (value <= high + 1e-9).all()
    assert (own_low <= own).all()
    assert (own <= own_high).all()
    assert np.isfinite([own, own_low, own_high, value, low, high]).all()
    assert own.min() - 1e-9 <= value.min()
    assert value.max() <= own.max() + 1e-9
    assert found.rows.tolist() == [len(mine) for mine in by_segment]


@given(rows_of_segments, st.integers(2, 5))
@settings(deadline=None)
def test_copies_of_rows_tell_nothing(by_segment: list[list[float]], times: int) -> None:
    difference, segment = columns(by_segment)
    thing = np.arange(len(difference))
    once = pool(difference, segment, None, CONFIDENCE)
    copied = pool(np.tile(difference, times), np.tile(segment, times), np.tile(thing, times), CONFIDENCE)
    assert copied.things.tolist() == once.things.tolist()
    np.testing.assert_allclose(copied.shrunk, once.shrunk, atol=1e-7)


@given(rows_of_segments, st.floats(0.1, 10))
@settings(deadline=None)
def test_the_unit_does_not_matter(by_segment: list[list[float]], factor: float) -> None:
    difference, segment = columns(by_segment)
    if np.ptp(difference) < 1e-3:
        return
    one, other = (pool(by * difference, segment, None, CONFIDENCE) for by in (1.0, factor))
    np.testing.assert_allclose(factor * np.array(one.shrunk), other.shrunk, atol=1e-5 * factor, rtol=1e-4)


def test_versions_that_answer_alike_differ_by_nothing() -> None:
    found = pool(np.zeros(40), np.repeat([0, 1, 2], [1, 9, 30]), None, CONFIDENCE)
    np.testing.assert_allclose(found.shrunk, 0, atol=1e-7)
    assert found.between == 0


def test_students_quantiles_are_those_of_the_tables() -> None:
    assert student(0.975, np.array([10.0, 30.0])) == pytest.approx([2.228, 2.042], abs=0.001)
    assert student(0.9995, np.array([10.0])) == pytest.approx([4.587], rel=0.003)
