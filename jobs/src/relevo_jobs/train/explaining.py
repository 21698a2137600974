"""What moves a version's predictions: SHAP values by XGBoost itself, as data and as pictures for people."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.bundle import ShapSummary

SAMPLE: Final = 200
"""Rows explained: enough for a picture, and TreeSHAP takes milliseconds a row."""
SHOWN: Final = 15
DECIMALS: Final = 6


def chosen(rows: int, seed: int) -> NDArray[np.int64]:
    """Which of so many rows are explained, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(rows)[:SAMPLE])


def summarize(booster: xgboost.Booster, sample: NDArray[np.float32], feature_names: tuple[str, ...]) -> ShapSummary:
    """SHAP values of the rows chosen, features (n, features)."""
    contributions = booster.predict(xgboost.DMatrix(sample, feature_names=list(feature_names)), pred_contribs=True)
    values = contributions[:, :-1].astype(np.float64)
    return ShapSummary(
        features=feature_names,
        mean_absolute=tuple(np.abs(values).mean(axis=0).tolist()),
        base_value=float(contributions[0, -1]),
        inputs=tuple(tuple(None if np.isnan(v) else v for v in row) for row in sample.astype(np.float64).tolist()),
        values=tuple(tuple(row) for row in values.round(DECIMALS).tolist()),
    )


def draw(summary: ShapSummary, folder: Path) -> None:
    """Draw the importance and the beeswarm as PNG into the folder."""
    import matplotlib as mpl  # noqa: PLC0415  # drawing costs seconds of imports

    mpl.use("Agg")
    import shap  # noqa: PLC0415
    from matplotlib import pyplot as plt  # noqa: PLC0415

    explanation = shap.Explanation(
        np.asarray(summary.values),
        base_values=np.full(len(summary.values), summary.base_value),
        data=np.array([[np.nan if v is None else v for v in row] for row in summary.inputs]),
        feature_names=[name.replace("_", " ") for name in summary.features],
    )
    label = "SHAP value: effect on the log price"
    importance, beeswarm = names.SHAP_PICTURES
    for name, plot, axis_label in (
        (importance, shap.plots.bar, f"mean absolute {label}"),
        (beeswarm, shap.plots.beeswarm, label),
    ):
        plot(explanation, max_display=SHOWN, show=False)
        plt.gca().set_xlabel(axis_label)
        plt.gcf().savefig(folder / name, dpi=110, bbox_inches="tight")
        plt.close("all")
