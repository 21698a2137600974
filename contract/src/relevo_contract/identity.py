"""Which rows are of one thing. A house that is listed eight times is one house: it tells an error once.

Whatever draws rows by chance, or counts how many there are, draws and counts the things they are of: the cluster
bootstrap (Davison & Hinkley 1997, Bootstrap Methods and their Application, 3.8; Cameron, Gelbach & Miller 2008, Review
of Economics and Statistics 90, 414-427). Pure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Identity = NDArray[np.integer[Any]]
"""A number for each row, (n,): the same for rows of one thing. A use case says what a thing is; if not, each row is
its own."""


def members(identity: Identity) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Each row's thing as a place among them, (n,), and how many rows each has, (things,)."""
    _, group, sizes = np.unique(identity, return_inverse=True, return_counts=True)
    return group, sizes.astype(np.int64)


def things(identity: Identity | None, rows: int) -> int:
    """How many different things so many rows are of."""
    return rows if identity is None else len(np.unique(identity))


def copies(identity: Identity | None) -> float:
    """How many rows a row's thing has, itself among them, on average over the rows; 1 where each is its own.

    So many times fewer independent rows there are, if what is told of a thing is the same in each of its rows (Kish
    1965, Survey Sampling, 8.2).
    """
    if identity is None or not len(identity):
        return 1.0
    _, sizes = members(identity)
    return float((sizes**2).sum() / sizes.sum())
