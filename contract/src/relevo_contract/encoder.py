"""The encoder: how a house becomes the model's numbers. Plain data, so that it travels as JSON and needs no pickle.

The only transformation there is: training, the decisions and serving all call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from relevo_contract.listing import CATEGORICAL, NUMERIC, Columns

SEPARATOR = "\x1f"


def _word(value: Any) -> str | None:
    """A category's spelling: case, spaces and a float's `.0` do not make another one."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    text = " ".join(str(value).split()).casefold().removesuffix(".0")
    return text or None


def _zip(value: Any) -> str | None:
    """Five characters: a spreadsheet drops the leading zeros of a zip code."""
    text = _word(value)
    return text.zfill(5) if text and text.isdigit() else text


def categories(columns: Columns, keys: Iterable[str]) -> list[str | None]:
    """Each row's category in the given columns taken together; None where one of them is missing. (n,)."""
    parts = [[_zip(v) if k == "zip_code" else _word(v) for v in columns[k]] for k in keys]
    return [None if None in row else SEPARATOR.join(row) for row in zip(*parts, strict=True)]


class TargetEncoding(BaseModel):
    """One feature: the smoothed mean of the log price by category, `fallback` where it was never seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[str, ...] = Field(min_length=1)
    means: dict[str, float]
    fallback: float

    @property
    def name(self) -> str:
        """The feature's name."""
        return "price_by_" + "_".join(self.keys)

    def transform(self, columns: Columns) -> NDArray[np.float64]:
        """The feature, (n,)."""
        means = self.means
        return np.array([means.get(c or "", self.fallback) for c in categories(columns, self.keys)], dtype=np.float64)


class Encoder(BaseModel):
    """Houses to features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    encodings: tuple[TargetEncoding, ...]
    known: dict[str, tuple[str, ...]]
    """By categorical input, the categories that were seen."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features in order."""
        return (*NUMERIC, "sold_before", *(e.name for e in self.encodings))

    def transform(self, columns: Columns) -> NDArray[np.float32]:
        """Features of shape (n, features), NaN where an input is missing."""
        sold = np.asarray(columns["prev_sold_date"], dtype="datetime64[D]")
        days = np.where(np.isnat(sold), np.nan, sold.astype(np.int64).astype(np.float64))
        features = [np.asarray(columns[name], dtype=np.float64) for name in NUMERIC] + [days]
        features += [e.transform(columns) for e in self.encodings]
        return np.column_stack(features).astype(np.float32)

    def unseen(self, columns: Columns) -> list[tuple[str, ...]]:
        """Per row the inputs whose category was never seen in training."""
        rows: list[list[str]] = [[] for _ in columns[CATEGORICAL[0]]]
        for name, seen in self.known.items():
            known = frozenset(seen)
            for row, category in zip(rows, categories(columns, [name]), strict=True):
                if category is not None and category not in known:
                    row.append(name)
        return [tuple(row) for row in rows]
