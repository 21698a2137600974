"""How rows are cut into partitions, and which of the search's candidates is taken: from numbers alone."""

from __future__ import annotations

import numpy as np
import pytest

from relevo_contract.record import BatchRef
from relevo_jobs.errors import SettingsError
from relevo_jobs.train.partitioned.agreement import PACKAGES, Identity, expect_agreement
from relevo_jobs.train.partitioned.boosting import Attempts, added_attempts, best
from relevo_jobs.train.partitioned.partition import Part, plan


def batch(number: int, kept: int, rejected: int = 0) -> BatchRef:
    return BatchRef(group=6, number=number, sha256=f"{number:064x}", rows=kept + rejected, kept=kept)


def test_rows_are_cut_evenly_across_batches_and_within_them() -> None:
    batches = [batch(1, 400), batch(2, 500), batch(4, 300), batch(5, 2500, rejected=500), batch(6, 300)]
    assert plan(batches, 1000) == [
        Part((1, 2, 4), (1, 0), (4, 100)),
        Part((4, 5), (4, 100), (5, 960)),
        Part((5,), (5, 960), (5, 2160)),
        Part((5, 6), (5, 2160), (7, 0)),
    ]
    assert plan([], 1000) == plan([batch(1, 0, rejected=5)], 1000) == []


@pytest.mark.parametrize("sizes", [(7,), (19, 21, 20), (1, 1, 1), (100, 1), (0, 50, 0), (20_001,)])
def test_every_row_is_in_one_partition_and_none_is_small(sizes: tuple[int, ...]) -> None:
    batches = [batch(number, kept, rejected=number % 3) for number, kept in enumerate(sizes, 1)]
    every = [(b.number, row) for b in batches for row in range(b.rows)]
    parts = plan(batches, 20)
    held = [[place for place in every if part.first <= place < part.end] for part in parts]
    assert [place for rows in held for place in rows] == [place for place in every if place >= parts[0].first]
    assert all({number for number, _ in rows} <= set(part.batches) for part, rows in zip(parts, held, strict=True))
    assert max(map(len, held)) <= 2 * min(map(len, held)) + 4


def attempts(errors: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Attempts:
    return Attempts((10, 20), errors.shape[1], errors.sum(axis=1), errors @ errors.T)


def test_a_candidate_is_taken_only_if_it_is_better_beyond_a_standard_error() -> None:
    draw = np.random.default_rng(0)
    first = draw.random(400)
    noise = draw.normal(0, 0.1, 400)
    for gain in (0.0, 0.002, 0.02):
        errors = np.array([first, first - gain + noise])
        halves = added_attempts([attempts(errors[:, :150]), attempts(errors[:, 150:])])
        difference = errors[1] - errors[0]
        expected = difference.mean() < -difference.std(ddof=1) / np.sqrt(400)
        assert best(halves) == int(expected)
        assert halves.rounds == (10, 20)


def test_a_cluster_that_is_not_of_one_mind_with_the_step_is_refused() -> None:
    ours = Identity("a" * 64, dict.fromkeys(PACKAGES, "1"), "hash")
    expect_agreement(ours, {"tcp://one": ours, "tcp://two": ours})
    for other, said in (
        (Identity("b" * 64, ours.versions, "hash"), "tcp://two has another .bbbbbbbbbbbb.: run them from the same"),
        (
            Identity("a" * 64, {**ours.versions, "numpy": "2"}, "hash"),
            "to have numpy 1 as this step has, tcp://two has 2",
        ),
        (Identity("a" * 64, ours.versions, "other"), "tcp://two finds another newest batch there: give them the same"),
    ):
        with pytest.raises(SettingsError, match=said):
            expect_agreement(ours, {"tcp://one": ours, "tcp://two": other})
