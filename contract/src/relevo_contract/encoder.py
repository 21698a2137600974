"""The encoder: how a house becomes the model's numbers. Plain data, so that it travels as JSON and needs no pickle.

The only transformation there is: training, the decisions and serving all call it. What it holds is learnt by
`relevo_jobs.train.encoding`; what it does with it is described in docs/model.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from relevo_contract.categories import INPUT_OF, categories, codes, index
from relevo_contract.listing import Columns
from relevo_contract.numbers import NUMBERS, design, log_size, numbers

Target = Literal["log_price", "log_price_per_foot"]
Codes = Mapping[str, NDArray[np.int64]]
"""By vocabulary each row's place in it, -1 where missing or never seen; each (n,)."""

PRICE_BY_SIZE: Final = "price_by_size"
FOOT_PRICE: Final = "foot_price_by_zip_code"
SHARES: Final = ("zip_code", "city", "brokered_by")
PLACES: Final = ("state", "zip3", "city", "zip_code")


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetEncoding(_Data):
    """One feature: the mean of the target by category, drawn towards its parent's value where rows are few.

    `(count · mean + smoothing · parent) / (count + smoothing)`: empirical Bayes (Micci-Barreca 2001). A category never
    seen has the parent's value, so an unknown zip code is worth its city, an unknown city its region, and so on.
    """

    feature: str
    by: str
    """The vocabulary."""
    target: Target = "log_price"
    parent: str | None = None
    """The feature it falls back on; None is the mean of all rows."""
    smoothing: float
    counts: tuple[int, ...] = ()
    """Rows a category, in the vocabulary's order."""
    means: tuple[float, ...] = ()


class AdditiveModel(_Data):
    """A linear model of the house plus one effect a category: what a place is worth, the same house everywhere.

    Method: random intercepts (Henderson 1975) by backfitting (Buja, Hastie & Tibshirani 1989).
    """

    centers: tuple[float, ...]
    """Means of the design's columns, which also fill what is missing."""
    coefficients: tuple[float, ...]
    effects: dict[str, tuple[float, ...]]
    """By vocabulary, one a category, in log price."""


_LARGEST = float(np.finfo(np.float32).max)


class Encoder(_Data):
    """Houses to features; what is learnt is in its fields."""

    format: Literal[1] = 1
    """Raised when the same fields come to mean something else: an encoder of another format is refused."""
    rows: int
    """Rows it was learnt from."""
    vocabulary: dict[str, tuple[str, ...]]
    overall: dict[Target, float]
    encodings: tuple[TargetEncoding, ...]
    """Parents before their children."""
    additive: AdditiveModel

    _index: dict[str, dict[str | None, int]] = PrivateAttr(default_factory=dict)
    _counts: dict[str, NDArray[np.float64]] = PrivateAttr(default_factory=dict)
    _means: dict[str, NDArray[np.float64]] = PrivateAttr(default_factory=dict)
    _effects: dict[str, NDArray[np.float64]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _sizes_agree(self) -> Encoder:
        known: set[str | None] = {None}
        tables = [(e.feature, e.by, t) for e in self.encodings for t in (e.counts, e.means)]
        tables += [("additive", by, effects) for by, effects in self.additive.effects.items()]
        for feature, by, table in tables:
            if len(table) != len(self.vocabulary[by]):
                raise ValueError(f"{feature}: expected {len(self.vocabulary[by])} values of {by}, got {len(table)}")
        for encoding in self.encodings:
            if encoding.parent not in known:
                raise ValueError(f"{encoding.feature}: expected its parent {encoding.parent} before it")
            known.add(encoding.feature)
        if missing := {FOOT_PRICE, *(f"price_by_{name}" for name in SHARES)} - known:
            raise ValueError(f"encodings: expected also {', '.join(sorted(filter(None, missing)))}")
        return self

    def model_post_init(self, context: object, /) -> None:
        """Build what lookups need; a last entry of 0 answers for the code -1."""
        self._index.update({name: index(known) for name, known in self.vocabulary.items()})
        for e in self.encodings:
            self._counts[e.feature] = np.append(np.asarray(e.counts, dtype=np.float64), 0)
            self._means[e.feature] = np.append(np.asarray(e.means, dtype=np.float64), 0)
        for name, effects in self.additive.effects.items():
            self._effects[name] = np.append(np.asarray(effects, dtype=np.float64), 0)

    def __eq__(self, other: object) -> bool:
        """Same data; what is built from it for lookups does not count."""
        return isinstance(other, Encoder) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # equal by content and large: not for a set or a dictionary

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features in order."""
        return (
            *NUMBERS,
            *(e.feature for e in self.encodings),
            PRICE_BY_SIZE,
            *(f"share_of_{name}" for name in SHARES),
            "additive_house",
            "additive_place",
            "additive_broker",
            "additive_price",
        )

    def codes(self, columns: Columns) -> dict[str, NDArray[np.int64]]:
        """Each row's place in each vocabulary, -1 where missing or never seen; each (n,)."""
        places = self._index
        return {name: codes(found, places[name]) for name, found in categories(columns).items()}

    def transform(self, columns: Columns) -> NDArray[np.float32]:
        """Features of shape (n, features), NaN where an input is missing."""
        return self.features(columns, self.codes(columns))

    def features(self, columns: Columns, of: Codes) -> NDArray[np.float32]:
        """`transform` where the codes are known already (training looks them up once for all folds)."""
        values: dict[str, NDArray[np.float64]] = numbers(columns)
        counts, means = self._counts, self._means  # once: pydantic looks private attributes up slowly
        for e in self.encodings:
            place = of[e.by]
            count = counts[e.feature][place]
            prior = self.overall[e.target] if e.parent is None else values[e.parent]
            values[e.feature] = (count * means[e.feature][place] + e.smoothing * prior) / (count + e.smoothing)
        values[PRICE_BY_SIZE] = values[FOOT_PRICE] + log_size(columns)
        for name in SHARES:
            # A share, not a count: it means the same to a model trained on part of the rows.
            values[f"share_of_{name}"] = counts[f"price_by_{name}"][of[name]] / max(1, self.rows)
        effects = {name: effect[of[name]] for name, effect in self._effects.items()}
        house = design(columns, self.additive.centers)[0] @ np.asarray(self.additive.coefficients)
        values["additive_house"] = house
        values["additive_place"] = np.sum([effects[name] for name in PLACES], axis=0)
        values["additive_broker"] = effects["brokered_by"]
        values["additive_price"] = house + np.sum(list(effects.values()), axis=0)
        features = np.column_stack([values[name] for name in self.feature_names])
        # A valid house may still be absurd (a bath of 1e-300): its ratios stay finite, which XGBoost asks for.
        return np.clip(features, -_LARGEST, _LARGEST).astype(np.float32)

    def unseen(self, columns: Columns) -> list[tuple[str, ...]]:
        """Per row the inputs whose category was never seen in training."""
        found = categories(columns)
        rows: list[list[str]] = [[] for _ in found["state"]]
        for name, given in INPUT_OF.items():
            places = self._index[name]
            for row, category in zip(rows, found[name], strict=True):
                if category is not None and category not in places:
                    row.append(given)
        return [tuple(row) for row in rows]
