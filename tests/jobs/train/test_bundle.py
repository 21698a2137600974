"""A version's files: all there, no pickle, and the same prices by XGBoost and by what serving runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.bundle import Residuals, SelfTest, ShapSummary
from relevo_contract.encoder import Encoder
from relevo_contract.listing import House, columns_of
from relevo_contract.profile import Profile
from relevo_jobs.scoring import Scorer
from relevo_jobs.train import bundle, exporting
from relevo_jobs.train.fitting import Fitted, fit
from relevo_jobs.train.residuals import residuals_of
from tests.versions import draw_listings

FILES = {
    names.XGBOOST_FILE,
    names.ONNX_FILE,
    names.ENCODER_FILE,
    names.PROFILE_FILE,
    names.SELF_TEST_FILE,
    names.RESIDUALS_FILE,
    names.SHAP_FILE,
    *names.SHAP_PICTURES,
}


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(draw_listings(500, 1), seed=1, threads=2)


@pytest.fixture(scope="module")
def holdout() -> dict[str, NDArray[Any]]:
    return draw_listings(150, 2)


@pytest.fixture(scope="module")
def written(
    fitted: Fitted, holdout: dict[str, NDArray[Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bundle.Written]:
    folder = tmp_path_factory.mktemp("bundle")
    return folder, bundle.write(folder, fitted, draw_listings(500, 1), holdout_columns=holdout, batches=(1, 2), seed=1)


def test_every_file_is_there_and_none_is_a_pickle(written: tuple[Path, bundle.Written]) -> None:
    folder, _ = written
    assert {file.name for file in folder.iterdir()} == FILES
    # A pickle of protocol 2 or later begins with 0x80 and the protocol's number.
    assert not [file for file in folder.iterdir() if file.read_bytes()[:1] == b"\x80"]


def test_serving_and_training_agree_also_on_odd_houses(
    written: tuple[Path, bundle.Written], fitted: Fitted, holdout: dict[str, NDArray[Any]]
) -> None:
    folder, facts = written
    scorer = Scorer(folder)
    odd = columns_of(
        [
            House(),
            House(bed=0, bath=0, acre_lot=0, house_size=0),
            House(bed=500, bath=500, acre_lot=1_000_000, house_size=10_000_000),
            House(state="Atlantis", city="Ys", zip_code="99998", brokered_by="none", street="?", status="sunk"),
            House(zip_code="601", prev_sold_date=date(1800, 1, 1)),
        ]
    )
    np.testing.assert_allclose(scorer.predict(odd), fitted.predict(odd), atol=1e-4)
    np.testing.assert_allclose(scorer.predict(holdout), fitted.predict(holdout), atol=1e-4)
    booster = xgboost.Booster(model_file=folder / names.XGBOOST_FILE)
    matrix = xgboost.DMatrix(scorer.encoder.transform(holdout), feature_names=list(scorer.encoder.feature_names))
    np.testing.assert_allclose(booster.predict(matrix), fitted.predict(holdout), atol=1e-6)
    assert facts.onnx_difference == pytest.approx(
        np.abs(scorer.predict(holdout) - fitted.predict(holdout)).max(), abs=1e-4
    )


def test_a_split_at_the_very_value_goes_the_same_way() -> None:
    features = np.repeat(np.arange(6, dtype=np.float32), 20)[:, None]
    matrix = xgboost.DMatrix(features, label=features[:, 0] ** 2)
    booster = xgboost.train({"max_depth": 4, "eta": 0.5, "nthread": 1}, matrix, 10)
    thresholds = booster.trees_to_dataframe()["Split"].dropna().to_numpy(dtype=np.float32)
    edge = np.concatenate([thresholds, np.nextafter(thresholds, np.float32(-1)), [np.float32("nan")]])[:, None]
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(exporting.to_onnx(booster), providers=["CPUExecutionProvider"])
    (answer,) = session.run([names.ONNX_OUTPUT], {names.ONNX_INPUT: edge.astype(np.float32)})
    assert answer.shape == (len(edge), 1)
    np.testing.assert_allclose(answer[:, 0], booster.predict(xgboost.DMatrix(edge)), atol=1e-5)


def test_a_booster_the_export_does_not_know_is_refused() -> None:
    matrix = xgboost.DMatrix(np.ones((20, 1)), label=np.arange(20) % 2)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 2)
    with pytest.raises(ValueError, match="got gbtree and binary:logistic"):
        exporting.to_onnx(booster)


def test_the_self_test_s_houses_have_their_prices(written: tuple[Path, bundle.Written]) -> None:
    folder, _ = written
    test = SelfTest.model_validate_json((folder / names.SELF_TEST_FILE).read_bytes())
    prices = np.exp(Scorer(folder).predict(columns_of([case.house for case in test.cases])))
    np.testing.assert_allclose(prices, [case.price for case in test.cases], rtol=test.relative_tolerance)
    assert len(test.cases) == bundle.SELF_TEST_CASES


def test_the_files_say_what_the_version_promises(
    written: tuple[Path, bundle.Written], holdout: dict[str, NDArray[Any]]
) -> None:
    folder, facts = written
    profile = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes())
    residuals = Residuals.model_validate_json((folder / names.RESIDUALS_FILE).read_bytes())
    encoder = Encoder.model_validate_json((folder / names.ENCODER_FILE).read_bytes())
    errors = np.abs(np.exp(Scorer(folder).predict(holdout)) / holdout["price"] - 1)
    assert profile.promised == facts.promised
    assert profile.promised.value == pytest.approx(np.median(errors))
    assert (profile.rows, profile.batches, encoder.rows, residuals.rows) == (500, (1, 2), 500, 150)


def test_shap_values_add_up_to_the_prediction(written: tuple[Path, bundle.Written], fitted: Fitted) -> None:
    folder, _ = written
    shap = ShapSummary.model_validate_json((folder / names.SHAP_FILE).read_bytes())
    assert shap.features == fitted.encoder.feature_names
    inputs = np.array([[np.nan if v is None else v for v in row] for row in shap.inputs], dtype=np.float32)
    predicted = fitted.booster.inplace_predict(inputs, validate_features=False)
    np.testing.assert_allclose(np.sum(shap.values, axis=1) + shap.base_value, predicted, atol=1e-3)
    for name in names.SHAP_PICTURES:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_an_interval_of_the_residuals_covers_new_rows() -> None:
    draw = np.random.default_rng(0)
    residuals = residuals_of(draw.standard_t(3, 400), np.zeros(400))
    low = residuals.quantiles[residuals.levels.index(0.05)]
    high = residuals.quantiles[residuals.levels.index(0.95)]
    new = draw.standard_t(3, 20_000)
    # 400 rows place each end within a point and a half.
    assert np.mean((new >= low) & (new <= high)) == pytest.approx(0.9, abs=0.04)
    assert np.mean(np.abs(new) <= residuals.absolute[residuals.levels.index(0.9)]) == pytest.approx(0.9, abs=0.04)
    assert list(residuals.quantiles) == sorted(residuals.quantiles)


def test_a_single_residual_stands_for_every_level() -> None:
    residuals = residuals_of(np.array([1.0]), np.array([0.5]))
    assert set(residuals.quantiles) == set(residuals.absolute) == {0.5}
