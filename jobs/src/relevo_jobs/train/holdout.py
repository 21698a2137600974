"""What a version keeps of the rows it was never trained on: its residuals, and its predictions to be compared by. Pure.

A row is known by its batch and its place among the batch's held-out rows, which are the same whenever CLEAN is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import entries
from relevo_contract.identity import Identity, copies, members
from relevo_contract.version import Entry, HoldoutPredictions, Residuals

KEPT: Final = 500
"""Rows of a batch at most: an error's interval is then within 4 points, and 200 batches are 2 MB."""
CELLS: Final = 120_000
"""Inputs that are kept of the newest batches' rows, at most: 10,000 rows of twelve columns are 1 MB."""
DECIMALS: Final = 4
"""Of a figure on a scale of shares: a hundredth of one per cent."""
LEVELS: Final = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.975, 0.995)
Floats = NDArray[np.float64]


def chosen(batch: int, rows: int) -> NDArray[np.int64]:
    """Which of a batch's held-out rows are kept, ascending: the same for every version."""
    return np.sort(np.random.default_rng(batch).permutation(rows)[:KEPT])


def told(counts: Mapping[int, int], width: int) -> dict[int, NDArray[np.int64]]:
    """By batch which of its held-out rows are told by their inputs, oldest first: the newest ones' kept rows, as many
    as are CELLS inputs of so many columns. `counts` says how many rows each has.
    """
    rows, found = 0, dict[int, NDArray[np.int64]]()
    for batch in reversed(counts):
        kept = chosen(batch, counts[batch])
        if (rows := rows + len(kept)) * width > CELLS:
            break
        found[batch] = kept
    return dict(reversed(found.items()))


def inputs_of(data: DataSet, held: Columns, places: NDArray[np.int64]) -> dict[str, tuple[Entry, ...]]:
    """What some rows of a table are of, by column as a version's files have it, (places,) each; texts of which nothing
    is learnt are left out.
    """
    rows = [entries(held, (*data.numeric, *data.compared, *data.dates), int(place)) for place in places]
    return {name: tuple(row[name] for row in rows) for name in rows[0]} if rows else {}


def holdout_predictions(
    counts: Mapping[int, int], actual: Floats, predicted: Floats, identity: Identity | None = None
) -> HoldoutPredictions:
    """Of held-out rows in the order of their batches, (n,) each; `counts` says how many each batch has, n in all."""
    if sum(counts.values()) != len(actual):
        raise ValueError(f"expected {sum(counts.values())} held-out rows, got {len(actual)}")
    starts = np.cumsum([0, *counts.values()])
    kept = [start + chosen(batch, rows) for start, (batch, rows) in zip(starts, counts.items(), strict=False)]
    places = np.concatenate([np.empty(0, dtype=np.int64), *kept])
    decimals = _decimals(actual[places])
    return HoldoutPredictions(
        batches=tuple(counts),
        counts=tuple(map(len, kept)),
        actual=tuple(actual[places].round(decimals).tolist()),
        predicted=tuple(predicted[places].round(decimals).tolist()),
        things=() if identity is None else tuple(members(identity[places])[0].tolist()),
    )


def _decimals(values: Floats) -> int:
    """How many tell these values apart: more than DECIMALS if they lie closer together than a tenth."""
    spread = float(values.std()) if len(values) else 0.0
    return DECIMALS + max(0, -int(np.ceil(np.log10(spread)))) if spread > 0 else DECIMALS


def residuals_of(
    actual: Floats, predicted: Floats, identity: Identity | None = None, stretch: float = 1.0
) -> Residuals:
    """Quantiles of the absolute residuals on the task's scale, (n > 0,) each, for split conformal intervals.

    A level q takes the ceil(q (n + 1))-th smallest residual, which errs outwards, so that the coverage holds for any n
    (Lei et al. 2018). Where n is too small for a level, the largest stands in. A thing that comes k times weighs k
    rows; the one asked for, which the 1 stands for, is expected to weigh as much (exchangeable are the groups: Dunn,
    Wasserman & Ramdas 2022). All are as many times as large as `stretch` says (`relevo_jobs.past`).
    """
    rows, weight = len(actual), copies(identity)
    ordered = np.sort(np.abs(actual - predicted))
    ranks = np.ceil((np.array(LEVELS) * (rows + weight)).round(9))  # 0.95 * 20 is 19, whatever its last digit says
    absolute = stretch * ordered[ranks.clip(1, rows).astype(int) - 1]
    return Residuals(rows=rows, levels=LEVELS, absolute=tuple(absolute.tolist()), stretch=stretch)
