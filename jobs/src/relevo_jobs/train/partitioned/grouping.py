"""Which rows an encoder learns from, and which rows it makes features of. Pure.

Rows are cut into groups; the features of group g come of model g, an encoder learnt from the groups `sources[g]`. With
five folds, model g learns from the four others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relevo_jobs.train.encoding import FOLDS
from relevo_jobs.train.partitioned.partition import Partition, Sizes


@dataclass(frozen=True)
class Grouping:
    """How rows are cut."""

    seed: int = 0
    folds: int = FOLDS
    whole: str | None = None
    """A vocabulary whose categories stay together, so that a fold's are new to its encoder."""
    validation: float = 0.0
    """Share of the rows that is one more group, from which no model learns."""

    @property
    def count(self) -> int:
        """Groups, and models."""
        return self.folds + (self.validation > 0)

    @property
    def sources(self) -> NDArray[np.bool_]:
        """(count, count): whether model g learns from group h."""
        learns = ~np.eye(self.count, dtype=bool) if self.folds > 1 else np.ones((1, 1), dtype=bool)
        if self.validation:
            learns[:, -1] = False
        return learns

    def groups(self, rows: Partition, sizes: Sizes) -> NDArray[np.int64]:
        """Each row's group, (n,): drawn anew for each partition, from the seed and its number alone."""
        if self.folds == 1:
            return np.zeros(len(rows), dtype=np.int64)
        if self.whole is not None:
            # The last entry answers for the code -1: rows without a category make one fold's worth of their own.
            of = np.random.default_rng(self.seed).permutation(sizes[self.whole] + 1) % self.folds
            return np.asarray(of[rows.codes[self.whole]], dtype=np.int64)
        order = np.random.default_rng((self.seed, rows.number)).permutation(len(rows))
        held = round(self.validation * len(rows)) or int(self.validation > 0 and len(rows) > 1)
        return np.asarray(np.where(order < held, self.count - 1, order % self.folds), dtype=np.int64)


ALL = Grouping(folds=1)
"""One model that learns from every row."""
