from __future__ import annotations

from dataclasses import replace
from datetime import date

from relevo_contract.data_set import DataSet
from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.record import Estimate
from relevo_contract.values import Boolean, Day, Number
from relevo_contract.version import Example, Vocabulary
from relevo_ui import row_form
from tests.houses import LISTINGS
from tests.ui.words import EN, ES

PROFILE = Profile(
    rows=6,
    batches=(1,),
    columns={
        "state": CategoricalProfile(counts={"puerto rico": 3, "massachusetts": 5, "": 1}, missing=0),
        "city": CategoricalProfile(counts={"ponce": 9}, missing=0),
        "brokered_by": CategoricalProfile(counts={str(n): 1 for n in range(500)}, missing=0),
        "bed": NumericProfile(edges=(1.0,), counts=(3, 3), missing=0),
    },
    promised=Estimate(value=0.2, low=0.1, high=0.3),
)
TYPICAL = Example(
    inputs={"bed": 3.0, "house_size": 1500.0, "acre_lot": None, "state": "Puerto Rico", "city": "Ponce"}
    | {"brokered_by": "7", "prev_sold_date": 18_262.0, "street": "9"},
    prediction=1,
)
KINDS = DataSet(
    name="rides", columns=("count", "hours", "rain", "day"), target="count", numeric=("hours",), categorical=("rain",),
    dates=("day",), compared=("rain",),
    rules={"hours": Number(0, unit="h", whole=True), "rain": Boolean(), "day": Day(format="%d/%m/%Y")},
)  # fmt: skip


def test_the_form_asks_for_each_input_once_places_first_and_texts_last() -> None:
    names = [field.name for field in row_form.fields(LISTINGS, PROFILE, TYPICAL)]
    assert sorted(names) == sorted(LISTINGS.inputs)
    assert names[:4] == ["state", "city", "zip_code", "bed"]
    assert names[-1] == "street"


def test_it_begins_with_the_typical_row_where_that_is_likely() -> None:
    fields = {field.name: field for field in row_form.fields(LISTINGS, PROFILE, TYPICAL)}
    assert (fields["bed"].default, fields["bed"].step, fields["bed"].low) == (3.0, 1.0, 1.0)
    assert (fields["house_size"].default, fields["house_size"].step) == (1500.0, 100.0)
    assert fields["state"].default == "puerto rico"
    assert fields["prev_sold_date"].default == date(2020, 1, 1)
    assert [fields[name].default for name in ("acre_lot", "city", "brokered_by", "street")] == [None] * 4
    assert all(field.default is None for field in row_form.fields(LISTINGS, None, None))


def test_every_kind_of_column_has_its_field_and_is_sent_as_its_rule_reads_it() -> None:
    fields = row_form.fields(KINDS, None, None)
    assert [(field.name, field.kind) for field in fields] == [
        ("hours", "integer"), ("rain", "boolean"), ("day", "date"),
    ]  # fmt: skip
    assert (row_form.hint(fields[0], EN), row_form.hint(fields[1], EN)) == ("from 0 up", None)
    row = row_form.row(KINDS, {"hours": 3, "rain": "true", "day": date(2020, 5, 31)})
    assert row == {"hours": 3, "rain": "true", "day": "31/05/2020"}
    assert not any(KINDS.understand(row)[1:])


def test_a_wide_table_is_asked_for_as_far_as_a_form_goes() -> None:
    many = tuple(f"c{n}" for n in range(500))
    wide = replace(KINDS, columns=("count", *many), numeric=many, categorical=(), compared=(), dates=(), rules={})
    assert len(row_form.fields(wide, None, None)) == row_form.MOST_FIELDS


def test_the_most_frequent_categories_come_first() -> None:
    assert row_form.offered(PROFILE, "state") == ["massachusetts", "puerto rico"]
    assert EN.category("state", "puerto rico") == "Puerto Rico"


def test_fields_stand_in_the_groups_of_the_declaration_and_else_in_those_of_their_kind() -> None:
    found = row_form.grouped(row_form.fields(LISTINGS, PROFILE, TYPICAL), ES)
    assert [(group.title, [field.name for field in group.fields]) for group in found] == [
        ("ubicación", ["state", "city", "zip_code", "street"]),
        ("tamaño y habitaciones", ["bed", "bath", "house_size"]),
        ("terreno", ["acre_lot"]),
        ("venta", ["brokered_by", "status", "prev_sold_date"]),
    ]
    bare = replace(LISTINGS, groups={})
    found = row_form.grouped(row_form.fields(bare, None, None), replace(EN, data=bare))
    assert [(group.title, group.fields[0].name) for group in found] == [
        ("where", "state"), ("when", "prev_sold_date"), ("what else is known", "bed"),
    ]  # fmt: skip
    rides = replace(EN, data=KINDS)
    titles = [group.title for group in row_form.grouped(row_form.fields(KINDS, None, None)[:2], rides)]
    assert titles == [""], "there is nothing to tell them from"


def test_a_finer_place_offers_those_of_the_chosen_place_alone() -> None:
    known = Vocabulary(within={"city": {"puerto rico": ("ponce", "san juan"), "vermont": ("stowe",)}})
    city = next(field for field in row_form.fields(LISTINGS, PROFILE, TYPICAL) if field.name == "city")
    assert row_form.within(city, known, "Puerto Rico").options == ("ponce", "san juan")
    assert row_form.within(city, known, "vermont").options == ("stowe",)
    for place in (None, "Nowhere"):
        assert row_form.within(city, known, place).options == ("ponce",), "those that the version knows at all"
    assert row_form.within(city, None, "vermont").options == ("ponce",)


def test_what_cannot_be_is_refused_rather_than_taken_as_unknown() -> None:
    wrong = {"bed": 3.5, "house_size": 0, "acre_lot": 99_999, "city": "x" * 201, "bath": 2.5, "state": "Vermont"}
    found = row_form.refused(LISTINGS, wrong)
    assert sorted(found) == ["acre_lot", "bed", "city", "house_size"]
    assert found["bed"] == "expected a whole number, got 3.5"


def test_what_is_not_known_offers_nothing() -> None:
    assert row_form.offered(PROFILE, "zip_code") == []
    assert row_form.offered(PROFILE, "bed") == []
    assert row_form.offered(None, "state") == []


def test_what_was_left_empty_is_left_out_and_zero_is_not_empty() -> None:
    row = row_form.row(
        LISTINGS, {"bed": 0, "bath": None, "city": "  Boston ", "state": "", "prev_sold_date": date(2020, 2, 1)}
    )
    assert row == {"bed": 0, "city": "Boston", "prev_sold_date": "2020-02-01"}
    assert not LISTINGS.understand(row)[2]
