"""SHAP values of boosted trees: by how much each feature raises or lowers one prediction. Pure.

The game is TreeSHAP's (Lundberg et al. 2020, "tree_path_dependent"): a feature that is left out follows both branches,
weighed by the training rows that took them. A leaf adds, over the d features of its path,

    v (o_i - z_i) ∫₀¹ Π_{j≠i} (t o_j + (1 - t) z_j) dt

to feature i's value, where o_j tells whether the house passes all splits on j and z_j is the share of training rows
that do: the integral is the sum over coalitions with Shapley's weights, which are Beta integrals. Its integrand is a
polynomial of degree d - 1, so Gauss-Legendre's rule with d/2 nodes is exact. That is XGBoost's own result
(`pred_contribs=True`), in numpy, over all leaves at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_serving.errors import BrokenVersion
from relevo_serving.explaining.ubjson import loads

_SMALLEST: Final = 1e-12
"""A share of no rows at all would divide by zero."""


class Explained(NamedTuple):
    """A prediction as a sum."""

    base: float
    """The mean prediction over the training rows."""
    values: NDArray[np.float64]
    """(features,); `base` and these add up to the prediction."""


@dataclass(frozen=True)
class Trees:
    """The paths of all trees, from root to leaf: one element for each feature that a path splits on.

    `starts` (leaves,) is where a leaf's elements begin; all others but `value` (leaves,) are (elements,).
    """

    features: int
    base: float
    value: NDArray[np.float64]
    starts: NDArray[np.int64]
    leaf: NDArray[np.int32]
    feature: NDArray[np.int32]
    low: NDArray[np.float32]
    """The element is passed from here on,"""
    high: NDArray[np.float32]
    """below here,"""
    missing: NDArray[np.bool_]
    """and where the feature is missing, if this says so."""
    share: NDArray[np.float64]
    """Of the training rows, those that pass the element's splits."""

    def explain(self, features: NDArray[np.float32]) -> Explained:
        """One house's features, (features,), NaN where missing."""
        given = features[self.feature]
        passes = ((given >= self.low) & (given < self.high)) | (np.isnan(given) & self.missing)
        weights = np.zeros(len(given))
        degree = int(np.diff(self.starts, append=len(given)).max(initial=1)) - 1
        places, rule = np.polynomial.legendre.leggauss(degree // 2 + 1)
        for t, weight in zip((places + 1) / 2, rule / 2, strict=True):
            factors = (1 - t) * self.share + t * passes
            products = weight * np.multiply.reduceat(factors, self.starts) * self.value
            weights += products[self.leaf] / factors
        weights *= passes - self.share
        return Explained(self.base, np.bincount(self.feature, weights, self.features).astype(np.float64))


def read(model: bytes) -> Trees:
    """The trees of a `model.ubj`. Raises BrokenVersion if it holds something else."""
    try:
        learner = loads(model)["learner"]
        trees: list[dict[str, Any]] = learner["gradient_booster"]["model"]["trees"]
        base = float(learner["learner_model_param"]["base_score"].strip("[]"))
        features = int(learner["learner_model_param"]["num_feature"])
        return _paths(_Nodes.of(trees), features, base)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenVersion(f"expected XGBoost's trees in model.ubj, {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Nodes:
    """All trees' nodes in one table, each (nodes,); `parent` is -1 at a root."""

    parent: NDArray[np.int64]
    is_leaf: NDArray[np.bool_]
    is_left: NDArray[np.bool_]
    """Whether it is its parent's left child."""
    feature: NDArray[np.int32]
    condition: NDArray[np.float32]
    """Where the node splits (left: below); a leaf's value."""
    default_left: NDArray[np.bool_]
    rows: NDArray[np.float64]

    @classmethod
    def of(cls, trees: list[dict[str, Any]]) -> _Nodes:
        first = np.cumsum([0, *(len(tree["left_children"]) for tree in trees)])

        def joined(name: str) -> NDArray[Any]:
            return np.concatenate([tree[name] for tree in trees])

        def children(name: str) -> NDArray[np.int64]:
            return np.concatenate(
                [np.where(c < 0, -1, c + at) for c, at in zip((t[name] for t in trees), first[:-1], strict=True)]
            )

        left, right = children("left_children"), children("right_children")
        is_leaf = left < 0
        inner = np.flatnonzero(~is_leaf)
        parent = np.full(len(left), -1)
        parent[left[inner]] = inner
        parent[right[inner]] = inner
        is_left = np.zeros(len(left), dtype=bool)
        is_left[left[inner]] = True
        return cls(
            parent, is_leaf, is_left, joined("split_indices"), joined("split_conditions"),
            joined("default_left").astype(bool), joined("sum_hessian").astype(np.float64),
        )  # fmt: skip


def _paths(nodes: _Nodes, features: int, base: float) -> Trees:
    """Walk up from all leaves at once, then merge a path's splits on the same feature."""
    leaves = np.flatnonzero(nodes.is_leaf & (nodes.parent >= 0))
    stumps = nodes.condition[nodes.is_leaf & (nodes.parent < 0)].astype(np.float64).sum()  # trees without a split
    steps: list[tuple[NDArray[Any], NDArray[Any]]] = []
    number, at = np.arange(len(leaves)), leaves
    while len(at):
        steps.append((number, at))
        above = nodes.parent[at]
        going = nodes.parent[above] >= 0
        number, at = number[going], above[going]
    leaf = np.concatenate([n for n, _ in steps]) if steps else np.empty(0, dtype=np.int64)
    child = np.concatenate([c for _, c in steps]) if steps else np.empty(0, dtype=np.int64)
    split = nodes.parent[child]
    order = np.lexsort((nodes.feature[split], leaf))
    leaf, child, split = leaf[order], child[order], split[order]
    feature, left = nodes.feature[split], nodes.is_left[child]
    begins = np.flatnonzero(np.diff(leaf * features + feature, prepend=-1))  # of an element: a leaf and a feature
    condition = nodes.condition[split]
    share = np.maximum(np.multiply.reduceat(nodes.rows[child] / nodes.rows[split], begins), _SMALLEST)
    starts = np.flatnonzero(np.diff(leaf[begins], prepend=-1))
    value = nodes.condition[leaves].astype(np.float64)
    return Trees(
        features=features,
        base=base + float(stumps) + float((value * np.multiply.reduceat(share, starts)).sum()),
        value=value,
        starts=starts,
        leaf=leaf[begins].astype(np.int32),
        feature=feature[begins],
        low=np.maximum.reduceat(np.where(left, -np.inf, condition), begins).astype(np.float32),
        high=np.minimum.reduceat(np.where(left, condition, np.inf), begins).astype(np.float32),
        missing=np.logical_and.reduceat(left == nodes.default_left[split], begins),
        share=share,
    )
