"""A partition of the training rows, and the plan that cuts them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import Column
from relevo_contract.numbers import Given
from relevo_contract.record import BatchRef
from relevo_jobs.stores.tables import Place
from relevo_jobs.train.encoding import Rows

ROWS: Final = 20_000
"""Rows of a partition at most: while it is read it takes some 30 MB, and a thousand of them are 20 million rows."""

Sizes = Mapping[str, int]
"""By vocabulary how many categories it has."""
Vocabulary = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Part:
    """Which rows of CLEAN a partition holds: those of these batches, from one place on and before another."""

    batches: tuple[int, ...]
    first: Place
    end: Place


def plan(batches: Sequence[BatchRef], rows: int = ROWS) -> list[Part]:
    """Cut batches, oldest first, into parts of about as many kept rows each, `rows` at most, in their order.

    It follows from the batches alone: the folds of a row hang on its part, and a second run must draw the same.
    """
    total = sum(batch.kept for batch in batches)
    pieces = -(-total // rows)
    edges = [_place(batches, total * piece // pieces) for piece in range(pieces)]
    edges.append((batches[-1].number + 1, 0) if batches else (0, 0))
    return [
        Part(tuple(b.number for b in batches if (b.number, b.rows) > first and (b.number, 0) < end), first, end)
        for first, end in pairwise(edges)
    ]


def _place(batches: Sequence[BatchRef], before: int) -> Place:
    """The place that has so many kept rows before it, if they lie evenly among their batch's rows."""
    for batch in batches:
        if before < batch.kept:
            return batch.number, batch.rows * before // batch.kept
        before -= batch.kept
    raise ValueError(f"expected a place among the rows, got one {before} rows after them")


@dataclass(frozen=True)
class Partition:
    """Some of the rows, with the codes of the vocabularies of all."""

    number: int
    """Its place in the plan."""
    given: Given[Column]
    codes: Mapping[str, NDArray[np.integer[Any]]]
    log_price: NDArray[np.float64]
    """(n,)."""
    log_size: NDArray[np.float64]
    """(n,), log square feet, NaN where missing."""

    def __len__(self) -> int:
        return len(self.log_price)

    def take(self, chosen: NDArray[Any]) -> Partition:
        """Some of the rows, by a mask or by place."""
        return Partition(
            self.number,
            Given(**{name: column[chosen] for name, column in self.given._asdict().items()}),
            {name: code[chosen] for name, code in self.codes.items()},
            self.log_price[chosen],
            self.log_size[chosen],
        )


def joined_vocabulary(parts: Sequence[Vocabulary]) -> dict[str, tuple[str, ...]]:
    """The vocabulary of all rows, from those of at least one partition."""
    return {name: tuple(sorted(set().union(*(part[name] for part in parts)))) for name in parts[0]}


def sizes(vocabulary: Vocabulary) -> dict[str, int]:
    """How large each is."""
    return {name: len(known) for name, known in vocabulary.items()}


def recoded(number: int, rows: Rows, vocabulary: Vocabulary) -> Partition:
    """Rows over a vocabulary of their own, as a partition over the vocabulary of all."""
    found: dict[str, NDArray[np.integer[Any]]] = {}
    for name, mine in rows.vocabulary.items():
        known = vocabulary[name]
        # By bisection, not by an index: that of a million categories is 100 MB, for each partition anew.
        places = [bisect_left(known, category) for category in mine]
        found[name] = np.array([*places, -1], dtype=np.int32)[rows.codes[name]]
    return Partition(number, rows.given, found, rows.log_price, rows.log_size)
