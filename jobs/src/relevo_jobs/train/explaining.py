"""What moves a version's predictions: Shapley values of the raw columns by the shap package, as data and pictures."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.graph_inputs import entries, graph_inputs, values_of
from relevo_contract.version import Example, ShapleySummary
from relevo_jobs.scoring import Scorer
from relevo_jobs.train.measuring import take

SAMPLE: Final = 200
"""Rows explained: enough for a picture."""
PERMUTATIONS: Final = 4
"""Orders of the columns by which each row is explained, there and back: what is told of them are means over the
sample."""
TYPICAL_OF: Final = 2000
SHOWN: Final = 15
DIGITS: Final = 6


def chosen(rows: int, seed: int) -> NDArray[np.int64]:
    """Which of so many rows are explained, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:SAMPLE])


def typical(rows: Columns, scorer: Scorer, seed: int) -> Example:
    """Choose the row that explanations begin with: of those with the fewest inputs missing, the median prediction's.

    It is looked for among so many rows, drawn by the seed, that more of them would change nothing.
    """
    drawn = np.random.default_rng(seed).permutation(len(rows[scorer.data.target]))[:TYPICAL_OF]
    rows = take(rows, drawn)
    feeds = graph_inputs(scorer.data, rows)
    missing = sum((column == "") if column.dtype == object else np.isnan(column) for column in feeds.values())
    complete = np.flatnonzero(missing == np.min(missing))
    predicted = scorer.run(feeds)
    row = int(complete[np.argmin(np.abs(predicted[complete] - np.median(predicted)))])
    return Example(inputs=entries(rows, scorer.data.inputs, row), prediction=float(predicted[row]))


def explain(scorer: Scorer, base: Example, sample: Columns) -> ShapleySummary:
    """Explain a sample (n > 0 rows) from the base row on, in the target's unit.

    The shap package's permutation explainer (Štrumbelj & Kononenko 2014; Lundberg & Lee 2017) gets each row as places
    in the table of values, for it computes on numbers; a column that is hidden has the base row's value.
    """
    data, columns = scorer.data, scorer.data.inputs
    feeds = graph_inputs(data, sample)
    base_feeds = graph_inputs(data, {name: [value] for name, value in values_of(data, base.inputs).items()})
    table = {name: np.concatenate([base_feeds[name], feeds[name]]) for name in columns}
    rows = len(feeds[columns[0]])

    def answer(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return scorer.run({name: table[name][places[:, at].astype(int)] for at, name in enumerate(columns)})

    def masker(shown: NDArray[np.bool_], row: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(shown, row, 0.0)[np.newaxis]

    own = np.repeat(np.arange(1.0, rows + 1)[:, np.newaxis], len(columns), axis=1)
    explainer = _shap().explainers.Permutation(answer, masker, seed=0)
    values = explainer(own, max_evals=2 * PERMUTATIONS * len(columns) + 1, silent=True).values
    return ShapleySummary(
        columns=columns,
        mean_absolute=tuple(np.abs(values).mean(axis=0).tolist()),
        typical=base,
        inputs=tuple(tuple(entries(sample, columns, row).values()) for row in range(rows)),
        values=tuple(tuple(float(f"{value:.{DIGITS}g}") for value in row) for row in values.tolist()),
    )


def _shap() -> Any:
    """The shap package. Its loops over coalitions take a blink, and compiling them would take seconds each time."""
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    import shap  # noqa: PLC0415  # seconds of imports

    return shap


def draw(summary: ShapleySummary, folder: Path) -> None:
    """Draw the importance and the beeswarm as PNG into the folder."""
    import matplotlib as mpl  # noqa: PLC0415  # drawing costs seconds of imports

    mpl.use("Agg")
    shap = _shap()
    from matplotlib import pyplot as plt  # noqa: PLC0415

    numbers = [[np.nan if isinstance(v, str) or v is None else v for v in row] for row in summary.inputs]
    explanation = shap.Explanation(
        np.asarray(summary.values),
        base_values=np.full(len(summary.values), summary.typical.prediction),
        data=np.array(numbers, dtype=np.float64),
        feature_names=[name.replace("_", " ") for name in summary.columns],
    )
    label = "Shapley value: effect on the prediction"
    importance, beeswarm = names.SHAPLEY_PICTURES
    for name, plot, axis_label in (
        (importance, shap.plots.bar, f"mean absolute {label}"),
        (beeswarm, shap.plots.beeswarm, label),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns without a number, which have no colour
            plot(explanation, max_display=SHOWN, show=False)
        plt.gca().set_xlabel(axis_label)
        plt.gcf().savefig(folder / name, dpi=110, bbox_inches="tight")
        plt.close("all")
