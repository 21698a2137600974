from __future__ import annotations

import numpy as np
import pytest

from relevo_jobs.train.holdout import CELLS, KEPT, chosen, holdout_predictions, told


def test_the_same_rows_of_a_batch_are_kept_by_every_version() -> None:
    prices = np.random.default_rng(0).normal(12, 1, 2 * KEPT + 30)
    first = holdout_predictions({1: 2 * KEPT}, prices[: 2 * KEPT], np.zeros(2 * KEPT))
    second = holdout_predictions({1: 2 * KEPT, 3: 30}, prices, np.ones(len(prices)))
    assert first.counts == (KEPT,)
    assert second.counts == (KEPT, 30)
    assert second.actual[:KEPT] == first.actual
    assert second.actual[KEPT:] == tuple(prices[2 * KEPT :].round(4).tolist())
    assert set(first.predicted) == {0.0}


def test_a_small_batch_is_kept_whole_and_in_order() -> None:
    assert chosen(7, 5).tolist() == [0, 1, 2, 3, 4]
    assert chosen(7, 0).tolist() == []


def test_rows_that_belong_to_no_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 3 held-out rows, got 2"):
        holdout_predictions({1: 3}, np.zeros(2), np.zeros(2))


def test_the_newest_rows_are_told_by_their_inputs_as_far_as_there_is_room() -> None:
    counts = dict.fromkeys(range(1, 201), 2 * KEPT)
    found = told(counts, 12)
    assert list(found) == list(range(200 - CELLS // (12 * KEPT) + 1, 201))
    assert found[200].tolist() == chosen(200, 2 * KEPT).tolist()
    assert told(counts, CELLS) == {}
    assert list(told({1: 3, 2: 0}, 12)) == [1, 2]
