from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.bundle import SelfTest
from relevo_contract.listing import House
from relevo_jobs.scoring import Scorer
from relevo_jobs.train.bundle import house_at
from relevo_serving import model
from relevo_serving.errors import BrokenVersion

Bundles = tuple[Path, Path]


def houses_of(listings: Mapping[str, NDArray[Any]]) -> list[House]:
    return [house_at(listings, row) for row in range(len(listings["price"]))]


Damage = Callable[[Path, Path], object]


def test_serving_predicts_what_the_steps_predict(bundles: Bundles, listings: Mapping[str, NDArray[Any]]) -> None:
    for folder in bundles:
        loaded = model.load(folder)
        expected = Scorer(folder).predict(listings)
        np.testing.assert_array_equal(loaded.predict(houses_of(listings)).dollars, np.exp(expected))


def test_one_house_alone_is_priced_as_among_many(bundles: Bundles, listings: Mapping[str, NDArray[Any]]) -> None:
    loaded = model.load(bundles[0])
    houses = houses_of(listings)
    together = loaded.predict(houses).dollars
    alone = [loaded.predict([house]).dollars[0] for house in houses[:50]]
    np.testing.assert_allclose(alone, together[:50], rtol=1e-6)


def test_a_thousand_houses_are_priced_in_their_order(bundles: Bundles, listings: Mapping[str, NDArray[Any]]) -> None:
    loaded = model.load(bundles[0])
    houses = houses_of(listings) * 4
    assert len(houses) > 3 * model.PART
    many = loaded.predict(houses)
    few = [loaded.predict(houses[start : start + 10]) for start in range(0, 300, 10)] * 4
    np.testing.assert_allclose(many.dollars, np.concatenate([prices.dollars for prices in few]), rtol=1e-6)
    assert many.unseen == [unseen for prices in few for unseen in prices.unseen]


def test_about_nine_of_ten_prices_lie_within_the_interval(
    bundles: Bundles, listings: Mapping[str, NDArray[Any]]
) -> None:
    prices = model.load(bundles[0]).predict(houses_of(listings))
    assert prices.factor > 1
    covered = np.mean(np.abs(np.log(listings["price"] / prices.dollars)) <= np.log(prices.factor))
    # 300 rows, a quantile of 200 residuals: three standard deviations of both together are 8 points.
    assert 0.82 <= covered <= 0.98


def test_inputs_never_seen_are_named(bundles: Bundles) -> None:
    case = SelfTest.model_validate_json((bundles[0] / names.SELF_TEST_FILE).read_bytes()).cases[0].house
    known = case.model_copy(update={"state": "puerto  RICO", "city": "Adjuntas", "zip_code": "601"})
    strange = known.model_copy(update={"state": "Oregon", "zip_code": "97001"})
    seen, unseen = model.load(bundles[0]).predict([known, strange]).unseen
    assert not {"state", "city", "zip_code"} & set(seen)
    assert {"state", "zip_code"} <= set(unseen)


def _remove(name: str) -> Damage:
    return lambda folder, _: (folder / name).unlink()


def _overwrite(name: str, body: bytes) -> Damage:
    return lambda folder, _: folder.joinpath(name).write_bytes(body)


def _cut(name: str) -> Damage:
    return lambda folder, _: folder.joinpath(name).write_bytes((folder / name).read_bytes()[:100])


def _of_another(name: str) -> Damage:
    return lambda folder, other: shutil.copy(other / name, folder / name)


def _without_level(folder: Path, _: Path) -> None:
    residuals = json.loads((folder / names.RESIDUALS_FILE).read_text())
    for key in ("levels", "quantiles", "absolute"):
        residuals[key] = residuals[key][:2]
    (folder / names.RESIDUALS_FILE).write_text(json.dumps(residuals))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        *((_remove(name), name) for name in model.FILES),
        *((_cut(name), name) for name in model.FILES),
        *((_overwrite(name, b""), name) for name in model.FILES),
        (_overwrite(names.ENCODER_FILE, b'{"format": 9}'), "Encoder"),
        (_overwrite(names.ONNX_FILE, b"<html>"), "ONNX"),
        (_of_another(names.ONNX_FILE), "self-test: expected"),
        (_of_another(names.ENCODER_FILE), "self-test"),
        (_of_another(names.XGBOOST_FILE), "self-test: expected model.ubj to explain"),
        (_of_another(names.SELF_TEST_FILE), "self-test: expected"),
        (_without_level, "level 0.9"),
    ],
)
def test_a_version_whose_files_are_wrong_is_broken_and_says_which(
    damage: Damage, said: str, bundles: Bundles, tmp_path: Path
) -> None:
    folder = tmp_path / "version"
    shutil.copytree(bundles[0], folder)
    damage(folder, bundles[1])
    with pytest.raises(BrokenVersion, match=said):
        model.load(folder).self_test()


def test_a_version_as_it_was_written_passes_its_self_test(bundles: Bundles) -> None:
    for folder in bundles:
        model.load(folder).self_test()
