"""What a category is worth: never learnt from the row itself, drawn to the mean of all, bounded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import TargetEncoder

from relevo_jobs.train import features
from relevo_jobs.train.features import FOLDS, TabularFeatures, means, sums_of


def table(rows: int, categories: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = pd.DataFrame(
        {
            "size": draw.lognormal(7, 0.5, rows).astype(np.float32),
            "city": [f"c{c}" for c in draw.integers(0, categories, rows)],
        }
    )
    return x.astype({"city": object}), draw.normal(12, 1, rows)


def test_a_random_target_encodes_to_nothing() -> None:
    x, y = table(2000, 700)
    encoder = TabularFeatures(categories=("city",), seed=1)
    out_of_fold = encoder.fit_transform(x, y)[:, 0]
    naive = encoder.transform(x)[:, 0]
    assert abs(np.corrcoef(out_of_fold, y)[0, 1]) < 0.1
    assert np.corrcoef(naive, y)[0, 1] > 0.3


def test_the_means_are_scikit_learn_s_target_encoder_s() -> None:
    x, y = table(800, 20, seed=3)
    encoder = TabularFeatures(categories=("city",), seed=1)
    ours = encoder.fit_transform(x, y)[:, 0]
    fold = np.random.default_rng(1).permutation(np.arange(len(y)) % FOLDS)
    theirs = TargetEncoder(target_type="continuous", cv=PredefinedSplit(fold)).fit(x[["city"]], y)
    np.testing.assert_allclose(encoder.transform(x)[:, 0], theirs.transform(x[["city"]])[:, 0], rtol=1e-6)
    np.testing.assert_allclose(ours, theirs.fit_transform(x[["city"]], y)[:, 0], rtol=1e-6)


def test_some_places_are_seen_as_places_never_seen() -> None:
    x, y = table(5000, 100)
    encoder = TabularFeatures(categories=("city",), place="city", seed=1)
    mean, share = encoder.fit_transform(x, y).T
    whole = pd.Series(share == 0).groupby(x["city"]).mean()
    assert set(whole) == {0.0, 1.0}  # all rows of a place, or none
    assert 0.2 < whole.mean() < 0.6
    unknown = encoder.transform(x.assign(city="nowhere"))[0]
    assert unknown[1] == 0
    np.testing.assert_allclose(mean[share == 0], unknown[0], atol=0.1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.floats(-1e3, 1e3)), min_size=2, max_size=60))
def test_sums_of_parts_add_up_and_no_mean_leaves_the_range(rows: list[tuple[int, int, float]]) -> None:
    fold, code, value = (np.array(part) for part in zip(*rows, strict=True))
    value = value.astype(float)
    whole = sums_of(fold, code, 7, value)
    half = len(rows) // 2
    parts = [sums_of(fold[cut], code[cut], 7, value[cut]) for cut in (slice(half), slice(half, None))]
    np.testing.assert_allclose((parts[0] + parts[1])[:2], whole[:2], atol=1e-9)
    found = means(whole.sum(axis=1, keepdims=True))
    assert (found >= value.min() - 1e-6).all()
    assert (found <= value.max() + 1e-6).all()


def test_what_comes_once_is_an_unknown_category_and_vocabularies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = table(300, 20)
    x.loc[0, "city"] = "once"
    monkeypatch.setattr(features, "MOST_CATEGORIES", 10)
    encoder = TabularFeatures(categories=("city",)).fit(x, y)
    (found,) = encoder.known_
    assert len(found) == 10
    assert "once" not in found
    strange = pd.DataFrame({"size": [1.0, 1.0], "city": ["once", "never"]})
    first, second = encoder.transform(strange)
    np.testing.assert_array_equal(first, second)


def test_a_number_beside_the_target_leaves_out_rows_without_it() -> None:
    x, y = table(400, 5)
    x.loc[::2, "size"] = np.nan
    worth = TabularFeatures(categories=("city",), per="size").fit(x, y).transform(x)
    sized = x["size"].notna()
    expected = (y - np.log(x["size"]))[sized].groupby(x["city"][sized]).mean()
    np.testing.assert_allclose(worth[:, 1], x["city"].map(expected), atol=0.1)


def test_codes_are_read_as_numbers_and_nothing_else_is() -> None:
    x = pd.DataFrame({"zip": pd.Series(["00601", "", "1e5", "١٢٣", "-1", "1234567890", "7"], dtype=object)})
    (found,) = TabularFeatures(codes=("zip",)).fit(x, np.zeros(7)).transform(x).T
    np.testing.assert_array_equal(found, np.array([601, *[np.nan] * 5, 7], dtype=np.float32))
