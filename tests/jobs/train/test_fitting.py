"""The model: the same from the same rows and seed, better than a guess, and one booster although it is an average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from relevo_jobs.houses import HOUSES
from relevo_jobs.train.averaging import average
from relevo_jobs.train.fitting import Fitted, fit
from tests.versions import draw_listings


@pytest.fixture(scope="module")
def listings() -> dict[str, NDArray[Any]]:
    return draw_listings(500, 1)


@pytest.fixture(scope="module")
def fitted(listings: dict[str, NDArray[Any]]) -> Fitted:
    return fit(listings, seed=5, threads=2)


def test_the_same_rows_and_seed_give_the_same_model_whatever_the_threads(
    listings: dict[str, NDArray[Any]], fitted: Fitted
) -> None:
    again = fit(listings, seed=5, threads=1)
    assert again.booster.save_raw("ubj") == fitted.booster.save_raw("ubj")
    assert again.encoder == fitted.encoder
    assert again.parameters == fitted.parameters


def test_another_seed_gives_another_model(listings: dict[str, NDArray[Any]], fitted: Fitted) -> None:
    other = fit(listings, seed=6, threads=2)
    assert (other.predict(listings) != fitted.predict(listings)).any()


def test_it_prices_houses_it_never_saw_better_than_the_median(
    listings: dict[str, NDArray[Any]], fitted: Fitted
) -> None:
    new = draw_listings(300, 99)
    actual = np.log(new["price"])
    error = np.median(np.abs(fitted.predict(new) - actual))
    guess = np.median(np.abs(np.median(np.log(listings["price"])) - actual))
    assert error < guess / 2


def test_fitting_leaves_the_rows_as_they_were(listings: dict[str, NDArray[Any]]) -> None:
    before = {name: column.copy() for name, column in listings.items()}
    fit(listings, seed=0, threads=1)
    for name, column in listings.items():
        np.testing.assert_array_equal(column, before[name])


def test_as_few_rows_train_as_a_training_needs() -> None:
    few = draw_listings(HOUSES.needs.training, 2)
    assert np.isfinite(fit(few, seed=0, threads=1).predict(few)).all()


def boosters(**parameters: object) -> tuple[list[xgboost.Booster], xgboost.DMatrix]:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(300, 4)).astype(np.float32)
    features[draw.random(features.shape) < 0.2] = np.nan
    matrix = xgboost.DMatrix(features, label=np.nan_to_num(features[:, 0]) + draw.normal(size=300))
    given = {"base_score": 0.25, "subsample": 0.7, "nthread": 1} | parameters
    return [xgboost.train(given | {"seed": seed}, matrix, rounds) for seed, rounds in ((1, 5), (2, 9), (3, 7))], matrix


def test_the_average_predicts_the_mean() -> None:
    members, matrix = boosters()
    merged = average(members)
    mean = np.mean([member.predict(matrix) for member in members], axis=0)
    np.testing.assert_allclose(merged.predict(matrix), mean, atol=1e-6)
    assert merged.num_boosted_rounds() == 5 + 9 + 7
    again = xgboost.Booster(model_file=merged.save_raw("ubj"))
    np.testing.assert_array_equal(again.predict(matrix), merged.predict(matrix))


def test_the_average_s_shap_values_add_up() -> None:
    members, matrix = boosters()
    merged = average(members)
    contributions = merged.predict(matrix, pred_contribs=True)
    np.testing.assert_allclose(contributions.sum(axis=1), merged.predict(matrix), atol=1e-5)


def test_boosters_that_do_not_fit_together_are_refused() -> None:
    members, _ = boosters()
    others, _ = boosters(base_score=0.75)
    with pytest.raises(ValueError, match="expected boosters with one learner_model_param"):
        average([members[0], others[0]])
