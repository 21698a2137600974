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
    """Largest absolute difference on the task's scale, the graph to the fitted model, over all of them."""
    actual: NDArray[np.float64]
    """The held-out rows' target on the task's scale, (n,), in the order of CLEAN."""
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
    """The task's headline on the held-out rows."""
    parameters: dict[str, float | int | str]
    """For the record."""


def compared(fitted: Any, scorer: Scorer, table: Columns) -> tuple[NDArray[np.float64], float]:
    """What the graph says of each row on the task's scale, (n,), and how far the fitted model is from that at most."""
    feeds, task = graph_inputs(scorer.data, table), scorer.data.predicts
    predicted = task.scaled(scorer.run(feeds))
    if not len(predicted):
        return predicted, 0.0
    frame = pd.DataFrame(feeds)
    expected = (
        fitted.predict_proba(frame)[:, 1] if hasattr(fitted, "predict_proba") else task.linked(fitted.predict(frame))
    )
    return predicted, float(np.abs(predicted - np.asarray(expected, dtype=np.float64)).max())


def take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """Some rows of a table, by place."""
    return {name: column[rows] for name, column in columns.items()}
