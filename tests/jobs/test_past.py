"""What earlier batches teach of the next: the error to be expected, and how wide prediction intervals must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.estimates import Estimate
from relevo_jobs.past import Past, covered

SURE = Estimate(value=0.2, low=0.19, high=0.21)
ratios = st.lists(st.floats(-2, 2), max_size=60).map(tuple)


@given(ratios, st.floats(1e-6, 1e6))
def test_the_band_holds_what_is_expected_and_scales_with_the_promise(kept: tuple[float, ...], scale: float) -> None:
    past = Past(kept)
    band = past.expected(SURE, SURE)
    assert 0 < band.low < band.value < band.high < np.inf
    scaled = Estimate(value=0.2 * scale, low=0.19 * scale, high=0.21 * scale)
    assert past.expected(scaled, scaled).high == pytest.approx(band.high * scale)


def test_promises_that_were_never_kept_are_corrected() -> None:
    """Each batch erred by half as much again as was promised."""
    band = Past((np.log(1.5),) * 12).expected(SURE, SURE)
    assert band.value == pytest.approx(0.3, rel=0.06)
    assert band.low > SURE.high
    assert Past().expected(SURE, SURE).value == pytest.approx(0.2)


def test_what_was_noise_widens_it_and_time_forgets() -> None:
    calm, wild = (Past(tuple(size * (-1) ** n for n in range(10))).expected(SURE, SURE) for size in (0.02, 0.5))
    assert wild.high - wild.low > 5 * (calm.high - calm.low)
    over = Past((0.8, -0.8, 0.8, -0.8) + (0.01, -0.01) * 20).expected(SURE, SURE)
    assert over.high < wild.high


@pytest.mark.parametrize("apart", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("worse", [0.0, 0.2])
def test_nine_batches_in_ten_fall_into_it(apart: float, worse: float) -> None:
    """Of the first ten batches of 300 histories each, the first with nothing known."""
    random = np.random.default_rng(3)
    inside = total = 0
    for _ in range(300):
        history = worse + apart * random.normal(size=10)
        for number in range(10):
            band = Past(tuple(history[:number])).expected(SURE, SURE)
            inside += band.low <= 0.2 * np.exp(history[number]) <= band.high
            total += 1
    assert inside / total >= 0.8
    assert inside / total <= (0.97 if apart >= 0.1 else 1.0)  # the noise of both figures is more than 0.05


@pytest.mark.parametrize("promised", [0.0, -1.0])
def test_what_is_not_above_zero_is_expected_as_promised(promised: float) -> None:
    one = Estimate(value=promised, low=promised, high=promised)
    assert Past((0.5,)).expected(one, SURE) == one


@given(st.integers(1, 300), st.floats(0.01, 10))
def test_nine_rows_in_ten_lie_within_the_stretched_interval(rows: int, quantile: float) -> None:
    random = np.random.default_rng(rows)
    actual, predicted = random.normal(size=rows), np.zeros(rows)
    found = covered(actual, predicted, quantile)
    assert found is not None
    share, stretch = found
    assert share == pytest.approx((np.abs(actual) <= quantile).mean())
    assert (np.abs(actual) <= quantile * stretch * (1 + 1e-9)).mean() >= 0.9 - 1 / rows


def test_an_interval_is_as_wide_as_the_wider_of_the_last_two_batches_called_for() -> None:
    assert Past().stretch == 1.0
    assert Past(stretches=(3.0, 1.2, 0.9)).stretch == 1.2
    assert covered(np.empty(0), np.empty(0), 1.0) is None
    assert covered(np.ones(3), np.ones(3), 0.0) is None
