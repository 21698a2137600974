"""How far a batch's columns are from a profile, and how far noise alone would bring them. Pure.

Distance: Jensen-Shannon (Lin 1991), base 2, of the shares by bin or category; missing values are one more. It knows
numbers and categories alike, is bounded by 1 and stays finite where one side has no row, which PSI does not.

Noise: if batch and training data came from one distribution, how large would the distance be at these row counts?
Drawn anew from the pooled shares, both sides; the draws' mean and variance give a gamma distribution (a
Jensen-Shannon divergence is asymptotically a multiple of chi-squared: Menéndez et al. 1997), its upper quantile the
limit. The false-alarm rate is of all columns together (Bonferroni).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.listing import Columns
from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.record import ColumnEvidence
from relevo_jobs.decide.profiling import bin_counts, categories, numbers

DRAWS: Final = 200
"""Draws a column for the noise: the limit then varies by about 3 % from seed to seed."""
FREQUENT: Final = 20
"""A category with fewer training rows counts among "others", together with those never seen: by Good and Turing a share
of every new batch is rare or unseen even if nothing moved."""
NAMED: Final = 10
"""New categories named in the record."""


def distance(before: NDArray[np.int64], now: NDArray[np.int64]) -> float:
    """Jensen-Shannon distance of two sets of counts over the same bins, (m,) each; 0 to 1, 0 if either is empty.

    The same as scipy.spatial.distance.jensenshannon (base 2), whose module takes twice as long to import.
    """
    if not before.sum() or not now.sum():
        return 0.0
    return float(np.sqrt(_divergences(before[np.newaxis], now[np.newaxis])[0]))


def _divergences(before: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence in bits of each of (d, m) pairs of counts, (d,)."""
    from scipy.special import rel_entr  # noqa: PLC0415  # a third of a second, only where it is needed

    p, q = before / before.sum(axis=1, keepdims=True), now / now.sum(axis=1, keepdims=True)
    middle = (p + q) / 2
    bits = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    return np.maximum(0.0, np.asarray(bits, dtype=np.float64))  # rounding can bring it below zero


def noise_limit(before: NDArray[np.int64], now: NDArray[np.int64], rate: float, seed: int = 0) -> float:
    """The distance that two samples of these sizes from one distribution exceed at this rate; counts (m,) each."""
    from scipy.special import gammaincinv  # noqa: PLC0415

    rows_before, rows_now = int(before.sum()), int(now.sum())
    pooled = (before + now) / max(1, rows_before + rows_now)
    if not rows_before or not rows_now or np.count_nonzero(pooled) < 2:
        return 0.0
    random = np.random.default_rng(seed)
    drawn = _divergences(
        random.multinomial(rows_before, pooled, size=DRAWS), random.multinomial(rows_now, pooled, size=DRAWS)
    )
    mean, variance = float(drawn.mean()), float(drawn.var())
    if not variance > 0:
        return float(np.sqrt(mean))
    return float(np.sqrt(gammaincinv(mean**2 / variance, 1 - rate) * variance / mean))


def _numeric_counts(profile: NumericProfile, values: NDArray[np.float64]) -> tuple[NDArray[np.int64], ...]:
    there = values[~np.isnan(values)]
    now = np.append(bin_counts(profile.edges, there), len(values) - len(there))
    return np.array([*profile.counts, profile.missing], dtype=np.int64), now


def _categorical_counts(profile: CategoricalProfile, found: Mapping[str | None, int]) -> tuple[NDArray[np.int64], ...]:
    frequent = [category for category, count in profile.counts.items() if count >= FREQUENT]
    before, now = [profile.counts[c] for c in frequent], [found.get(c, 0) for c in frequent]
    missing = found.get(None, 0)
    before += [sum(profile.counts.values()) - sum(before), profile.missing]
    now += [sum(found.values()) - missing - sum(now), missing]
    return np.array(before, dtype=np.int64), np.array(now, dtype=np.int64)


def _evidence(profile: Profile, columns: Columns, name: str, rate: float) -> ColumnEvidence:
    known = profile.columns[name]
    rows = len(columns[name])
    unseen: float | None = None
    new: tuple[str, ...] = ()
    if isinstance(known, NumericProfile):
        before, now = _numeric_counts(known, numbers(columns, name))
    else:
        spelled = categories(columns, name)
        found = Counter(spelled)
        before, now = _categorical_counts(known, found)
        unknown = [(c, n) for c, n in found.most_common() if c is not None and c not in known.counts]
        unseen = sum(n for _, n in unknown) / rows
        new = _as_written(columns, name, spelled, [c for c, _ in unknown[:NAMED]])
    apart, limit = distance(before, now), noise_limit(before, now, rate)
    return ColumnEvidence(
        column=name,
        method="jensen_shannon",
        distance=apart,
        limit=limit,
        moved=apart > limit,
        missing_before=known.missing / max(1, profile.rows),
        missing_now=int(now[-1]) / rows,
        unseen=unseen,
        new_categories=new,
    )


def _as_written(columns: Columns, name: str, spelled: list[str | None], wanted: Sequence[str]) -> tuple[str, ...]:
    """Categories as the batch writes them, for people."""
    return tuple(str(columns[name][spelled.index(category)]) for category in wanted)


def evidence(profile: Profile, columns: Columns, false_alarms: float) -> tuple[ColumnEvidence, ...]:
    """Each profiled column of the batch (n > 0 rows, `price` included), the furthest beyond its limit first.

    A batch from the training data's own distribution has a column marked as moved at the rate `false_alarms`, or less.
    """
    rate = false_alarms / len(profile.columns)
    found = [_evidence(profile, columns, name, rate) for name in profile.columns]
    return tuple(sorted(found, key=lambda e: e.distance - e.limit, reverse=True))
