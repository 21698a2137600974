"""How listings are cut into batches. Pure."""

from __future__ import annotations

import numpy as np

TINY = 17
"""Rows of the smallest batch: too few to tell a change from noise, and a decision must say so."""
FEWEST_FOR_A_TINY_ONE = 4


def cut(total: int, batches: int, seed: int) -> list[int]:
    """Sizes of `batches` uneven batches that make up `total` rows, in order; the same for the same arguments.

    The first is large enough to carry a model; from four batches on one of the later ones has 17 rows.
    Raises ValueError if there are too few rows.
    """
    if batches < 1 or total < batches * TINY:
        raise ValueError(
            f"expected at least {TINY} rows for each of {max(batches, 1)} batches, got {total} rows in all: "
            "ask for fewer batches"
        )
    random = np.random.default_rng(seed)
    weights = random.lognormal(0.0, 0.6, batches)
    weights[0] = max(weights[0], 1.0)
    tiny = int(random.integers(2, batches)) if batches >= FEWEST_FOR_A_TINY_ONE else None
    if tiny is not None:
        weights[tiny] = 0.0
    rest = total - (0 if tiny is None else TINY)
    sizes = np.floor(rest * weights / weights.sum()).astype(int)
    if tiny is not None:
        sizes[tiny] = TINY
    sizes[int(np.argmax(sizes))] += total - int(sizes.sum())  # what rounding left
    while (small := int(np.argmin(sizes))) is not None and sizes[small] < 1:
        sizes[int(np.argmax(sizes))] -= 1
        sizes[small] += 1
    return [int(size) for size in sizes]
