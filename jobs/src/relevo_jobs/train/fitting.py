"""Fit a model to rows: the encoder, then XGBoost on the log price. Pure: rows in, model out."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract.encoder import Encoder
from relevo_contract.listing import Columns
from relevo_jobs.train.encoding import learn_out_of_fold

ROUNDS = 300


@dataclass(frozen=True)
class Fitted:
    """A trained model: how a house becomes numbers, and the trees."""

    encoder: Encoder
    booster: xgboost.Booster
    parameters: dict[str, float | int | str]

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """Natural logarithm of the price in US dollars, (n,)."""
        matrix = xgboost.DMatrix(self.encoder.transform(columns), feature_names=list(self.encoder.feature_names))
        return np.asarray(self.booster.predict(matrix), dtype=np.float64)


def fit(columns: Columns, *, seed: int, threads: int) -> Fitted:
    """Fit to training rows (with `price`); `threads` 0 takes all there are."""
    encoder, features = learn_out_of_fold(columns, seed)
    label = np.log(np.asarray(columns["price"], dtype=np.float64))
    parameters: dict[str, float | int | str] = {
        "objective": "reg:squarederror",
        "max_depth": 6,
        "eta": 0.05,
        "min_child_weight": 5,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "seed": seed,
    }
    matrix = xgboost.DMatrix(features, label=label, feature_names=list(encoder.feature_names))
    booster = xgboost.train(parameters | {"nthread": threads or os.cpu_count() or 1}, matrix, ROUNDS)
    return Fitted(encoder, booster, parameters | {"rounds": ROUNDS})
