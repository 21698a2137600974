"""The default model: a scikit-learn pipeline of features and XGBoost's trees. Pure: rows in, model out.

The rows may lie in one process, or in parts on several workers (`on_dask`): each does the same with its own, what it
counts and sums adds up, and XGBoost adds its histograms up itself (`xgboost.collective`).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from relevo_contract.data_set import DataSet
from relevo_jobs.train.features import FOLDS, CodedRows, TabularFeatures, folds, vocabulary, worth
from relevo_jobs.use_case import Context, ModelOptions

Parameters = dict[str, float | int | str]
Floats = NDArray[np.float64]

MEMBERS: Final = 8
"""The boosters averaged, each with its own seed and folds."""
MEMBER_ROUNDS: Final = 1.6
"""Rounds of a member by those that were best for one booster alone: an average overfits later than its members."""
VALIDATION: Final = 0.15
MOST_ROUNDS: Final = 230
PATIENCE: Final = 30
FIXED: Final[Parameters] = {
    "tree_method": "hist",
    "grow_policy": "lossguide",
    "max_depth": 8,
    "max_bin": 128,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}
CANDIDATES: Final[tuple[Parameters, ...]] = (
    {"max_leaves": 64, "min_child_weight": 3},
    {"max_leaves": 12, "min_child_weight": 3},
)
"""The search: rich trees for many rows, plain ones for few; each is stopped early on rows kept out of its training."""


class _Parts(Protocol):
    """The rows trained on, wherever they lie: `boosters` grow at once, each by so many `threads`.

    `each` calls `function(rows, part, *given)` for each part's CodedRows and number, and returns what it returns;
    `together` does so for all parts at once, whose sums XGBoost adds up meanwhile.
    """

    @property
    def boosters(self) -> int: ...
    @property
    def threads(self) -> int: ...
    def each(self, function: Callable[..., Any], *given: Any) -> list[Any]: ...
    def together(self, function: Callable[..., Any], *given: Any) -> list[Any]: ...


@dataclass(frozen=True)
class Whole:
    """All rows in this process."""

    rows: CodedRows
    boosters: int
    threads: int = 1
    """Threads that share a booster wait for each other at every node, and on a busy machine they wait spinning."""

    def each(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        """Call it here."""
        return [function(self.rows, 0, *given)]

    together = each


def fit(x: pd.DataFrame, y: Floats, context: Context, options: ModelOptions) -> Pipeline:
    """Fit to n rows, as many as `relevo_jobs.needs` says, and their targets on the task's scale, (n,).

    The same rows in the same order and the same seed give the same model, whatever the threads.
    """
    features = blank(context.data, options, context.seed)
    known = [vocabulary(x[name].value_counts().to_dict()) for name in features.categories]
    parts = Whole(features.coded(x, y, known), context.threads or os.cpu_count() or 1)
    return fit_parts(parts, features, known, context)


def blank(data: DataSet, options: ModelOptions, seed: int) -> TabularFeatures:
    """The features of a data set, which have learnt nothing yet."""
    return TabularFeatures(
        numbers=(*data.numeric, *data.dates),
        categories=data.compared,
        codes=tuple(name for name in data.categorical if data.rule(name).kind in {"identifier", "zip_code"}),
        ratios=options.ratios,
        per=options.per,
        place=next(iter(data.within), None),
        seed=seed,
    )


def fit_parts(
    parts: _Parts,
    features: TabularFeatures,
    known: Sequence[tuple[str, ...]],
    context: Context,
    say: Callable[[str], None] = lambda _: None,
) -> Pipeline:
    """Fit to rows that are coded over these vocabularies, and put the pipeline together."""
    rows, total = np.sum(parts.each(_label_sums), axis=0)
    task = context.data.predicts
    common = FIXED | dict(task.boosting) | {"nthread": parts.threads, "base_score": float(total / rows)}

    def learnt(*draw: Any) -> Tables:
        return [worth(np.sum(column, axis=0)) for column in zip(*parts.each(_sums, *draw), strict=True)]

    with ThreadPoolExecutor(parts.boosters) as workers:
        tables = learnt(context.seed, VALIDATION)

        def attempt(candidate: Parameters) -> tuple[int, Floats]:
            made = parts.together(boost, context.seed, VALIDATION, tables, common | candidate, MOST_ROUNDS)
            actual, predicted = (np.concatenate(side) for side in zip(*(out for _, out in made), strict=True))
            return made[0][0].best_iteration + 1, task.losses(actual, task.linked(predicted))

        attempts = list(workers.map(attempt, CANDIDATES))
        best = _best([errors for _, errors in attempts])
        rounds, chosen = round(attempts[best][0] * MEMBER_ROUNDS), CANDIDATES[best]

        def member(number: int) -> xgboost.Booster:
            say(f"booster {number + 1} of {MEMBERS}: {rounds} rounds")
            seed = context.seed + number
            made: list[tuple[xgboost.Booster, Out]]
            made = parts.together(boost, seed, 0.0, learnt(seed, 0.0), common | chosen, rounds)
            return made[0][0]

        booster = average(list(workers.map(member, range(MEMBERS))))
    trees = xgboost.XGBRegressor(n_jobs=context.threads or None)
    trees.load_model(bytearray(booster.save_raw("ubj")))
    error = float(attempts[best][1].mean())
    found: Parameters = {"rounds": rounds, "members": MEMBERS, "validation_loss": error, "seed": context.seed}
    pipeline = Pipeline([("features", features.learn(known, learnt(context.seed, 0.0))), ("trees", trees)])
    pipeline.parameters_ = FIXED | dict(task.boosting) | chosen | found
    return pipeline


Tables = list[NDArray[np.float32]]
"""By column, see `features.worth`."""
Out = tuple[Floats, Floats]
"""Targets of the rows kept out of a training, (n,), and what the booster says of them before its link."""


def _label_sums(rows: CodedRows, _: int) -> tuple[int, float]:
    return len(rows), float(rows.targets[0].sum())


def _sums(rows: CodedRows, part: int, seed: int, out: float) -> list[Floats]:
    return rows.sums(folds(rows, seed, part, out))


def boost(  # noqa: PLR0917  # what a worker is told, by place
    rows: CodedRows, part: int, seed: int, out: float, tables: Tables, parameters: Parameters, rounds: int
) -> tuple[xgboost.Booster, Out]:
    """Grow a booster on a part's rows, and on what `xgboost.collective` adds of other parts.

    If a share of the rows is kept `out`, it is stopped early on them, and they are returned, too.
    """
    fold = folds(rows, seed, part, out)
    features, label = rows.features(fold, tables), rows.targets[0]
    kept, threads, given = fold < FOLDS, parameters["nthread"], parameters | {"seed": seed}
    training = xgboost.QuantileDMatrix(features[kept], label[kept], max_bin=FIXED["max_bin"], nthread=threads)
    if not out:
        return xgboost.train(given, training, rounds), (np.empty(0), np.empty(0))
    rest = xgboost.DMatrix(features[~kept], label[~kept], nthread=threads)
    booster = xgboost.train(
        given, training, rounds, evals=[(rest, "out")], early_stopping_rounds=PATIENCE, verbose_eval=False
    )
    predicted = booster.predict(rest, output_margin=True, iteration_range=(0, booster.best_iteration + 1))
    return booster, (label[~kept], predicted.astype(np.float64))


def _best(errors: Sequence[Floats]) -> int:
    """The candidate to take by each one's losses on the rows kept out, (n,).

    The first candidate stands unless a later one is better by more than one standard error of the paired difference:
    the least of noisy figures would be a lottery (the one-standard-error rule, Breiman et al. 1984, 3.4.3).
    """
    best = 0
    for challenger in range(1, len(errors)):
        difference = errors[challenger] - errors[best]
        if difference.mean() < -difference.std(ddof=1) / np.sqrt(len(difference)):
            best = challenger
    return best


def average(boosters: Sequence[xgboost.Booster]) -> xgboost.Booster:
    """One booster that says the mean of what the given ones say before their link; they share features and base score.

    A prediction is a sum over trees, so the mean of k boosters is the sum over all their trees with each leaf divided
    by k. Averaging models that differ in seed and folds is bagging (Breiman 1996): it takes off variance.
    """
    models = [json.loads(bytes(booster.save_raw("json"))) for booster in boosters]
    trees: list[dict[str, Any]] = []
    for tree in (tree for model in models for tree in model["learner"]["gradient_booster"]["model"]["trees"]):
        tree["split_conditions"] = [
            value / len(models) if left == -1 else value  # of a leaf, which has no children, its value stands there
            for value, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
        ]
        tree["base_weights"] = [value / len(models) for value in tree["base_weights"]]
        trees.append(tree | {"id": len(trees)})
    learner = models[0]["learner"]
    forest = learner["gradient_booster"]["model"]
    forest |= {"trees": trees, "tree_info": [0] * len(trees), "iteration_indptr": list(range(len(trees) + 1))}
    forest["gbtree_model_param"]["num_trees"] = str(len(trees))
    learner["attributes"] = {}  # each booster's own, such as its best iteration
    if learner["objective"]["name"] == "binary:logistic":  # the trees add up to log odds; the graph has the link
        learner["objective"] = {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}
        share = float(np.ravel(json.loads(learner["learner_model_param"]["base_score"]))[0])
        learner["learner_model_param"]["base_score"] = f"[{math.log(share / (1 - share))!r}]"
    merged = xgboost.Booster()
    merged.load_model(bytearray(json.dumps(models[0]).encode()))
    return merged
