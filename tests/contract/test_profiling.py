"""What a version remembers of its training data."""

from __future__ import annotations

import numpy as np
import pytest

from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.profiling import numeric_profile
from tests.houses import LISTINGS
from tests.jobs.champions import profile
from tests.jobs.market import Table, listings


def test_every_row_is_counted_once_in_every_column() -> None:
    of = profile(listings(777, 1))
    assert set(of.columns) == {*LISTINGS.numbers, *LISTINGS.compared}
    for column in of.columns.values():
        counts = column.counts.values() if isinstance(column, CategoricalProfile) else column.counts
        assert sum(counts) + column.missing == of.rows == 777


def test_it_survives_json_to_the_last_digit() -> None:
    of = profile()
    assert Profile.model_validate_json(of.model_dump_json()) == of


def above(value: float) -> float:
    """The edge that leaves the value below it, and nothing that is larger."""
    return float(np.nextafter(value, np.inf))


@pytest.mark.parametrize(
    ("values", "edges", "counts", "missing"),
    [
        ([], (), (0,), 0),
        ([np.nan, np.nan], (), (0,), 2),
        ([3.0, 3.0, np.nan], (3.0, above(3.0)), (0, 2, 0), 1),
        ([1.0, 2.0, 2.0, 3.0], (1.0, above(1.0), 2.0, above(2.0), 3.0, above(3.0)), (0, 1, 0, 2, 0, 1, 0), 0),
    ],
)
def test_odd_columns_have_a_profile_too(
    values: list[float], edges: tuple[float, ...], counts: tuple[int, ...], missing: int
) -> None:
    assert numeric_profile(np.array(values, dtype=np.float64)) == NumericProfile(
        edges=edges, counts=counts, missing=missing
    )


def test_bins_hold_about_a_twentieth_each() -> None:
    rows: Table = listings(4000, 2)
    of = numeric_profile(rows["price"])
    assert max(of.counts) < 0.07 * 4000
