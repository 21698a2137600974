"""The encoder from sums over partitions is the one that is learnt from all rows at once, to a float's last digits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.encoder import Encoder
from relevo_contract.features import Features
from relevo_contract.listing import LISTINGS
from relevo_contract.profiling import column_profiles
from relevo_jobs.train.encoding import FOLDS, Rows, learn
from relevo_jobs.train.partitioned.grouping import ALL, Grouping
from relevo_jobs.train.partitioned.learning import Model, can_learn, learn_models
from relevo_jobs.train.partitioned.partition import Partition, joined_vocabulary, recoded, sizes
from relevo_jobs.train.partitioned.profiles import added_counts, counted, profiles
from relevo_jobs.train.partitioned.statistics import centers, inputs, statistics
from relevo_jobs.train.partitioned.sums import added, added_statistics, dense, summed
from tests.versions import draw_listings

ROWS = 700
CUTS = (0, 20, 20, 21, 400, 700)
"""Partitions of uneven sizes, one of no row and one of a single one."""


def cut(table: Columns) -> list[dict[str, NDArray[Any]]]:
    return [{name: column[a:b] for name, column in table.items()} for a, b in pairwise(CUTS)]


def partitions(table: Columns) -> tuple[list[Partition], dict[str, tuple[str, ...]]]:
    """As the workers make them: each knows its own categories first, then those of all."""
    rows = [Rows.of(piece) for piece in cut(table)]
    vocabulary = joined_vocabulary([joined_vocabulary([r.vocabulary]) for r in rows])
    return [recoded(number, r, vocabulary) for number, r in enumerate(rows)], vocabulary


def models_of(parts: Sequence[Partition], grouping: Grouping, known: dict[str, int]) -> tuple[Model, ...]:
    around = centers([inputs(part) for part in parts])
    # Added up two by two: whatever the order in which workers add, it must come to the same.
    found = reduce(lambda a, b: added_statistics([a, b]), [statistics(part, grouping, known, around) for part in parts])
    return learn_models(found, grouping, known, around)


def assert_same(one: Encoder, other: Encoder) -> None:
    assert (one.rows, one.vocabulary) == (other.rows, other.vocabulary)
    assert one.overall == pytest.approx(other.overall, rel=1e-12)
    for mine, theirs in zip(one.encodings, other.encodings, strict=True):
        assert (mine.feature, mine.counts) == (theirs.feature, theirs.counts)
        np.testing.assert_allclose(mine.means, theirs.means, rtol=1e-12)
    np.testing.assert_allclose(one.additive.centers, other.additive.centers, rtol=1e-12)
    np.testing.assert_allclose(one.additive.coefficients, other.additive.coefficients, rtol=1e-7, atol=1e-9)
    for name, effect in one.additive.effects.items():
        np.testing.assert_allclose(effect, other.additive.effects[name], atol=1e-9)


@pytest.fixture(scope="module")
def table() -> dict[str, NDArray[Any]]:
    return draw_listings(ROWS, 1)


def test_the_encoder_is_that_of_all_rows(table: dict[str, NDArray[Any]]) -> None:
    parts, vocabulary = partitions(table)
    (model,) = models_of(parts, ALL, sizes(vocabulary))
    assert_same(model.encoder(vocabulary), learn(Rows.of(table)))


@pytest.mark.parametrize("column", ["house_size", "bed", "acre_lot"])
def test_so_it_is_without_any_value_in_a_column(table: dict[str, NDArray[Any]], column: str) -> None:
    emptied = table | {column: np.full(ROWS, np.nan)}
    parts, vocabulary = partitions(emptied)
    (model,) = models_of(parts, ALL, sizes(vocabulary))
    assert_same(model.encoder(vocabulary), learn(Rows.of(emptied)))


@pytest.mark.parametrize(
    "grouping",
    [Grouping(seed=3), Grouping(seed=3, whole="zip_code"), Grouping(seed=3, validation=0.15)],
    ids=["folds", "whole zip codes", "folds and validation"],
)
def test_a_group_s_model_is_that_of_the_rows_it_learns_from(table: dict[str, NDArray[Any]], grouping: Grouping) -> None:
    parts, vocabulary = partitions(table)
    known = sizes(vocabulary)
    models = models_of(parts, grouping, known)
    groups = np.concatenate([grouping.groups(part, known) for part in parts])
    rows = Rows.of(table)
    for group in range(grouping.count):
        learns = np.flatnonzero(grouping.sources[group][groups])
        expected = learn(rows.take(learns), around=centers([inputs(part) for part in parts]))
        assert_same(models[group].encoder(vocabulary), expected)
        held = rows.take(np.flatnonzero(groups == group))
        np.testing.assert_allclose(
            Features(models[group]).of(held.given, held.codes),
            Features(expected).of(held.given, held.codes),
            rtol=1e-5,
            atol=1e-6,
        )


def test_no_row_s_price_reaches_the_model_of_its_group(table: dict[str, NDArray[Any]]) -> None:
    grouping = Grouping(seed=0)
    parts, vocabulary = partitions(table)
    known = sizes(vocabulary)
    changed = table | {"price": table["price"].copy()}
    changed["price"][500] *= 1000
    group = int(np.concatenate([grouping.groups(part, known) for part in parts])[500])
    before = models_of(parts, grouping, known)
    after = models_of(partitions(changed)[0], grouping, known)
    for model in range(FOLDS):
        same = before[model].additive.coefficients == after[model].additive.coefficients
        assert same == (model == group)


def test_groups_are_balanced_drawn_from_the_seed_and_the_partition_alone(table: dict[str, NDArray[Any]]) -> None:
    parts, vocabulary = partitions(table)
    known = sizes(vocabulary)
    search = Grouping(seed=1, validation=0.15)
    drawn = search.groups(parts[-1], known)
    np.testing.assert_array_equal(drawn, search.groups(parts[-1], known))
    assert (drawn != Grouping(seed=2, validation=0.15).groups(parts[-1], known)).any()
    counts = np.bincount(drawn, minlength=search.count)
    assert counts[-1] == 45  # 15 % of 300
    assert counts[:-1].max() - counts[:-1].min() <= 2
    assert not search.sources[:, -1].any()  # nobody learns from what validates
    zips = Grouping(seed=1, whole="zip_code")
    for code in range(known["zip_code"]):
        of = {int(g) for part in parts for g in zips.groups(part, known)[part.codes["zip_code"] == code]}
        assert len(of) <= 1


def test_rows_of_one_zip_code_have_nobody_to_learn_from(table: dict[str, NDArray[Any]]) -> None:
    one = table | {"zip_code": np.full(ROWS, "00601", dtype=object)}
    parts, vocabulary = partitions(one)
    known = sizes(vocabulary)
    for grouping, can in ((Grouping(whole="zip_code"), False), (Grouping(), True)):
        around = centers([inputs(part) for part in parts])
        found = added_statistics([statistics(part, grouping, known, around) for part in parts])
        assert can_learn(found, grouping) is can


def test_the_profile_is_that_of_all_rows(table: dict[str, NDArray[Any]]) -> None:
    counts = reduce(lambda a, b: added_counts([a, b]), map(counted, cut(table)))
    assert profiles(counts) == column_profiles(LISTINGS, table)
    rounded = table | {"price": table["price"].round(-5), "bed": np.full(ROWS, np.nan)}
    assert profiles(added_counts(list(map(counted, cut(rounded))))) == column_profiles(LISTINGS, rounded)
    # As text, too: the order of categories is that in which they came.
    assert list(profiles(counts)["city"].counts) == list(column_profiles(LISTINGS, table)["city"].counts)


def test_sums_add_up_whatever_keys_each_part_met() -> None:
    one = summed(np.array([5, 2, 5]), [None, np.array([1.0, 2.0, 3.0])])
    none = summed(np.empty(0, dtype=np.int64), [None, np.empty(0)])
    other = summed(np.array([9, 2]), [None, np.array([10.0, 20.0])])
    total = added([one, none, other])
    assert total.keys.tolist() == [2, 5, 9]
    assert dense(total, 10)[[2, 5, 9]].tolist() == [[2, 22], [2, 4], [1, 10]]
    assert added([none, none]).values.shape == (0, 2)
