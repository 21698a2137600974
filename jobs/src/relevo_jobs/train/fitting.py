"""Fit a model to rows: the encoder, then XGBoost on the log price. Pure: rows in, model out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.encoder import Encoder
from relevo_contract.features import Features
from relevo_jobs.train.averaging import average
from relevo_jobs.train.encoding import Rows, learn, out_of_fold

Parameters = dict[str, float | int | str]

MEMBERS: Final[Sequence[str | None]] = (None, None, None, None, "zip_code")
"""The boosters averaged, each with its own seed and folds. The last one's folds are whole zip codes: it learns what to
say of a place it never saw, which is what a new region asks (docs/model.md has what that is worth)."""
MEMBER_ROUNDS: Final = 1.3
"""Rounds of a member by those that were best for one booster alone: an average overfits later than its members."""
VALIDATION: Final = 0.15
MOST_ROUNDS: Final = 230
PATIENCE: Final = 30
FIXED: Final[Parameters] = {
    "objective": "reg:squarederror",
    "eval_metric": "mae",
    "tree_method": "hist",
    "grow_policy": "lossguide",
    "max_depth": 8,
    "max_bin": 128,
    "eta": 0.07,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}
CANDIDATES: Final[tuple[Parameters, ...]] = (
    {"max_leaves": 64, "min_child_weight": 3},
    {"max_leaves": 12, "min_child_weight": 3},
)
"""The search: rich trees for many rows, plain ones for few; each is stopped early on rows kept out of its training."""


@dataclass(frozen=True)
class Fitted:
    """A trained model: how a house becomes numbers, and the trees."""

    encoder: Encoder
    booster: xgboost.Booster
    parameters: Parameters
    """XGBoost's, with the rounds and what the search found."""

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """Natural logarithm of the price in US dollars, (n,)."""
        return predict(self.booster, self.encoder.transform(columns))


def predict(booster: xgboost.Booster, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log price by XGBoost from features (n, features); (n,)."""
    if not len(features):
        return np.empty(0)
    return np.asarray(booster.inplace_predict(features, validate_features=False), dtype=np.float64)


def _search(rows: Rows, common: Mapping[str, object], seed: int, workers: Executor) -> tuple[Parameters, int, float]:
    """The candidate to take, its rounds, and its mean absolute error on rows kept out.

    The first candidate stands unless a later one is better by more than one standard error of the paired difference:
    the least of noisy figures would be a lottery (the one-standard-error rule, Breiman et al. 1984, 3.4.3).
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    cut = max(2, round(VALIDATION * len(rows)))
    out, kept = rows.take(order[:cut]), rows.take(order[cut:])
    features = out_of_fold(kept, seed)
    held = Features(learn(kept)).of(out.given, out.codes)

    def attempt(candidate: Parameters) -> tuple[int, NDArray[np.float64]]:
        validation = xgboost.DMatrix(held, label=out.log_price)
        booster = xgboost.train(
            {**common, **candidate},
            xgboost.DMatrix(features, label=kept.log_price),
            MOST_ROUNDS,
            evals=[(validation, "validation")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        rounds = booster.best_iteration + 1
        predicted = booster.predict(validation, iteration_range=(0, rounds))
        return rounds, np.abs(predicted - out.log_price).astype(np.float64)

    attempts = list(workers.map(attempt, CANDIDATES))
    best = 0
    for challenger in range(1, len(CANDIDATES)):
        difference = attempts[challenger][1] - attempts[best][1]
        if difference.mean() < -difference.std(ddof=1) / np.sqrt(len(difference)):
            best = challenger
    rounds, errors = attempts[best]
    return CANDIDATES[best], round(rounds * MEMBER_ROUNDS), float(errors.mean())


def fit(columns: Columns, *, seed: int, threads: int, members: Sequence[str | None] = MEMBERS) -> Fitted:
    """Fit to training rows (with `price`); `threads` 0 takes all there are. `members` as in MEMBERS.

    The same rows in the same order and the same seed give the same model, whatever the threads. There must be as many
    rows as `relevo_jobs.needs` says.
    """
    rows = Rows.of(columns)
    encoder = learn(rows)
    fixed: Parameters = FIXED | {"seed": seed, "base_score": float(rows.log_price.mean())}
    # One thread a booster and several boosters at once: threads that share a booster wait for each other at every
    # node, and on a busy machine they wait spinning.
    common = fixed | {"nthread": 1}
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as workers:
        chosen, rounds, error = _search(rows, common, seed, workers)

        def train(member: int) -> xgboost.Booster:
            features = out_of_fold(rows, seed + member, members[member])
            matrix = xgboost.DMatrix(features, label=rows.log_price, feature_names=list(encoder.feature_names))
            return xgboost.train({**common, **chosen, "seed": seed + member}, matrix, rounds)

        booster = average(list(workers.map(train, range(len(members)))))
    found: Parameters = {"rounds": rounds, "members": len(members), "validation_mae": error}
    return Fitted(encoder, booster, fixed | chosen | found)
