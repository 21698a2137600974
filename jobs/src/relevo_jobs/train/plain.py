"""Plain trees on the default model's features: what is learnt in a second, to tell how much there is to learn. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from relevo_contract.data_set import DataSet
from relevo_jobs.train.fitting import FIXED, blank
from relevo_jobs.use_case import ModelOptions

Floats = NDArray[np.float64]
PLAIN: Final[Mapping[str, float | int]] = {"max_leaves": 24, "fewest": 3, "rounds": 100}
"""`fewest` are the rows of a leaf."""


def learnt(
    rows: Sequence[pd.DataFrame],
    target: Floats,
    data: DataSet,
    options: ModelOptions,
    *,
    parameters: Mapping[str, float | int] = PLAIN,
    predicted: Sequence[Floats] = (),
) -> Floats:
    """What plain trees that learnt the first rows' targets, (n,), say of the second rows, (m,); on the task's scale.

    The rows are as the graph takes them (`graph_inputs`). If it is `predicted` what they are, on the same scale, (n,)
    and (m,), that is corrected: categories are told apart by how far it is wrong.
    """
    task, features = data.predicts, blank(data, options, 0)
    first, second = (one.reset_index(drop=True) for one in rows)
    begun = predicted or [np.full(len(side), target.mean()) for side in (first, second)]
    known: Any = features.fit_transform(first, target - begun[0])
    asked: Any = features.transform(second)
    margins = [task.unlinked(one) for one in begun]
    if predicted:
        known, asked = (np.column_stack(side) for side in zip((known, asked), margins, strict=True))
    given = FIXED | dict(task.boosting) | dict(parameters) | {"nthread": 1, "seed": 0}
    rounds, fewest = int(given.pop("rounds")), float(given.pop("fewest"))
    # XGBoost counts rows by their curvature, which is next to nothing where an outcome is rare.
    given["min_child_weight"] = fewest * float(
        task.linked(margins[0] + 0.5).mean() - task.linked(margins[0] - 0.5).mean()
    )
    matrix = xgboost.QuantileDMatrix(known, target, base_margin=margins[0], max_bin=FIXED["max_bin"], nthread=1)
    booster = xgboost.train(given, matrix, rounds)
    said = booster.predict(xgboost.DMatrix(asked, base_margin=margins[1], nthread=1), output_margin=True)
    return task.linked(said.astype(np.float64))
