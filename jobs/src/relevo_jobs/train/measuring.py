"""What a version says of rows, beside the fitted model it was made of: in one process, or on each worker. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import Identity
from relevo_contract.record import Estimate
from relevo_jobs.scoring import Scorer


@dataclass(frozen=True)
class Measured:
    """What a version says of rows, or of a part of them."""

    difference: float
    """Largest absolute difference of the logarithm, the graph to the fitted model, over all of them."""
    actual: NDArray[np.float64]
    """Logarithm of the held-out rows' target, (n,), in the order of CLEAN."""
    predicted: NDArray[np.float64]
    """What the graph says of them, (n,)."""
    identity: Identity | None
    """Which of them are of one thing, (n,)."""
    held_out: Columns
    """Some of them, or all."""
    sample: Columns
    """Some of the rows trained on, or all."""

    @classmethod
    def joined(cls, parts: Sequence[Measured]) -> Measured:
        """Of all parts, in their order."""
        things = [part.identity for part in parts if part.identity is not None]
        return cls(
            float(np.max([part.difference for part in parts])),
            np.concatenate([part.actual for part in parts]),
            np.concatenate([part.predicted for part in parts]),
            np.concatenate(things) if things else None,
            *(
                {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
                for tables in ([part.held_out for part in parts], [part.sample for part in parts])
            ),
        )


@dataclass(frozen=True)
class Made:
    """A version that is written."""

    rows: int
    """It was trained on."""
    measured: Measured
    promised: Estimate
    """Median error on the held-out rows, as a share."""
    parameters: dict[str, float | int | str]
    """For the record."""


def compared(fitted: Any, scorer: Scorer, table: Columns) -> tuple[NDArray[np.float64], float]:
    """Logarithm of what the graph says of each row, (n,), and how far the fitted model is from that at most."""
    feeds = graph_inputs(scorer.data, table)
    predicted = np.log(scorer.run(feeds))
    if not len(predicted):
        return predicted, 0.0
    expected = np.asarray(fitted.predict(pd.DataFrame(feeds)), dtype=np.float64)
    return predicted, float(np.abs(predicted - expected).max())


def take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """Some rows of a table, by place."""
    return {name: column[rows] for name, column in columns.items()}
