"""Shapley values of the raw columns are those of shap's exact explainer, and cost no more than they may."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract.graph_inputs import Feeds
from relevo_serving.explaining import EVALUATIONS, shapley_values
from relevo_serving.model import Model
from relevo_serving.predicting import explanation
from tests.houses import LISTINGS
from tests.serving.test_model import rows_of

Run = Callable[[Feeds], NDArray[Any]]


def by_shap(run: Run, asked: Feeds, typical: Feeds) -> dict[str, float]:
    """The same by shap: of a function of which columns are the asked row's."""
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # compiling its loops would take longer than they do
    import shap  # noqa: PLC0415  # after the switch above, which it reads at import

    def function(chosen: NDArray[Any]) -> NDArray[np.float64]:
        feeds = {name: np.where(chosen[:, place] == 1, asked[name], typical[name]) for place, name in enumerate(asked)}
        return run(feeds).astype(np.float64)

    explainer = shap.explainers.Exact(function, np.zeros((1, len(asked))))
    return dict(zip(asked, explainer(np.ones((1, len(asked)))).values[0].tolist(), strict=True))


def test_they_are_those_of_shaps_exact_explainer(
    models: tuple[Model, Model], listings: Mapping[str, NDArray[Any]]
) -> None:
    for model in models:
        assert model.typical is not None
        typical = model.feeds([model.typical])
        for row in rows_of(listings)[:12]:
            asked = model.feeds([row])
            base, parts = shapley_values(model.run, asked, typical)
            predicted = float(model.run(asked)[0])
            assert parts == pytest.approx(by_shap(model.run, asked, typical), abs=1e-4 * predicted)
            assert base + sum(parts.values()) == pytest.approx(predicted, rel=1e-12)


def test_a_column_that_is_as_in_the_typical_row_has_no_part(models: tuple[Model, Model]) -> None:
    model = models[0]
    assert model.typical is not None
    told = explanation(model, model.typical)
    assert told["prediction"] == told["base"]["prediction"]
    assert {one["contribution"] for one in told["contributions"]} == {0.0}
    other = dict(model.typical) | {"bed": None, "city": str(model.typical["city"]).upper()}
    (first, *others) = explanation(model, other)["contributions"]
    assert first["column"] == "bed"
    assert {one["contribution"] for one in others} == {0.0}  # the city is spelt otherwise, and is the same


def test_sampled_values_are_within_two_per_cent_of_the_exact_ones(
    models: tuple[Model, Model], listings: Mapping[str, NDArray[Any]]
) -> None:
    """A version of more columns than can be enumerated: the listings' and four that weigh on the price."""
    model = models[0]
    assert model.typical is not None
    more = {"view": 0.1, "noise": -0.15, "garden": 0.05, "garage": 0.02}

    def run(feeds: Feeds) -> NDArray[Any]:
        price = model.run({name: feed for name, feed in feeds.items() if name not in more})
        return np.asarray(price * np.exp(sum(weight * feeds[name] for name, weight in more.items())))

    typical = model.feeds([model.typical]) | {name: np.zeros(1) for name in more}
    errors = []
    for row in rows_of(listings)[:40]:
        asked = model.feeds([row]) | {name: np.ones(1) for name in more}
        players = sum(bool(asked[name][0] != typical[name][0]) for name in asked)
        _, exact = shapley_values(run, asked, typical, most=2**15)
        base, sampled = shapley_values(run, asked, typical, most=min(EVALUATIONS, 2**players - 1))
        predicted = float(run(asked)[0])
        assert base + sum(sampled.values()) == pytest.approx(predicted, rel=1e-12)
        errors.append(max(abs(exact[name] - sampled[name]) for name in exact) / predicted)
    assert 0 < np.quantile(errors, 0.95) <= 0.02


def test_many_columns_are_sampled_within_the_evaluations_and_exactly_where_they_only_add_up() -> None:
    names = [f"x{place}" for place in range(40)]
    weights = np.random.default_rng(1).normal(size=40)
    rows: list[int] = []

    def run(feeds: Feeds) -> NDArray[np.float64]:
        rows.append(len(feeds["x0"]))
        table = np.stack([feeds[name] for name in names], axis=1)
        return np.asarray(table @ weights + 3 * table[:, 0] * table[:, 1])

    asked = {name: np.ones(1) for name in names}
    typical = {name: np.zeros(1) for name in names}
    base, parts = shapley_values(run, asked, typical)
    assert sum(rows) <= EVALUATIONS + 50
    assert base == 0
    for place, name in enumerate(names[2:], 2):
        assert parts[name] == pytest.approx(weights[place])
    assert parts["x0"] == pytest.approx(weights[0] + 1.5)  # antithetic: each comes before the other as often
    assert parts["x1"] == pytest.approx(weights[1] + 1.5)
    assert shapley_values(run, asked, typical) == (base, parts)


def test_an_explanation_takes_at_most_fifty_milliseconds(
    models: tuple[Model, Model], listings: Mapping[str, NDArray[Any]]
) -> None:
    seconds = []
    for row in rows_of(listings)[:30]:
        began = time.thread_time()
        explanation(models[0], row)
        seconds.append(time.thread_time() - began)
    assert statistics.median(seconds) <= 0.05


def test_a_version_explains_its_columns_by_name(models: tuple[Model, Model]) -> None:
    told = explanation(models[0], {"bed": 3.0, "house_size": 1200.0})
    assert {one["column"] for one in told["contributions"]} == set(LISTINGS.inputs) == set(told["base"]["inputs"])
