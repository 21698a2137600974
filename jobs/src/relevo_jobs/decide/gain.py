"""What a training would gain, tried before it is made: is there something to learn that the champion does not know?

A small correction of the champion's predictions is learnt on the older of the rows that wait, and tried on the newer.
What it takes off their loss is there to be learnt, and lasts at least from the one to the other: rows drawn at random
would tell of a change that is over by the next batch as if it stayed. It tells of a place never seen, of a market that
moved and of a model that has not learnt enough yet alike, in one figure, of this data set's own rows; whatever the data
are, and whatever the champion is. docs/decisions.md has what it was held against. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.estimates import Estimate
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import Identity
from relevo_contract.means import ONE_SIDED_95, mean
from relevo_contract.profile import LearningCurve
from relevo_jobs.use_case import ModelOptions

Floats = NDArray[np.float64]

FEWEST: Final = 100
"""Rows waiting from which a correction is tried."""
MOST: Final = 8000
"""The newest rows waiting that are looked at, so that a decision costs the same however many wait."""
OLDER: Final = 0.6
"""Share of them that the correction is learnt on."""
CORRECTION: Final[Mapping[str, float | int]] = {
    "max_leaves": 8,
    "fewest": 10,
    "colsample_bytree": 0.8,
    "lambda": 5,
    "rounds": 30,
}
"""Plain trees, few of them: a correction, not a model; what these find, a training finds."""
OF_A_CURVE: Final = 0.3
"""The share of what a learning curve says that comes: it is drawn on rows like those trained on, and the next batch's
are others. docs/decisions.md has its effect."""
BEFORE: Final = 0.1
"""What `believed` begins with: a tenth of the loss."""


@dataclass(frozen=True)
class Measured:
    """What the correction took off the newer rows' mean loss, as a share of it, with its 90 % interval."""

    gain: Estimate
    learnt_from: int
    tried_on: int


def measured(
    waiting: Columns, predicted: Floats, data: DataSet, options: ModelOptions, identity: Identity | None = None
) -> Measured | None:
    """Try a correction on n rows that wait, in the order in which they came; None if they are too few.

    `predicted` is what the champion says of them on the task's scale, (n,); `identity` says which are of one thing. The
    same rows give the same figure.
    """
    task, actual = data.predicts, data.predicts.scaled(waiting[data.target])
    newest = np.flatnonzero(np.isfinite(predicted))[-MOST:]
    if len(newest) < FEWEST:
        return None
    older, newer = np.split(newest, [int(OLDER * len(newest))])
    corrected = _corrected(waiting, predicted, (older, newer), data, options)
    before = task.losses(actual[newer], predicted[newer])
    less = before - task.losses(actual[newer], corrected)
    loss = float(before.mean())
    found = mean(less, None if identity is None else identity[newer], ONE_SIDED_95)
    shares = {end: value / loss if loss > 0 else 0.0 for end, value in found}
    return Measured(Estimate.model_validate(shares), len(older), len(newer))


def _corrected(
    rows: Columns,
    predicted: Floats,
    sides: tuple[NDArray[np.intp], NDArray[np.intp]],
    data: DataSet,
    options: ModelOptions,
) -> Floats:
    """What the champion says of the second side, corrected by what the first teaches, on the task's scale."""
    import pandas as pd  # noqa: PLC0415  # a second of imports, of a step that has rows to try it on

    from relevo_jobs.train.plain import learnt  # noqa: PLC0415

    table, actual = pd.DataFrame(graph_inputs(data, rows)), data.predicts.scaled(rows[data.target])
    both, before = [table.iloc[side] for side in sides], [predicted[side] for side in sides]
    return learnt(both, actual[sides[0]], data, options, parameters=CORRECTION, predicted=before)


def by_curve(curve: LearningCurve | None, trained_on: int, waiting: int) -> Estimate | None:
    """What so many more rows take off the mean loss by a version's learning curve, as a share; None without one.

    The curve is taken for a power of the rows (Hestness et al. 2017, "Deep Learning Scaling is Predictable,
    Empirically"; Viering & Loog 2022, "The Shape of Learning Curves: a Review"); its last doubling shows the exponent.
    """
    if curve is None or not trained_on or min(curve.losses) <= 0:
        return None
    times = np.log2((trained_on + waiting) / trained_on)

    def share(change: float) -> float:
        after = max(curve.losses[-2] + change, 1e-12 * curve.losses[-2])
        return OF_A_CURVE * (1 - float((after / curve.losses[-2]) ** times))

    return Estimate(value=share(curve.last.value), low=share(curve.last.high), high=share(curve.last.low))


def believed(earlier: Sequence[tuple[float, float]]) -> float:
    """The share of earlier expectations that came, by what each training was expected to take off and what it did.

    It begins at 1, as if trainings that take off a tenth in all had kept what was expected of them, and goes down where
    they do not: where a data set's gains do not come, its trainings become rare by themselves.
    """
    expected, came = (sum(side) for side in zip(*earlier, strict=True)) if earlier else (0.0, 0.0)
    return (BEFORE + came) / (BEFORE + expected)
