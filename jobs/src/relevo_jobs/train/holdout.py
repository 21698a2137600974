"""A version's predictions for held-out rows, kept so that any two versions can be compared on what they share. Pure.

A row is known by its batch and its place among the batch's held-out rows, which are the same whenever CLEAN is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.bundle import HoldoutPredictions
from relevo_contract.identity import Identity, members

KEPT: Final = 500
"""Rows of a batch at most: an error's interval is then within 4 points, and 200 batches are 2 MB."""
DECIMALS: Final = 4
"""Of a log price: a hundredth of one per cent."""


def chosen(batch: int, rows: int) -> NDArray[np.int64]:
    """Which of a batch's held-out rows are kept, ascending: the same for every version."""
    return np.sort(np.random.default_rng(batch).permutation(rows)[:KEPT])


def holdout_predictions(
    counts: Mapping[int, int],
    log_price: NDArray[np.float64],
    predicted: NDArray[np.float64],
    identity: Identity | None = None,
) -> HoldoutPredictions:
    """Of held-out rows in the order of their batches, (n,) each; `counts` says how many each batch has, n in all."""
    if sum(counts.values()) != len(log_price):
        raise ValueError(f"expected {sum(counts.values())} held-out rows, got {len(log_price)}")
    kept: list[NDArray[np.int64]] = []
    start = 0
    for batch, rows in counts.items():
        kept.append(start + chosen(batch, rows))
        start += rows
    places = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    return HoldoutPredictions(
        batches=tuple(counts),
        counts=tuple(len(one) for one in kept),
        log_price=tuple(log_price[places].round(DECIMALS).tolist()),
        predicted=tuple(predicted[places].round(DECIMALS).tolist()),
        things=() if identity is None else tuple(members(identity[places])[0].tolist()),
    )
