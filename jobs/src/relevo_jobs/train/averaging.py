"""Several boosters as one: the mean of their predictions, as a single XGBoost model.

A gradient booster's prediction is a sum over trees, so the mean of k boosters is the sum over all their trees with each
leaf divided by k. Averaging models that differ in seed and folds is bagging (Breiman 1996): it takes off variance.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import xgboost


def average(boosters: Sequence[xgboost.Booster]) -> xgboost.Booster:
    """One booster that predicts the mean of the given ones.

    They must share their features, objective and base score. Raises ValueError if they do not.
    """
    models = [json.loads(bytes(booster.save_raw("json"))) for booster in boosters]
    learners = [model["learner"] for model in models]
    first = learners[0]
    for learner in learners[1:]:
        for part in ("learner_model_param", "objective", "feature_names"):
            if learner[part] != first[part]:
                raise ValueError(f"expected boosters with one {part}, got {first[part]} and {learner[part]}")
    trees: list[dict[str, Any]] = []
    for learner in learners:
        for tree in learner["gradient_booster"]["model"]["trees"]:
            leaves = [left == -1 for left in tree["left_children"]]
            tree["split_conditions"] = [
                value / len(models) if leaf else value
                for value, leaf in zip(tree["split_conditions"], leaves, strict=True)
            ]
            tree["base_weights"] = [value / len(models) for value in tree["base_weights"]]
            tree["id"] = len(trees)
            trees.append(tree)
    forest = first["gradient_booster"]["model"]
    forest["trees"] = trees
    forest["tree_info"] = [0] * len(trees)
    forest["iteration_indptr"] = list(range(len(trees) + 1))
    forest["gbtree_model_param"]["num_trees"] = str(len(trees))
    first["attributes"] = {}  # each booster's own, such as its best iteration
    merged = xgboost.Booster()
    merged.load_model(bytearray(json.dumps(models[0]).encode()))
    return merged
