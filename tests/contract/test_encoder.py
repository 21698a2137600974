"""The encoder as serving meets it: data that travels as JSON, and any house somebody may type."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from relevo_contract.encoder import Encoder
from relevo_contract.listing import House, columns_of
from relevo_jobs.train.bundle import house_at
from relevo_jobs.train.encoding import Rows, learn
from tests.versions import draw_listings

KNOWN = House(state="Puerto Rico", city="San Juan", zip_code="00907", bed=3, bath=2, house_size=1500, brokered_by="7")


@pytest.fixture(scope="module")
def listings() -> dict[str, NDArray[Any]]:
    return draw_listings(400, 1)


@pytest.fixture(scope="module")
def encoder(listings: dict[str, NDArray[Any]]) -> Encoder:
    return learn(Rows.of(listings))


def feature(encoder: Encoder, house: House, name: str) -> float:
    return float(encoder.transform(columns_of([house]))[0, encoder.feature_names.index(name)])


def test_json_and_back_gives_the_same_features(encoder: Encoder, listings: dict[str, NDArray[Any]]) -> None:
    again = Encoder.model_validate_json(encoder.model_dump_json())
    assert again == encoder
    np.testing.assert_array_equal(again.transform(listings), encoder.transform(listings))


def test_features_are_float32_in_the_order_of_their_names(encoder: Encoder, listings: dict[str, NDArray[Any]]) -> None:
    features = encoder.transform(listings)
    assert features.dtype == np.float32
    assert features.shape == (400, len(encoder.feature_names))
    assert len(set(encoder.feature_names)) == len(encoder.feature_names)
    np.testing.assert_array_equal(features[:, 0], listings["bed"].astype(np.float32))


def test_a_row_alone_has_the_features_it_has_among_others(encoder: Encoder, listings: dict[str, NDArray[Any]]) -> None:
    together = encoder.transform(listings)
    for row in range(0, 400, 37):
        alone = encoder.transform({name: column[row : row + 1] for name, column in listings.items()})
        np.testing.assert_array_equal(alone[0], together[row])


def test_houses_alone_or_many_are_encoded_as_in_a_table_to_the_bit(
    encoder: Encoder, listings: dict[str, NDArray[Any]]
) -> None:
    houses = [*ODD, *(house_at(listings, row) for row in range(400))]
    table = encoder.lookup.table(columns_of(houses))
    many = encoder.lookup.houses(houses)
    assert many.features.dtype == np.float32
    np.testing.assert_array_equal(many.features, table.features)
    assert many.unseen == table.unseen
    for row, house in enumerate(houses):
        alone = encoder.lookup.houses([house])
        assert alone.features.dtype == np.float32
        np.testing.assert_array_equal(alone.features, table.features[row : row + 1])
        assert alone.unseen == [table.unseen[row]]


def test_no_rows_no_features(encoder: Encoder) -> None:
    assert encoder.transform(columns_of([])).shape == (0, len(encoder.feature_names))
    assert encoder.lookup.table(columns_of([])).unseen == []


ODD = (
    House(),
    House(bed=0, bath=0, acre_lot=0, house_size=0),
    House(bed=500, bath=500, acre_lot=1_000_000, house_size=10_000_000),
    House(bed=1e-300, bath=5e-324, acre_lot=1e-300, house_size=5e-324),
    House(state="Atlantis", city="Ys", zip_code="99998", brokered_by="no number", street="|", status="sunk"),
    House(prev_sold_date=date(1, 1, 1), zip_code="x" * 20, street="9" * 200),
    House(prev_sold_date=date(9999, 12, 31), zip_code="٣٢٠", street="9" * 15, brokered_by="²"),
    House(state="", city=" ", zip_code=""),
    House(bed=3, house_size=1200, state="Puerto Rico"),
    House(bath=1, acre_lot=2.5, city="San Juan"),
)


@pytest.mark.parametrize("house", ODD)
def test_an_odd_house_has_no_infinite_feature(encoder: Encoder, house: House) -> None:
    assert not np.isinf(encoder.transform(columns_of([house]))).any()


def test_an_unseen_zip_code_is_worth_its_city_and_an_unseen_city_its_region(encoder: Encoder) -> None:
    new_zip = KNOWN.model_copy(update={"zip_code": "00999"})
    assert feature(encoder, new_zip, "price_by_zip_code") == feature(encoder, new_zip, "price_by_city")
    new_city = new_zip.model_copy(update={"city": "Nowhere"})
    assert feature(encoder, new_city, "price_by_city") == feature(encoder, new_city, "price_by_zip3")
    new_state = House(state="Atlantis")
    assert feature(encoder, new_state, "price_by_state") == pytest.approx(encoder.overall["log_price"])


def test_unseen_names_the_inputs(encoder: Encoder) -> None:
    houses = [KNOWN, House(), House(state="Atlantis", city="San Juan", zip_code="99998", brokered_by="31")]
    assert encoder.lookup.table(columns_of(houses)).unseen == [(), (), ("state", "city", "zip_code", "brokered_by")]


def test_one_category_however_it_is_spelt(encoder: Encoder) -> None:
    spelt = House(
        state=" puerto  RICO", city="SAN JUAN", zip_code="907", brokered_by="7.0", bed=3, bath=2, house_size=1500
    )
    longer = KNOWN.model_copy(update={"zip_code": "00907-1234"})
    for other in (spelt, longer):
        np.testing.assert_array_equal(encoder.transform(columns_of([other])), encoder.transform(columns_of([KNOWN])))


def test_the_same_city_name_in_another_state_is_another_city(encoder: Encoder) -> None:
    elsewhere = House(state="Massachusetts", city="San Juan")
    assert encoder.lookup.houses([elsewhere]).unseen == [("city",)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format"),
        ({"rows": None}, "rows"),
        ({"surprise": 1}, "surprise"),
        ({"encodings": []}, "foot_price_by_zip_code"),
    ],
)
def test_data_of_another_form_is_refused(encoder: Encoder, change: dict[str, Any], says: str) -> None:
    data = json.loads(encoder.model_dump_json()) | change
    with pytest.raises(ValidationError, match=says):
        Encoder.model_validate(data)


def test_tables_that_do_not_fit_their_vocabulary_are_refused(encoder: Encoder) -> None:
    data = json.loads(encoder.model_dump_json())
    data["encodings"][0]["means"].append(1.0)
    with pytest.raises(ValidationError, match="price_by_state: expected 3 values of state, got 4"):
        Encoder.model_validate(data)
    data = json.loads(encoder.model_dump_json())
    data["encodings"].reverse()
    with pytest.raises(ValidationError, match="expected its parent"):
        Encoder.model_validate(data)
