"""What enters a graph: one spelling a category, and a row that is the same however it came."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from relevo_contract.data_set import DataSet, from_json, to_json
from relevo_contract.graph_inputs import columns_of, entries, graph_inputs, spelling, values_of
from relevo_contract.values import Day, Identifier, Number, Text, ZipCode
from tests.houses import LISTINGS

DATA = DataSet(
    name="rides",
    columns=("from", "class", "date", "cost"),
    target="cost",
    numeric=("class",),
    categorical=("from",),
    dates=("date",),
)
ROW = st.fixed_dictionaries(
    {
        "class": st.none() | st.floats(-1e30, 1e30),
        "from": st.none() | st.text(),
        "date": st.none() | st.dates(),
    }
)


@given(st.lists(ROW, max_size=5))
def test_rows_are_the_same_as_lists_as_columns_and_from_a_version_s_file(rows: list[dict[str, Any]]) -> None:
    columns = columns_of(DATA, rows)
    feeds = graph_inputs(DATA, columns)
    lists = {name: [row[name] for row in rows] for name in DATA.inputs}
    files = columns_of(DATA, [values_of(DATA, entries(columns, DATA.inputs, at)) for at in range(len(rows))])
    for other in (graph_inputs(DATA, lists), graph_inputs(DATA, files)):
        for name in DATA.inputs:
            np.testing.assert_array_equal(other[name], feeds[name])
    assert {name: feed.dtype for name, feed in feeds.items()} == {
        "class": np.float32,
        "from": object,
        "date": np.float32,
    }
    assert all(feed.shape == (len(rows),) for feed in feeds.values())
    assert not [text for text in feeds["from"] if not isinstance(text, str)]


def test_what_is_missing_is_nan_and_empty_and_days_are_counted() -> None:
    feeds = graph_inputs(DATA, columns_of(DATA, [{}, {"class": 2.5, "from": "San JUAN", "date": date(1970, 1, 3)}]))
    np.testing.assert_array_equal(feeds["class"], np.array([np.nan, 2.5], dtype=np.float32))
    np.testing.assert_array_equal(feeds["date"], np.array([np.nan, 2], dtype=np.float32))
    assert feeds["from"].tolist() == ["", "san juan"]


@given(st.text())
def test_a_category_has_one_spelling(text: str) -> None:
    assert spelling(spelling(text)) == spelling(text)
    assert spelling(unicodedata.normalize("NFC", text).upper().casefold()) == spelling(text.upper().casefold())


KINDS = st.sampled_from([Number(), Number(0, 10, frozenset({3.0}), "km"), Text(), Identifier(), ZipCode(), Day()])


@given(st.dictionaries(st.sampled_from(["class", "from", "date"]), KINDS))
def test_a_data_set_travels_whole(rules: dict[str, Any]) -> None:
    data = DataSet(
        name="rides", columns=DATA.columns, target="cost", numeric=("class",), categorical=("from",), dates=("date",),
        rules=rules,
    )  # fmt: skip
    assert from_json(to_json(data)) == data
    assert from_json(to_json(LISTINGS)) == LISTINGS
