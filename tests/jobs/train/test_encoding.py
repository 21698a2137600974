"""A row's own price never reaches its features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_jobs.train.encoding import Rows, learn, out_of_fold
from tests.versions import draw_listings


def noise(rows: int, brokers: int) -> dict[str, NDArray[Any]]:
    """Listings whose price has nothing to do with anything, of very many brokers and zip codes."""
    table = draw_listings(rows, 3)
    draw = np.random.default_rng(4)
    table["price"] = np.exp(draw.normal(12, 1, rows))
    table["brokered_by"] = np.array([str(b) for b in draw.integers(0, brokers, rows)], dtype=object)
    table["zip_code"] = np.array([f"{z:05}" for z in draw.integers(0, brokers, rows)], dtype=object)
    return table


def correlation(rows: Rows, features: NDArray[np.float32], name: str) -> float:
    column = features[:, learn(rows).feature_names.index(name)].astype(np.float64)
    return float(np.corrcoef(column, rows.log_price)[0, 1])


@pytest.mark.parametrize("name", ["price_by_brokered_by", "price_by_zip_code", "price_by_broker_zip", "additive_price"])
def test_a_random_target_encodes_to_nothing(name: str) -> None:
    table = noise(2000, 1000)
    rows = Rows.of(table)
    naive = learn(rows).transform(table)
    assert correlation(rows, naive, name) > 0.3  # what would leak: the row's own price
    assert abs(correlation(rows, out_of_fold(rows, 0), name)) < 0.1  # four standard errors of 2,000 rows are 0.09


def test_a_row_s_price_changes_no_feature_of_its_own() -> None:
    table = draw_listings(200, 5)
    before = out_of_fold(Rows.of(table), 0)
    changed = dict(table) | {"price": table["price"].copy()}
    changed["price"][17] *= 1000
    after = out_of_fold(Rows.of(changed), 0)
    np.testing.assert_array_equal(after[17], before[17])
    assert (after != before).any()


def test_whole_zip_codes_are_new_to_their_own_encoder() -> None:
    rows = Rows.of(draw_listings(300, 6))
    features = out_of_fold(rows, 0, "zip_code")
    share = features[:, learn(rows).feature_names.index("share_of_zip_code")]
    assert not share.any()


def test_rows_of_one_zip_code_still_train() -> None:
    table = draw_listings(60, 7)
    table["zip_code"][:] = "00601"
    rows = Rows.of(table)
    np.testing.assert_array_equal(out_of_fold(rows, 0, "zip_code"), out_of_fold(rows, 0))


@pytest.mark.parametrize("column", ["house_size", "bed", "acre_lot"])
def test_a_column_without_any_value_still_encodes(column: str) -> None:
    table = draw_listings(100, 8)
    table[column][:] = np.nan
    features = out_of_fold(Rows.of(table), 0)
    assert not np.isinf(features).any()
    names = learn(Rows.of(table)).feature_names
    assert not np.isnan(features[:, names.index("additive_price")]).any()


def test_an_encoding_is_drawn_towards_its_parent() -> None:
    table = draw_listings(300, 9)
    rows = Rows.of(table)
    encoder = learn(rows)
    state = encoder.encodings[0]
    count, mean, overall = state.counts[0], state.means[0], encoder.overall["log_price"]
    chosen = np.flatnonzero(rows.codes["state"] == 0)[:1]
    expected = (count * mean + state.smoothing * overall) / (count + state.smoothing)
    features = encoder.transform({name: column[chosen] for name, column in table.items()})
    assert features[0, encoder.feature_names.index("price_by_state")] == pytest.approx(expected, rel=1e-6)
