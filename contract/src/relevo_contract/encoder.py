"""The encoder: how a house becomes the model's numbers. Plain data, so that it travels as JSON and needs no pickle.

The only transformation there is: training, the decisions and serving all call it. What it holds is learnt by
`relevo_jobs.train.encoding`; what it does with it is described in docs/model.md.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator

from relevo_contract.categories import INPUTS_OF_CATEGORIES
from relevo_contract.data_set import Columns
from relevo_contract.features import FOOT_PRICE, PRICE_BY_SIZE
from relevo_contract.lookup import Lookup
from relevo_contract.numbers import INPUTS_OF_NUMBERS, NUMBERS
from relevo_contract.tables import SHARES

Target = Literal["log_price", "log_price_per_foot"]
_HOUSE_INPUTS: Final = ("house_size", "bed", "bath", "acre_lot")
_PLACE_INPUTS: Final = ("zip_code", "city", "state")
_OF_SEVERAL: Final = {
    PRICE_BY_SIZE: ("house_size", *_PLACE_INPUTS),
    "additive_house": _HOUSE_INPUTS,
    "additive_place": _PLACE_INPUTS,
    "additive_broker": ("brokered_by",),
    "additive_price": (*_HOUSE_INPUTS, *_PLACE_INPUTS, "brokered_by", "status"),
}


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

    _made: Lookup | None = PrivateAttr(default=None)

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

    @property
    def lookup(self) -> Lookup:
        """What it does with houses; made at the first call, which takes milliseconds."""
        if self._made is None:
            self._made = Lookup(self)
        return self._made

    def __eq__(self, other: object) -> bool:
        """Same data; what is built from it for lookups does not count."""
        return isinstance(other, Encoder) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # equal by content and large: not for a set or a dictionary

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features in order."""
        return self.lookup.names

    def inputs_of(self, feature: str) -> tuple[str, ...]:
        """The inputs a feature is made of, in their order of weight where that is known."""
        if feature in NUMBERS:
            return INPUTS_OF_NUMBERS.get(feature, (feature,))
        if feature in _OF_SEVERAL:
            return _OF_SEVERAL[feature]
        by = next((e.by for e in self.encodings if e.feature == feature), feature.removeprefix("share_of_"))
        return INPUTS_OF_CATEGORIES[by]

    def transform(self, columns: Columns) -> NDArray[np.float32]:
        """Features of shape (n, features), NaN where an input is missing."""
        return self.lookup.table(columns).features
