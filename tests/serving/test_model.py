from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import DataSet, to_json
from relevo_contract.graph_inputs import entries, values_of
from relevo_contract.version import Manifest, ManifestEntry, SelfTest
from relevo_jobs.scoring import Scorer
from relevo_serving.errors import BrokenVersion
from relevo_serving.model import FILES, Model, Row
from relevo_serving.predicting import predict_each
from relevo_serving.rows import Rows, as_json
from relevo_serving.self_test import load_tested
from tests.houses import LISTINGS

Bundles = tuple[Path, Path]
Models = tuple[Model, Model]
Damage = Callable[[Path, Path], object]
READ = [name for name in FILES if not name.startswith("serving_input")]


def rows_of(listings: Mapping[str, NDArray[Any]]) -> list[Row]:
    rows = range(len(listings["price"]))
    return [values_of(LISTINGS, entries(listings, LISTINGS.inputs, row)) for row in rows]


def told(model: Model, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is answered for rows as they are sent."""
    reading = Rows(model, 1000)
    return predict_each(model, [reading.of(rows)])[0].predictions


def test_serving_predicts_what_the_steps_predict(
    bundles: Bundles, models: Models, listings: Mapping[str, NDArray[Any]]
) -> None:
    for folder, model in zip(bundles, models, strict=True):
        np.testing.assert_array_equal(model.predict(rows_of(listings)), Scorer(folder).answer(listings))


def test_what_is_sent_as_json_is_predicted_as_the_steps_predict_it(
    bundles: Bundles, models: Models, listings: Mapping[str, NDArray[Any]]
) -> None:
    sent = [{name: as_json(value) for name, value in row.items()} for row in rows_of(listings)]
    found = [one["prediction"] for one in told(models[0], sent)]
    expected = Scorer(bundles[0]).answer(listings)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_one_row_alone_is_predicted_as_among_many(models: Models, listings: Mapping[str, NDArray[Any]]) -> None:
    rows = rows_of(listings)
    together = models[0].predict(rows)
    alone = [models[0].predict([row])[0] for row in rows[:50]]
    np.testing.assert_allclose(alone, together[:50], rtol=1e-6)


def test_about_nine_of_ten_prices_lie_within_the_interval(models: Models, listings: Mapping[str, NDArray[Any]]) -> None:
    found, interval = models[0].predict(rows_of(listings)), models[0].interval
    assert interval is not None
    low, high = np.transpose([interval(one) for one in found.tolist()])
    assert (low < found).all()
    covered = np.mean((low <= listings["price"]) & (listings["price"] <= high))
    # 300 rows, a quantile of 200 residuals: three standard deviations of both together are 8 points.
    assert 0.82 <= covered <= 0.98


def test_inputs_never_seen_are_named(bundles: Bundles, models: Models) -> None:
    example = SelfTest.model_validate_json((bundles[0] / names.SELF_TEST_FILE).read_bytes()).examples[0]
    case = {name: as_json(value) for name, value in values_of(LISTINGS, example.inputs).items()}
    known = case | {"state": "puerto  RICO", "city": "Adjuntas", "zip_code": "601"}
    strange = known | {"state": "Oregon", "zip_code": "97001", "street": "of its own"}
    seen, unseen = (one["unseen"] for one in told(models[0], [known, strange]))
    assert not {"state", "city", "zip_code"} & set(seen)
    assert {"state", "zip_code"} <= set(unseen)
    assert "street" not in unseen  # nearly every one is its own


def _remove(name: str) -> Damage:
    return lambda folder, _: (folder / name).unlink()


def _overwrite(name: str, body: bytes) -> Damage:
    return lambda folder, _: folder.joinpath(name).write_bytes(body)


def _cut(name: str) -> Damage:
    return lambda folder, _: folder.joinpath(name).write_bytes((folder / name).read_bytes()[:100])


def _of_another(name: str) -> Damage:
    return lambda folder, other: shutil.copy(other / name, folder / name)


def _json(name: str, change: Callable[[Any], object]) -> Damage:
    def damage(folder: Path, _: Path) -> None:
        document = json.loads((folder / name).read_text())
        change(document)
        (folder / name).write_text(json.dumps(document))

    return damage


def _without_level(residuals: Any) -> None:
    for key in ("levels", "absolute"):
        residuals[key] = residuals[key][:2]


def _of_another_use_case(folder: Path, _: Path) -> None:
    trips = DataSet(name="trips", columns=("km", "minutes"), target="minutes", numeric=("km",))
    (folder / names.DATA_SET_FILE).write_bytes(to_json(trips))


def _in_mlmodel(before: str, after: str) -> Damage:
    def damage(folder: Path, _: Path) -> None:
        text = (folder / names.MLMODEL_FILE).read_text()
        assert before in text
        (folder / names.MLMODEL_FILE).write_text(text.replace(before, after))

    return damage


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("damage", [_remove, _cut, lambda name: _overwrite(name, b"")], ids=["missing", "cut", "empty"])
def test_a_file_that_is_missing_or_cut_breaks_the_version_and_is_named(
    damage: Callable[[str], Damage], name: str, bundles: Bundles, tmp_path: Path
) -> None:
    folder = shutil.copytree(bundles[0], tmp_path / "version")
    manifest = hashlib.sha256((folder / names.MANIFEST_FILE).read_bytes()).hexdigest()
    damage(name)(folder, bundles[1])
    with pytest.raises(BrokenVersion, match=name.replace(".", r"\.")):
        load_tested(folder, manifest)


def mended(folder: Path) -> None:
    """Write the manifest anew, as whoever can write to the artifact store could."""
    files = Manifest.model_validate_json((folder / names.MANIFEST_FILE).read_bytes()).files
    bodies = {name: (folder / name).read_bytes() for name in files if (folder / name).is_file()}
    found = {name: ManifestEntry(size=len(b), sha256=hashlib.sha256(b).hexdigest()) for name, b in bodies.items()}
    (folder / names.MANIFEST_FILE).write_text(Manifest(files=found).model_dump_json())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        *((_cut(name), name) for name in READ if name not in (names.MANIFEST_FILE, names.MLMODEL_FILE)),
        (_overwrite(names.MLMODEL_FILE, b"flavors: [" * 100), "MLmodel"),
        (_overwrite(names.MLMODEL_FILE, b"flavors: {sklearn: {}}"), "flavor onnx"),
        (_overwrite(names.MLMODEL_FILE, b"!!python/object/apply:os.system [exit 1]"), "it is no YAML"),
        (_overwrite(names.MLMODEL_FILE, b" " * (2**20 + 1)), "at most 1,048,576 bytes"),
        (_in_mlmodel('"bed"', '"beds"'), "signature"),
        (_in_mlmodel('"string", "name": "city"', '"double", "name": "city"'), "'city' as the signature's double"),
        (_in_mlmodel('"double", "name": "bed"', '"datetime", "name": "bed"'), "signature.inputs"),
        (_overwrite(names.DATA_SET_FILE, b'{"format": 9}'), "data set"),
        (_of_another_use_case, "another use case"),
        (_overwrite(names.ONNX_FILE, b"<html>"), "ONNX"),
        (_of_another(names.ONNX_FILE), "self-test: expected"),
        (_of_another(names.SELF_TEST_FILE), "self-test: expected"),
        (_json(names.RESIDUALS_FILE, _without_level), "level 0.9"),
        (
            _json(names.SELF_TEST_FILE, lambda test: test["examples"][0].update(prediction=1.0)),
            "self-test: expected 1.00",
        ),
    ],
)
def test_a_version_whose_files_are_wrong_is_broken_and_says_which(
    damage: Damage, said: str, bundles: Bundles, tmp_path: Path
) -> None:
    folder = shutil.copytree(bundles[0], tmp_path / "version")
    damage(folder, bundles[1])
    mended(folder)
    with pytest.raises(BrokenVersion, match=said):
        load_tested(folder)


def test_a_file_that_was_exchanged_in_the_store_is_not_served_even_with_a_manifest_of_its_own(
    bundles: Bundles, tmp_path: Path
) -> None:
    folder = shutil.copytree(bundles[0], tmp_path / "version")
    manifest = hashlib.sha256((folder / names.MANIFEST_FILE).read_bytes()).hexdigest()
    load_tested(folder, manifest)
    shutil.copy(bundles[1] / names.TYPICAL_FILE, folder / names.TYPICAL_FILE)
    with pytest.raises(BrokenVersion, match=r"expected relevo/typical\.json of .* bytes as the manifest has it"):
        load_tested(folder, manifest)
    mended(folder)
    with pytest.raises(BrokenVersion, match="that the registry has"):
        load_tested(folder, manifest)


def test_a_version_of_an_earlier_release_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name in ("encoder.json", "model.onnx", "model.ubj"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(BrokenVersion, match=r"before release 0\.4; ask for a training \(docs/operating\.md\)"):
        load_tested(tmp_path)
