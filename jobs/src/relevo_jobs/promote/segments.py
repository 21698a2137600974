"""How much worse each segment became, judged by what the others say. Pure.

A segment of few rows says little alone, and is not to be ignored: its mean difference is drawn towards the whole by as
much as it is unsure (partial pooling, empirical Bayes: Morris 1983, JASA 78, 47-55). The variance between segments is
estimated as Paule & Mandel (1982, J. Res. NBS 87, 377-385) do. A segment that truly differs from all others would be
drawn in with them; so none is drawn further than its own interval, at the confidence of all segments together, allows
(limited translation: Efron & Morris 1972, JASA 67, 130-139). The variance of a segment's own mean is drawn towards that
of all rows, as if `PRIOR` rows had told it, and the quantiles are Student's (Smyth 2004, Statistical Applications in
Genetics and Molecular Biology 3, article 3). docs/decisions.md has what that finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.identity import Identity
from relevo_jobs.pooling import LEAST, between

Floats = NDArray[np.float64]

PRIOR: Final = 8
"""Degrees of freedom that the spread of all rows has in a segment's own: of 5, 8, 10 and 20, the most with which small
segments, 2.5 times as noisy as the others, give hardly more false alarms than are asked for (2.8 % against 2.5 %)."""


@dataclass(frozen=True)
class Pooled:
    """Of m segments, (m,) each, in the order of their numbers."""

    rows: NDArray[np.int64]
    things: NDArray[np.int64]
    """How many different things the rows are of."""
    own: tuple[Floats, Floats, Floats]
    """Mean difference, low and high, by the segment's rows; the confidence is of this segment alone."""
    shrunk: tuple[Floats, Floats, Floats]
    """The same drawn towards the whole."""
    between: float
    """The standard deviation between segments of what is true of them."""


def pool(difference: Floats, segment: NDArray[np.integer[Any]], identity: Identity | None, confidence: float) -> Pooled:
    """Pool the segments' mean differences of n > 0 rows; `segment` has numbers from 0 on, (n,), none left out."""
    rows = np.bincount(segment)
    mean = np.bincount(segment, difference) / rows
    things, variance = _variances(difference - mean[segment], segment, identity)
    degrees = (PRIOR + things - 1).astype(np.float64)
    alone = np.sqrt(variance)
    near = student((1 + confidence) / 2, degrees)
    far = student(1 - (1 - confidence) / 2 / len(rows), degrees)  # of all segments together (Bonferroni)
    apart = between(mean, variance)
    weight = 1 / (variance + apart)
    whole = float((weight * mean).sum() / weight.sum())
    kept = apart / (variance + apart)
    drawn = whole + kept * (mean - whole)
    spread = np.sqrt(kept * variance + (1 - kept) ** 2 / weight.sum())
    limit = (far - near) * alone
    low = np.maximum(drawn - near * spread, mean - far * alone)
    high = np.minimum(drawn + near * spread, mean + far * alone)
    # Where a segment's own interval at the wider confidence does not touch the pooled one, it stands by itself.
    alone_there = low > high
    low, high = np.where(alone_there, mean - far * alone, low), np.where(alone_there, mean + far * alone, high)
    value = np.clip(np.clip(drawn, mean - limit, mean + limit), low, high)
    own = (mean, mean - near * alone, mean + near * alone)
    return Pooled(rows.astype(np.int64), things, own, (value, low, high), float(np.sqrt(apart)))


def student(level: float, degrees: Floats) -> Floats:
    """Quantile of Student's distribution, (m,), from the normal one (Abramowitz & Stegun 1964, 26.7.5).

    It is off by less than 0.3 % from eight degrees of freedom on at the levels used here.
    """
    z = NormalDist().inv_cdf(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return np.asarray(z + sum(term / degrees**power for power, term in enumerate(terms, start=1)), dtype=np.float64)


def _variances(
    away: Floats, segment: NDArray[np.integer[Any]], identity: Identity | None
) -> tuple[NDArray[np.int64], Floats]:
    """How many things each segment has, and the variance of its mean, which counts rows of one thing once.

    `away` is the rows' differences from their segment's mean, (n,). Method: the cluster-robust variance (Liang & Zeger
    1986) as the variance of one thing, which the segments share in part.
    """
    thing = np.arange(len(away)) if identity is None else np.unique(identity, return_inverse=True)[1]
    pair, member = np.unique(segment.astype(np.int64) * (int(thing.max()) + 1) + thing, return_inverse=True)
    of_pair, sizes = pair // (int(thing.max()) + 1), np.bincount(member).astype(np.float64)
    things, rows = np.bincount(of_pair), np.bincount(segment).astype(np.float64)
    squares = np.bincount(of_pair, np.bincount(member, away) ** 2)
    worth = rows**2 / np.bincount(of_pair, sizes**2)  # so many independent rows they are (Kish 1965, 8.2)
    degrees = things - 1.0
    of_one = worth * np.divide(things, degrees, out=np.zeros_like(rows), where=degrees > 0) * squares / rows**2
    pooled = float((degrees * of_one).sum() / degrees.sum()) if degrees.any() else float(np.var(away))
    moderated = (PRIOR * pooled + degrees * of_one) / (PRIOR + degrees)
    return things.astype(np.int64), np.maximum(moderated / worth, LEAST)
