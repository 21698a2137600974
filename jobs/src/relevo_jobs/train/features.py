"""How raw columns become what trees read: numbers, codes as numbers, ratios, and what each category is worth.

A category becomes the mean target of its rows, drawn towards the mean of all (Micci-Barreca 2001, "A Preprocessing
Scheme for High-Cardinality Categorical Attributes"), and its share of the rows. A row's own target must not reach its
own features, or the trees learn to trust them more than a new row's deserve: so the training rows are cut into folds,
and each fold's features come of the others' sums, as scikit-learn's `TargetEncoder.fit_transform` does it. Counts and
sums add up over parts of the rows, whoever holds them. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

Floats = NDArray[np.float64]
FOLDS: Final = 5
MOST_CATEGORIES: Final = 20_000
"""Of a column, the most frequent ones; the others are unknown ones, as those that come once are."""
FEWEST_ROWS: Final = 2
WHOLE: Final = 0.25
"""Share of the places that are in one fold whole. More costs known places more than new ones gain; docs/model.md has
the figures."""
CODE: Final = r"[0-9]{1,9}"
"""A code that is read as a number, too: zip codes run along the map, and many numbers are given in some order."""


def sums_of(fold: NDArray[np.intp], code: NDArray[np.int32], categories: int, values: Floats) -> Floats:
    """Count, sum and sum of squares of (n,) rows by fold and category, (3, folds, categories): they add up over parts.

    Rows whose value is NaN are left out, and so are those of no fold, that are kept out.
    """
    there = ~np.isnan(values) & (fold < FOLDS)
    place = fold[there] * categories + code[there]
    flat = [
        np.bincount(place, weights, minlength=FOLDS * categories)
        for weights in (None, values[there], values[there] ** 2)
    ]
    return np.array(flat, dtype=np.float64).reshape(3, FOLDS, categories)


def means(sums: Floats) -> Floats:
    """By fold, each category's mean drawn towards the mean of all, and last that of an unknown one.

    The weight of a category's own mean is n v / (n v + w), v being the variance of all rows and w the variance within
    the category (empirical Bayes, as scikit-learn's `smooth="auto"`). (folds, categories + 1).
    """
    count, total, square = sums
    rows = np.maximum(count.sum(axis=1, keepdims=True), 1)
    overall = total.sum(axis=1, keepdims=True) / rows
    spread = np.maximum(square.sum(axis=1, keepdims=True) / rows - overall**2, 1e-12)
    there = np.maximum(count, 1)
    own = total / there
    within = np.maximum(square / there - own**2, 0.0)
    weight = count * spread / (there * spread + within)
    return np.hstack([weight * own + (1 - weight) * overall, overall])


def vocabulary(counts: Mapping[Any, int]) -> tuple[str, ...]:
    """The categories that are kept of a column, by how many rows each has."""
    often = sorted((text for text, rows in counts.items() if rows >= FEWEST_ROWS), key=lambda t: (-counts[t], t))
    return tuple(sorted(often[:MOST_CATEGORIES]))


def worth(sums: Floats) -> NDArray[np.float32]:
    """What each category of a column is worth to the rows of each fold, and last to all others.

    `sums` are those of each target, (targets, 3, folds, categories), the last category those not kept. (FOLDS + 1,
    categories, targets + 1), the last category an unknown one; the last feature is the share of rows.
    """
    whole = sums.sum(axis=2, keepdims=True)
    by_target = [np.vstack([means(of_all - one), means(of_all)]) for one, of_all in zip(sums, whole, strict=True)]
    count = whole[0, 0]
    # A category that a fold alone has is an unknown one to its rows, as to what its mean is.
    share = np.where(np.vstack([count - sums[0, 0], count]) > 0, count / np.maximum(count.sum(), 1), 0.0)
    table = np.stack([*by_target, np.hstack([share, np.zeros((len(share), 1))])], axis=-1)
    # Rows whose category is not kept say nothing of an unknown one: those to come have a category of their own.
    return np.delete(table, -2, axis=1).astype(np.float32)


@dataclass(frozen=True)
class CodedRows:
    """All that is learnt from of some rows, without their texts: 4 bytes a column and 8 a target."""

    given: NDArray[np.float32]
    """(n, features) that need no other row."""
    codes: tuple[NDArray[np.int32], ...]
    """By column each row's place in the vocabulary, (n,); its length is that of a category that is not kept."""
    sizes: tuple[int, ...]
    """By column the vocabulary's length."""
    targets: tuple[Floats, ...]
    """(n,) each, NaN where there is none; the first is what is predicted."""
    place: int | None = None
    """The column whose categories `folds` leaves out whole."""

    def __len__(self) -> int:
        return len(self.targets[0])

    def sums(self, fold: NDArray[np.intp]) -> list[Floats]:
        """By column those of each target, (targets, 3, folds, categories)."""
        return [
            np.array([sums_of(fold, code, size + 1, target) for target in self.targets])
            for code, size in zip(self.codes, self.sizes, strict=True)
        ]

    def features(self, fold: NDArray[np.intp], tables: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """By what each column's categories are `worth` to the rows' folds, (n, features)."""
        return np.column_stack(
            [self.given, *(table[fold, code] for table, code in zip(tables, self.codes, strict=True))]
        )


def folds(rows: CodedRows, seed: int, part: int = 0, out: float = 0.0) -> NDArray[np.intp]:
    """Each row's fold, (n,); `FOLDS` is that of a share kept `out`, which learns from all folds and teaches none.

    A share of the places is in one fold whole: the trees see such rows as rows of a place never seen, which every
    batch brings, and learn to tell their price by the rest.
    """
    draw = np.random.default_rng([seed, part])
    fold = draw.permutation(np.arange(len(rows)) % FOLDS)
    if rows.place is not None:
        same = np.random.default_rng(seed)  # for all parts
        places = rows.sizes[rows.place] + 1
        whole, one = same.random(places) < WHOLE, same.integers(0, FOLDS, places)
        code = rows.codes[rows.place]
        fold = np.where(whole[code], one[code], fold)
    if out:
        fold[draw.permutation(len(rows))[: max(2, round(out * len(rows)))]] = FOLDS
    return fold


class TabularFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A scikit-learn transformer of a table's raw columns to float32 features; `converting` has its ONNX.

    Takes a DataFrame of float32 numbers (NaN missing) and object texts ("" missing), as `graph_inputs` gives them.
    """

    def __init__(  # noqa: PLR0917  # scikit-learn's parameters are the constructor's
        self,
        numbers: Sequence[str] = (),
        categories: Sequence[str] = (),
        codes: Sequence[str] = (),
        ratios: Sequence[tuple[str, str]] = (),
        per: str | None = None,
        place: str | None = None,
        seed: int = 0,
    ) -> None:
        """`codes` are text columns that may be numbers, `ratios` pairs of numbers; `per` is a number by which the
        target is also looked at, such as the price of a square foot. The target is a logarithm then. `place` is the
        category of which new rows bring new ones.
        """
        self.numbers, self.categories, self.codes = numbers, categories, codes
        self.ratios, self.per, self.place, self.seed = ratios, per, place, seed

    def fit(self, x: pd.DataFrame, y: Floats) -> TabularFeatures:
        """Learn from n rows and their targets (n,)."""
        self.fit_transform(x, y)
        return self

    def fit_transform(self, x: pd.DataFrame, y: Floats) -> NDArray[np.float32]:
        """Learn, and return the rows' own features out of fold, (n, features)."""
        known = [vocabulary(x[name].value_counts().to_dict()) for name in self.categories]
        rows = self.coded(x, y, known)
        fold = folds(rows, self.seed)
        tables = list(map(worth, rows.sums(fold)))
        self.learn(known, tables)
        return rows.features(fold, tables)

    def coded(self, x: pd.DataFrame, y: Floats, known: Sequence[Sequence[str]]) -> CodedRows:
        """Rows and their targets (n,) over each column's vocabulary."""
        targets = [np.asarray(y, dtype=np.float64)]
        if self.per is not None:
            size = x[self.per].to_numpy(dtype=np.float64)
            targets.append(targets[0] - np.log(np.where(size > 0, size, np.nan)))
        codes = tuple(_codes(x[name], kept) for name, kept in zip(self.categories, known, strict=True))
        place = None if self.place is None else list(self.categories).index(self.place)
        return CodedRows(self._given(x), codes, tuple(map(len, known)), tuple(targets), place)

    def learn(self, known: Sequence[tuple[str, ...]], tables: Sequence[NDArray[np.float32]]) -> TabularFeatures:
        """Take each column's vocabulary and what its categories are `worth`, of which rows to come get the last."""
        self.known_, self.tables_ = known, [table[FOLDS] for table in tables]
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float32]:
        """Features of n rows, (n, features)."""
        check_is_fitted(self, "tables_")
        learnt = zip(self.categories, self.known_, self.tables_, strict=True)
        return np.column_stack([self._given(x), *(table[_codes(x[name], known)] for name, known, table in learnt)])

    def _given(self, x: pd.DataFrame) -> NDArray[np.float32]:
        """What needs no other row; all in float32, as the graph computes it."""
        made = [x[name].to_numpy(dtype=np.float32) for name in self.numbers]
        for name in self.codes:
            digits = x[name].where(x[name].str.fullmatch(CODE), "nan")
            made.append(digits.to_numpy(dtype=np.float32))
        for over, under in self.ratios:
            a, b = (x[name].to_numpy(dtype=np.float32) for name in (over, under))
            with np.errstate(over="ignore"):
                made.append(np.where(b > 0, a / np.where(b > 0, b, np.float32(1)), np.float32("nan")))
        return np.column_stack(made).astype(np.float32) if made else np.empty((len(x), 0), dtype=np.float32)


def _codes(texts: pd.Series[Any], known: Sequence[str]) -> NDArray[np.int32]:
    """Each row's place in a vocabulary, (n,); its length where it is not there."""
    index: pd.Index[Any] = pd.Index(np.array(known, dtype=object))
    found = index.get_indexer(pd.Index(texts.to_numpy(dtype=object)))
    return np.where(found < 0, len(known), found).astype(np.int32)
