"""How much more rows would teach: the learning curve of a version's training rows. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import Identity
from relevo_contract.means import ONE_SIDED_95, mean
from relevo_contract.profile import LearningCurve
from relevo_jobs.train.plain import learnt
from relevo_jobs.use_case import ModelOptions

Floats = NDArray[np.float64]
FEWEST: Final = 200
"""Rows trained on from which there is a curve: a quarter of them must teach something."""
FEWEST_HELD_OUT: Final = 30
MOST: Final = 40_000
"""Rows that it is drawn of at most, by chance: it is a matter of seconds."""
DRAWS: Final = 2
"""Parts of each size that a loss is the mean of."""


def curve(
    rows: Columns,
    held_out: Columns,
    data: DataSet,
    options: ModelOptions,
    *,
    seed: int,
    identity: Identity | None = None,
) -> LearningCurve | None:
    """The mean loss of plain trees on the held-out rows, learnt from a quarter, half and all of n rows; None of few.

    Parts of one size are disjoint, and those of half the size lie within them (nested subsamples: Perlich, Provost &
    Simonoff 2003, JMLR 4, 211-255). It is of plain trees whatever the version is: what it says is used as a share.
    """
    task, target = data.predicts, data.target
    if len(rows[target]) < FEWEST or len(held_out[target]) < FEWEST_HELD_OUT:
        return None
    order = np.random.default_rng(seed).permutation(len(rows[target]))[:MOST]
    table, asked = (pd.DataFrame(graph_inputs(data, one)) for one in (rows, held_out))
    actual, wanted = task.scaled(rows[target]), task.scaled(held_out[target])

    def losses(parts: int) -> Floats:
        found = []
        for part in np.array_split(order, parts)[:DRAWS]:
            chosen = np.sort(part)
            found.append(task.losses(wanted, learnt((table.iloc[chosen], asked), actual[chosen], data, options)))
        return np.asarray(np.mean(found, axis=0), dtype=np.float64)

    sizes = (4, 2, 1)
    by_size = [losses(parts) for parts in sizes]
    return LearningCurve(
        rows=tuple(len(order) // parts for parts in sizes),
        losses=tuple(float(one.mean()) for one in by_size),
        last=mean(by_size[2] - by_size[1], identity, ONE_SIDED_95),
    )
