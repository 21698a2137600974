"""Learn the encoder, and the training rows' own features out of fold.

A row's own price must not reach its features, or the trees learn to trust them more than a new house's deserve. So the
rows are cut into folds, and each fold's features come of an encoder learnt from the others. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import COLUMNS, Column
from relevo_contract.categories import categories, codes, index, kinds, spell, vocabulary
from relevo_contract.data_set import Columns
from relevo_contract.encoder import AdditiveModel, Encoder, TargetEncoding
from relevo_contract.features import Codes, Features
from relevo_contract.numbers import Given, centers, design, given_columns, log_size

FOLDS: Final = 5
SWEEPS: Final = 12
"""Of backfitting: the effects' changes are far below the noise by then."""

ENCODINGS: Final = (
    TargetEncoding(feature="price_by_state", by="state", smoothing=5),
    TargetEncoding(feature="price_by_zip3", by="zip3", parent="price_by_state", smoothing=5),
    TargetEncoding(feature="price_by_city", by="city", parent="price_by_zip3", smoothing=5),
    TargetEncoding(feature="price_by_zip_code", by="zip_code", parent="price_by_city", smoothing=5),
    TargetEncoding(feature="price_by_brokered_by", by="brokered_by", smoothing=5),
    TargetEncoding(feature="price_by_broker_zip", by="broker_zip", parent="price_by_zip_code", smoothing=1),
    TargetEncoding(feature="price_by_state_kind", by="state_kind", smoothing=5),
    TargetEncoding(feature="price_by_city_kind", by="city_kind", parent="price_by_state_kind", smoothing=5),
    TargetEncoding(feature="price_by_zip_kind", by="zip_kind", parent="price_by_city_kind", smoothing=5),
    TargetEncoding(feature="foot_price_by_state", by="state", target="log_price_per_foot", smoothing=5),
    TargetEncoding(
        feature="foot_price_by_city",
        by="city",
        target="log_price_per_foot",
        parent="foot_price_by_state",
        smoothing=5,
    ),
    TargetEncoding(
        feature="foot_price_by_zip_code",
        by="zip_code",
        target="log_price_per_foot",
        parent="foot_price_by_city",
        smoothing=5,
    ),
)
EFFECTS: Final = {"state": 1.0, "zip3": 2.0, "city": 3.0, "zip_code": 3.0, "brokered_by": 3.0, "status": 3.0}
"""Ridge of each effect, in rows: the ratio of the noise's variance to the effect's."""


RIDGE: Final = 1e-3
"""A whisper of it on the house's part: a column that is constant (nothing missing, say) must not make the system
singular."""
MIDDLING_SIZE: Final = 1500
"""Square feet of a house of average size."""


@dataclass(frozen=True)
class Rows:
    """Training rows with everything that is looked up once, whatever part of them an encoder is learnt from."""

    given: Given[Column]
    vocabulary: dict[str, tuple[str, ...]]
    codes: Codes
    log_price: NDArray[np.float64]
    """(n,)."""
    log_size: NDArray[np.float64]
    """(n,), log square feet, NaN where missing."""

    @classmethod
    def of(cls, columns: Columns) -> Rows:
        """Look up the rows' categories."""
        spelled = spell(columns)
        given = given_columns(columns, spelled)
        found = categories(spelled, kinds(given))
        known = vocabulary(found)
        looked_up = {name: codes(found[name], index(known[name])) for name in known}
        log_price = np.log(np.asarray(columns["price"], dtype=np.float64))
        return cls(given, known, looked_up, log_price, log_size(COLUMNS, given))

    def __len__(self) -> int:
        return len(self.log_price)

    def take(self, chosen: NDArray[np.intp]) -> Rows:
        """Some of the rows, over the same vocabulary."""
        return Rows(
            Given(**{name: column[chosen] for name, column in self.given._asdict().items()}),
            self.vocabulary,
            {name: code[chosen] for name, code in self.codes.items()},
            self.log_price[chosen],
            self.log_size[chosen],
        )


def _learn_encoding(
    encoding: TargetEncoding, code: NDArray[np.integer[Any]], size: int, value: NDArray[np.float64]
) -> TargetEncoding:
    given = (code >= 0) & ~np.isnan(value)
    counts = np.bincount(code[given], minlength=size)
    sums = np.bincount(code[given], value[given], minlength=size)
    means = sums / np.maximum(counts, 1)
    return encoding.model_copy(update={"counts": tuple(counts.tolist()), "means": tuple(means.tolist())})


def _learn_additive(rows: Rows, around: tuple[float, ...]) -> AdditiveModel:
    basis = design(rows.given, around)
    solve = np.linalg.solve(basis.T @ basis + RIDGE * np.eye(basis.shape[1]), basis.T)
    effects = {name: np.zeros(len(rows.vocabulary[name]) + 1) for name in EFFECTS}
    counts = {name: np.bincount(rows.codes[name] + 1, minlength=len(effects[name]))[1:] for name in EFFECTS}
    total = np.zeros(len(rows))
    coefficients = np.zeros(basis.shape[1])
    for _ in range(SWEEPS):
        coefficients = solve @ (rows.log_price - total)
        rest = rows.log_price - basis @ coefficients
        for name, effect in effects.items():
            code = rows.codes[name]
            residual = rest - total + effect[code]
            sums = np.bincount(code + 1, residual, minlength=len(effect))[1:]
            new = np.append(sums / (counts[name] + EFFECTS[name]), 0)
            total += new[code] - effect[code]
            effects[name] = new
    return AdditiveModel(
        centers=around,
        coefficients=tuple(coefficients.tolist()),
        effects={name: tuple(effect[:-1].tolist()) for name, effect in effects.items()},
    )


def learn(rows: Rows, around: tuple[float, ...] | None = None) -> Encoder:
    """The encoder of these rows, at least one; the additive model's design is centred on their means, or as given."""
    per_foot = rows.log_price - rows.log_size
    values = {"log_price": rows.log_price, "log_price_per_foot": per_foot}
    sized = ~np.isnan(per_foot)
    # Without any size, a price per foot of a house of average size stands in; the trees see no size either.
    overall_per_foot = (
        float(per_foot[sized].mean()) if sized.any() else float(rows.log_price.mean() - np.log(MIDDLING_SIZE))
    )
    return Encoder(
        rows=len(rows),
        vocabulary=rows.vocabulary,
        overall={"log_price": float(rows.log_price.mean()), "log_price_per_foot": overall_per_foot},
        encodings=tuple(
            _learn_encoding(e, rows.codes[e.by], len(rows.vocabulary[e.by]), values[e.target]) for e in ENCODINGS
        ),
        additive=_learn_additive(rows, around or centers(rows.given)),
    )


def out_of_fold(rows: Rows, seed: int, whole: str | None = None) -> NDArray[np.float32]:
    """The rows' features, each made by an encoder that did not see the row. (n, features).

    With `whole`, a vocabulary, its categories stay together: a fold's zip codes, say, are new to its encoder, as they
    are when a new region arrives.
    """
    random = np.random.default_rng(seed)
    if whole is None:
        folds = random.permutation(len(rows)) % FOLDS
    else:
        # The last entry answers for the code -1: rows without a category make one fold's worth of their own.
        folds = (random.permutation(len(rows.vocabulary[whole]) + 1) % FOLDS)[rows.codes[whole]]
    features: NDArray[np.float32] | None = None
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if not len(outside):  # all rows are of one category: nobody else to learn from
            return out_of_fold(rows, seed)
        held = rows.take(inside)
        made = Features(learn(rows.take(outside))).of(held.given, held.codes)
        if features is None:
            features = np.empty((len(rows), made.shape[1]), dtype=np.float32)
        features[inside] = made
    assert features is not None
    return features
