"""SHAP values from the trees themselves are XGBoost's own, and in dollars they add up to the price."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from relevo_contract import names
from relevo_serving import model
from relevo_serving.errors import BrokenVersion
from relevo_serving.explaining.trees import read
from relevo_serving.explaining.ubjson import loads
from relevo_serving.pricing import dollars, explanation
from tests.serving.test_model import houses_of


def contributions(booster: xgboost.Booster, features: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = booster.predict(
        xgboost.DMatrix(features, feature_names=booster.feature_names), pred_contribs=True
    )
    return found


def test_they_are_xgboosts_on_listings_with_every_kind_of_gap(
    bundles: tuple[Path, Path], listings: Mapping[str, NDArray[Any]]
) -> None:
    for folder in bundles:
        loaded = model.load(folder)
        booster = xgboost.Booster(model_file=folder / names.XGBOOST_FILE)
        features = loaded.encoder.transform(listings)
        expected = contributions(booster, features)
        for row, house in enumerate(houses_of(listings)[:60]):
            (found,) = loaded.explain([house])
            assert found.base == pytest.approx(expected[row, -1], abs=1e-5)
            np.testing.assert_allclose(found.values, expected[row, :-1], atol=1e-5)


@pytest.mark.parametrize("parameters", [{"max_depth": 1}, {"max_depth": 11}, {"max_depth": 6, "min_child_weight": 0}])
def test_they_are_xgboosts_for_trees_of_any_depth(parameters: dict[str, Any]) -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(300, 5)).astype(np.float32)
    features[random.random((300, 5)) < 0.2] = np.nan
    label = np.nan_to_num(features).sum(axis=1) ** 2 + random.normal(size=300)
    booster = xgboost.train({"seed": 1} | parameters, xgboost.DMatrix(features, label=label), 20)
    trees = read(bytes(booster.save_raw("ubj")))
    expected = contributions(booster, features)
    for row in range(0, 300, 7):
        found = trees.explain(features[row])
        np.testing.assert_allclose([*found.values, found.base], expected[row], atol=2e-4)


def test_trees_without_a_split_are_a_base_and_nothing_else() -> None:
    features = np.ones((10, 2), dtype=np.float32)
    booster = xgboost.train({"base_score": 3.0}, xgboost.DMatrix(features, label=np.full(10, 4.0)), 2)
    found = read(bytes(booster.save_raw("ubj"))).explain(features[0])
    assert found.values.tolist() == [0, 0]
    assert found.base == pytest.approx(float(booster.predict(xgboost.DMatrix(features))[0]), abs=1e-6)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"<html>", b"[i\x01", b"{L\x00\x00\x00\x00\x00\x00\x00\x01a", b"[" * 9000, b"i\x05"]
)
def test_what_is_no_model_is_told(body: bytes) -> None:
    with pytest.raises(BrokenVersion, match=r"expected XGBoost's trees in model\.ubj"):
        read(body)


def test_a_model_cut_off_anywhere_is_told(bundles: tuple[Path, Path]) -> None:
    whole = (bundles[0] / names.XGBOOST_FILE).read_bytes()
    for size in range(0, len(whole) - 1, len(whole) // 40):
        with pytest.raises(BrokenVersion):
            read(whole[:size])


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"i\xff", -1),
        (b"U\xff", 255),
        (b"I\xff\xfe", -2),
        (b"D" + np.array([1.5], ">f8").tobytes(), 1.5),
        (b"SU\x02hi", "hi"),
        (b"[#i\x02TF", [True, False]),
        (b"[i\x01Z]", [1, None]),
        (b"{i\x01ai\x01}", {"a": 1}),
        (b"{$i#i\x01i\x01a\x07", {"a": 7}),
        (b"[]", []),
    ],
)
def test_ubjson_is_read_as_it_is_specified(data: bytes, value: object) -> None:
    assert loads(data) == value


def test_typed_arrays_are_numpys() -> None:
    found = loads(b"[$l#i\x02\x00\x00\x00\x01\xff\xff\xff\xff")
    assert found.dtype == np.int32
    assert found.tolist() == [1, -1]


def test_contributions_add_up_in_dollars_and_in_logarithms(
    bundles: tuple[Path, Path], listings: Mapping[str, NDArray[Any]]
) -> None:
    loaded = model.load(bundles[0])
    houses = houses_of(listings)[:20]
    for house, found in zip(houses, loaded.explain(houses), strict=True):
        told = explanation(loaded, found)
        parts = told["contributions"]
        assert told["price"] == pytest.approx(loaded.predict([house]).dollars[0], rel=1e-5)
        assert told["base_price"] + sum(p["dollars"] for p in parts) == pytest.approx(told["price"], abs=0.02)
        assert told["base_log_price"] + sum(p["log"] for p in parts) == pytest.approx(told["log_price"], abs=1e-9)
        assert [abs(p["dollars"]) for p in parts] == sorted((abs(p["dollars"]) for p in parts), reverse=True)
        assert all(set(p["inputs"]) <= set(type(house).model_fields) and p["inputs"] for p in parts)


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, -1.0], [1e-12, 0.0], [-3.0, 0.5], [0.3, 0.3]])
def test_dollars_are_finite_and_complete_also_where_contributions_cancel(values: list[float]) -> None:
    parts = dollars(12.0, np.array(values))
    assert np.isfinite(parts).all()
    assert parts.sum() == pytest.approx(np.exp(12.0 + sum(values)) - np.exp(12.0), rel=1e-9, abs=1e-6)
