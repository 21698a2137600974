"""The default model: the same from the same rows and seed, better than a guess, one booster though an average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from relevo_contract.graph_inputs import graph_inputs
from relevo_jobs.train.converting import to_graph
from relevo_jobs.train.fitting import average, fit
from relevo_jobs.use_case import Context
from tests.houses import HOUSES, LISTINGS, OPTIONS
from tests.versions import draw_listings

Table = dict[str, NDArray[Any]]


def model(listings: Table, *, seed: int, threads: int) -> Pipeline:
    return fit(frame(listings), np.log(listings["price"]), Context(LISTINGS, seed, threads), OPTIONS)


def frame(listings: Table) -> pd.DataFrame:
    return pd.DataFrame(graph_inputs(LISTINGS, listings))


@pytest.fixture(scope="module")
def listings() -> Table:
    return draw_listings(500, 1)


@pytest.fixture(scope="module")
def fitted(listings: Table) -> Pipeline:
    return model(listings, seed=5, threads=2)


def test_the_same_rows_and_seed_give_the_same_model_whatever_the_threads(listings: Table, fitted: Pipeline) -> None:
    again = model(listings, seed=5, threads=1)
    assert to_graph(again, LISTINGS) == to_graph(fitted, LISTINGS)
    assert again.parameters_ == fitted.parameters_


def test_another_seed_gives_another_model(listings: Table, fitted: Pipeline) -> None:
    other = model(listings, seed=6, threads=2)
    assert (other.predict(frame(listings)) != fitted.predict(frame(listings))).any()


def test_it_prices_houses_it_never_saw_better_than_the_median(listings: Table, fitted: Pipeline) -> None:
    new = draw_listings(300, 99)
    actual = np.log(new["price"])
    error = np.median(np.abs(fitted.predict(frame(new)) - actual))
    guess = np.median(np.abs(np.median(np.log(listings["price"])) - actual))
    assert error < guess / 2


def test_fitting_leaves_the_rows_as_they_were(listings: Table) -> None:
    before = {name: column.copy() for name, column in listings.items()}
    model(listings, seed=0, threads=1)
    for name, column in listings.items():
        np.testing.assert_array_equal(column, before[name])


def test_as_few_rows_train_as_a_training_needs() -> None:
    few = draw_listings(HOUSES.needs.training, 2)
    assert np.isfinite(model(few, seed=0, threads=1).predict(frame(few))).all()


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
