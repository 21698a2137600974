"""What an encoder is learnt from: sums over a partition's rows, which add up over partitions. Pure.

With them, backfitting needs no row any more: its residuals' sums by category follow from the sums of price and design
by category, and from how often two categories come together.

The additive model's design is centred on means of the inputs: those of all rows, in every model of every grouping, so
that sums by group make the models of all folds. One process takes each fold's own; neither holds a price.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_contract.numbers import center_sums, centers_of, design
from relevo_jobs.train.encoding import EFFECTS, ENCODINGS
from relevo_jobs.train.partitioned.grouping import Grouping
from relevo_jobs.train.partitioned.partition import Partition, Sizes
from relevo_jobs.train.partitioned.sums import Sums, dense, summed

Centers = tuple[float, ...]
ROWS: Final = "rows"
"""By group: rows, log price, rows with a size, their log price per foot."""
DESIGN: Final = "design"
"""By group: the design's products with itself, and with the log price."""
PER_FOOT: Final = frozenset(e.by for e in ENCODINGS if e.target == "log_price_per_foot")
PAIRS: Final = tuple(combinations(EFFECTS, 2))
"""The effects two by two: a row's share of each rests on the others."""


class Inputs(NamedTuple):
    """Of some rows how many they are, and the `center_sums` of their inputs."""

    rows: int
    sums: NDArray[np.float64]


def inputs(rows: Partition) -> Inputs:
    """Of a partition."""
    return Inputs(len(rows), np.array(center_sums(rows.given)))


def centers(parts: Sequence[Inputs]) -> Centers:
    """What the design is centred on."""
    return centers_of(np.sum([part.sums for part in parts], axis=0).tolist(), sum(part.rows for part in parts))


def design_by(name: str) -> str:
    """The name of the design's sums by an effect's category."""
    return f"{DESIGN} by {name}"


def pair(first: str, second: str) -> str:
    """The name of the statistics of two effects."""
    return f"{first} and {second}"


def statistics(rows: Partition, grouping: Grouping, sizes: Sizes, around: Centers) -> dict[str, Sums]:
    """A partition's.

    By vocabulary and group (key: code * groups + group) rows and log prices, where wanted those per foot; by effect and
    group the sums of the design's 16 columns; by two effects' categories and group rows; ROWS and DESIGN by group.
    """
    groups, count = grouping.groups(rows, sizes), grouping.count
    per_foot = rows.log_price - rows.log_size
    sized = ~np.isnan(per_foot)
    known_per_foot = np.where(sized, per_foot, 0.0)
    basis = design(rows.given, around)
    found = {ROWS: summed(groups, [None, rows.log_price, sized, known_per_foot])}
    products = []
    for group in range(count):
        mine = basis[groups == group]
        products.append(np.append((mine.T @ mine).ravel(), mine.T @ rows.log_price[groups == group]))
    found[DESIGN] = Sums(np.arange(count), np.array(products))
    for name, code in rows.codes.items():
        have = code >= 0
        columns = [None, rows.log_price[have]]
        if name in PER_FOOT:
            columns += [sized[have], known_per_foot[have]]
        keys = code[have].astype(np.int64) * count + groups[have]
        found[name] = summed(keys, columns)
        if name in EFFECTS:
            found[design_by(name)] = summed(keys, list(basis[have].T))
    for one, other in PAIRS:
        first, second = rows.codes[one].astype(np.int64), rows.codes[other].astype(np.int64)
        have = (first >= 0) & (second >= 0)
        found[pair(one, other)] = summed(((first * sizes[other] + second) * count + groups)[have], [None])
    return found


def by_model(sums: Sums, grouping: Grouping) -> NDArray[np.float64]:
    """Sums by group, such as ROWS, as sums of what each model learns from; (models, sums)."""
    return grouping.sources.astype(np.float64) @ dense(sums, grouping.count)
