"""Learn the encoder: smoothed means of the log price by category, out of fold for the rows it is learnt from.

Method: Micci-Barreca 2001, "A preprocessing scheme for high-cardinality categorical attributes".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from relevo_contract.encoder import Encoder, TargetEncoding, categories
from relevo_contract.listing import CATEGORICAL, Columns

ENCODED = (("state",), ("city", "state"), ("zip_code",), ("brokered_by",))
SMOOTHING = 5.0
FOLDS = 5


def _target(columns: Columns, keys: tuple[str, ...], log_price: NDArray[np.float64]) -> TargetEncoding:
    overall = float(log_price.mean())
    sums: dict[str, list[float]] = {}
    for category, value in zip(categories(columns, keys), log_price.tolist(), strict=True):
        if category is not None:
            total = sums.setdefault(category, [0.0, 0.0])
            total[0] += value
            total[1] += 1
    means = {c: (s + SMOOTHING * overall) / (n + SMOOTHING) for c, (s, n) in sums.items()}
    return TargetEncoding(keys=keys, means=means, fallback=overall)


def learn(columns: Columns) -> Encoder:
    """The encoder of these rows."""
    log_price = np.log(np.asarray(columns["price"], dtype=np.float64))
    known = {name: tuple(sorted({c for c in categories(columns, [name]) if c is not None})) for name in CATEGORICAL}
    return Encoder(encodings=tuple(_target(columns, keys, log_price) for keys in ENCODED), known=known)


def learn_out_of_fold(columns: Columns, seed: int) -> tuple[Encoder, NDArray[np.float32]]:
    """The encoder of all rows, and the rows' features made by encoders that did not see them. (n, features)."""
    rows = len(columns["price"])
    folds = np.random.default_rng(seed).permutation(rows) % FOLDS
    encoder = learn(columns)
    features = np.empty((rows, len(encoder.feature_names)), dtype=np.float32)
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(inside) and len(outside):
            part = learn({k: v[outside] for k, v in columns.items()})
            features[inside] = part.transform({k: v[inside] for k, v in columns.items()})
    return encoder, features
