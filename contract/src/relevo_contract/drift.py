"""How far columns are from a profile, and how far noise alone would bring them. Pure.

Categories are compared by Jensen-Shannon distance (Lin 1991; base 2), missing values being one more category, and by
that of seen against never seen; numbers by Wasserstein distance of the values, by Jensen-Shannon over their bins, and
of missing against there. The one that is furthest beyond its noise is told; docs/decisions.md has what each finds.

Noise: if batch and training data came from one distribution, how large would the distance be at these row counts? Drawn
from the pooled shares, both sides; the draws' mean and variance give a gamma distribution (a Jensen-Shannon divergence
is asymptotically a multiple of chi-squared: Menéndez et al. 1997), its upper quantile the limit, by Wilson and Hilferty
(1931). The rate of false alarms is that of all comparisons together (Bonferroni).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import add
from statistics import NormalDist
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.graph_inputs import spelling
from relevo_contract.identity import Identity, copies
from relevo_contract.profile import CategoricalProfile, NumericProfile, Profile
from relevo_contract.profiling import bin_counts, categorical_profile, categories, numbers
from relevo_contract.record import ColumnEvidence, Distribution

DRAWS: Final = 200
"""Draws a column for the noise: the limit then varies by about 3 % from seed to seed."""
FREQUENT: Final = 20
"""A category with fewer training rows counts among "others", together with those never seen: by Good and Turing a share
of every new batch is rare or unseen even if nothing moved."""
NAMED: Final = 10
"""New categories named in the record."""
SHOWN: Final = 12
"""Categories whose counts the record keeps: a picture of more cannot be read."""
Counts = NDArray[np.int64] | NDArray[np.float64]
"""Rows by bin or category, (m,); fewer than were counted, and no whole numbers, where rows are worth less than one."""
Method = Literal["jensen_shannon", "wasserstein"]


def _jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of (d, m) pairs of shares, (d,), 0 to 1: scipy.spatial.distance.jensenshannon in base 2."""
    middle = (p + q) / 2
    bits = (_relative_entropy(p, middle) + _relative_entropy(q, middle)).sum(axis=1) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.maximum(0.0, bits)), dtype=np.float64)  # rounding can bring it below zero


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """P log(p / q), and 0 where p is 0."""
    return p * np.log(np.divide(p, q, out=np.ones_like(p), where=p > 0))


def _wasserstein(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of (d, m) pairs of shares of bins in their order, (d,), 0 to 1.

    Bins stand at equal steps from 0 to 1. As they are quantiles of the training data, that measures in ranks: the same
    for dollars and acres, and not led by a few huge values. It is scipy.stats.wasserstein_distance of these places.
    """
    apart = np.abs(np.cumsum(p, axis=1) - np.cumsum(q, axis=1))[:, :-1]
    return np.asarray(apart.sum(axis=1) / max(1, p.shape[1] - 1), dtype=np.float64)


_MEASURES: Final = {"jensen_shannon": (_jensen_shannon, 2), "wasserstein": (_wasserstein, 1)}
"""By method the measure, and the power of it that noise makes gamma-distributed."""


def distance(method: Method, before: Counts, now: Counts) -> float:
    """Distance of two sets of counts over the same bins; 0 to 1, 0 if either is empty."""
    if not before.sum() or not now.sum():
        return 0.0
    measure, _ = _MEASURES[method]
    return float(measure((before / before.sum())[np.newaxis], (now / now.sum())[np.newaxis])[0])


def noise_limit(method: Method, before: Counts, now: Counts, rate: float, seed: int = 0) -> float:
    """The distance that two samples of these sizes from one distribution exceed at this rate.

    Rows that tell nothing of their own, such as copies, are counted for less.
    """
    rows_before, rows_now = int(np.ceil(before.sum())), int(np.ceil(now.sum()))
    pooled = (before + now) / max(1.0, float(before.sum() + now.sum()))
    if not rows_before or not rows_now or np.count_nonzero(pooled) < 2:
        return 0.0
    measure, power = _MEASURES[method]
    pooled = _ordered(method, pooled)
    random = np.random.default_rng(seed)
    drawn_before = random.multinomial(rows_before, pooled, size=DRAWS) / rows_before
    drawn_now = random.multinomial(rows_now, pooled, size=DRAWS) / rows_now
    drawn = measure(drawn_before, drawn_now) ** power
    mean, variance = float(drawn.mean()), float(drawn.var())
    if not variance > 0:
        return float(mean ** (1 / power))
    return float(_gamma_quantile(mean, variance, 1 - rate) ** (1 / power))


def _ordered(method: Method, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares in an order that the measure does not mind, and that is the same for mirrored ones: so are the draws."""
    if method == "jensen_shannon":
        return np.sort(shares)
    return np.array(min(shares.tolist(), shares[::-1].tolist()))


def _gamma_quantile(mean: float, variance: float, level: float) -> float:
    """Quantile of the gamma distribution: the cube root of such a variable is nearly normal (Wilson & Hilferty 1931).

    With one degree of freedom, where it errs most, it is 5 % above the exact one at the levels used here, which moves a
    distance's limit by half of that; the limit's own draws move it by 3 %.
    """
    ninth = variance / (9 * mean**2)
    return float(mean * max(0.0, 1 - ninth + NormalDist().inv_cdf(level) * np.sqrt(ninth)) ** 3)


Comparison = tuple[Method, Counts, Counts]
"""Before and now."""
SomeProfile = TypeVar("SomeProfile", NumericProfile, CategoricalProfile)


def _counted(known: SomeProfile, columns: Columns, name: str) -> SomeProfile:
    """What came in a column, over the bins of its profile."""
    if isinstance(known, CategoricalProfile):
        return categorical_profile(categories(columns, name))
    values = numbers(columns, name)
    there = values[~np.isnan(values)]
    counts = tuple(bin_counts(known.edges, there).tolist())
    return NumericProfile(edges=known.edges, counts=counts, missing=len(values) - len(there))


def _of_numbers(known: NumericProfile, now: NumericProfile) -> list[Comparison]:
    before, after = (np.array(side.counts, dtype=np.int64) for side in (known, now))
    return [
        ("wasserstein", before, after),
        ("jensen_shannon", np.append(before, known.missing), np.append(after, now.missing)),
        ("jensen_shannon", np.array([before.sum(), known.missing]), np.array([after.sum(), now.missing])),
    ]


def _of_categories(known: CategoricalProfile, now: CategoricalProfile) -> list[Comparison]:
    frequent = [category for category, count in known.counts.items() if count >= FREQUENT]
    before, after = (np.array([*_named(frequent, side), side.missing], dtype=np.int64) for side in (known, now))
    return [("jensen_shannon", before, after), _of_unseen(known, now)]


def _of_unseen(known: CategoricalProfile, now: CategoricalProfile) -> Comparison:
    """Rows of categories seen and never seen, as many independent rows as they are worth.

    The share never seen that is expected is that of the categories seen once (Good 1953). It varies more than that of
    independent rows: by the categories seen twice on either side, for rows of one new category come together.
    """
    rows, rows_now = sum(known.counts.values()), sum(now.counts.values())
    once, twice = (sum(count == times for count in known.counts.values()) for times in (1, 2))
    together = 2 * twice / max(1, once)
    new = sum(count for category, count in now.counts.items() if category not in known.counts)
    before_worth, now_worth = 1 / (1 + together), 1 / (1 + together * rows_now / max(1, rows))
    return (
        "jensen_shannon",
        before_worth * np.array([rows - once, once]),
        now_worth * np.array([rows_now - new, new]),
    )


def _shown(known: CategoricalProfile, now: CategoricalProfile) -> tuple[str, ...]:
    """The categories that have the largest share before or now."""
    before, after = max(1, sum(known.counts.values())), max(1, sum(now.counts.values()) + now.missing)
    share = {c: max(known.counts.get(c, 0) / before, now.counts.get(c, 0) / after) for c in known.counts | now.counts}
    return tuple(sorted(share, key=lambda category: (-share[category], category))[:SHOWN])


def _named(named: Sequence[str], profile: CategoricalProfile) -> tuple[int, ...]:
    """Rows of each category named, and of all the others together; missing values aside."""
    counts = [profile.counts.get(category, 0) for category in named]
    return (*counts, sum(profile.counts.values()) - sum(counts))


def _evidence(profile: Profile, columns: Columns, name: str, rate: float, copied: float) -> ColumnEvidence:
    known, rows = profile.columns[name], len(columns[name])
    unseen: float | None = None
    new: tuple[str, ...] = ()
    if isinstance(known, NumericProfile):
        found = _counted(known, columns, name)
        missing, comparisons = found.missing, _of_numbers(known, found)
        pictured = Distribution(edges=known.edges, before=known.counts, now=found.counts)
    else:
        now = _counted(known, columns, name)
        missing, comparisons = now.missing, _of_categories(known, now)
        unknown = [category for category in now.counts if category not in known.counts]
        unseen = sum(now.counts[category] for category in unknown) / rows
        # As the batch writes them, for people.
        new = tuple(str(next(v for v in columns[name] if spelling(v) == c)) for c in unknown[:NAMED])
        shown = _shown(known, now)
        pictured = Distribution(categories=shown, before=_named(shown, known), now=_named(shown, now))
    told = [
        (method, distance(method, b, n), noise_limit(method, b / profile.copies, n / copied, rate))
        for method, b, n in comparisons
    ]
    # Furthest beyond its noise by ratio: the methods' units differ. A limit of nothing is of columns that cannot vary.
    method, apart, limit = max(told, key=lambda t: t[1] / t[2] if t[2] else t[1])
    return ColumnEvidence(
        column=name,
        method=method,
        distance=apart,
        limit=limit,
        moved=apart > limit,
        missing_before=known.missing / max(1, profile.rows),
        missing_now=missing / rows,
        unseen=unseen,
        new_categories=new,
        distribution=pictured,
    )


def evidence(
    profile: Profile, columns: Columns, false_alarms: float, identity: Identity | None = None
) -> tuple[ColumnEvidence, ...]:
    """Each profiled column of the rows (n > 0) that is there, the furthest beyond its limit first.

    The noise is that of as many rows as there are different things, on either side: rows of one thing come together.

    Rows from the training data's own distribution have a column marked as moved at the rate `false_alarms`, or less.
    A batch has all columns; inputs that a prediction is asked for have no target.
    """
    known = {name: column for name, column in profile.columns.items() if name in columns}
    comparisons = sum(3 if isinstance(column, NumericProfile) else 2 for column in known.values())
    rate = false_alarms / max(1, comparisons)
    found = [_evidence(profile, columns, name, rate, copies(identity)) for name in known]
    return tuple(sorted(found, key=_beyond_noise, reverse=True))


def joined(profile: Profile, columns: Columns) -> Profile:
    """The profile as it would be had the version been trained on these rows too, over the same bins."""
    grown = dict(profile.columns)
    for name, known in profile.columns.items():
        if name not in columns:  # the data set has it no more
            continue
        counts: Any
        if isinstance(known, NumericProfile):
            found = _counted(known, columns, name)
            counts, missing = tuple(map(add, known.counts, found.counts)), found.missing
        else:
            now = _counted(known, columns, name)
            counts, missing = dict(Counter(known.counts) + Counter(now.counts)), now.missing
        grown[name] = known.model_copy(update={"counts": counts, "missing": known.missing + missing})
    rows = len(next(iter(columns.values())))
    return profile.model_copy(update={"rows": profile.rows + rows, "columns": grown})


def _beyond_noise(evidence: ColumnEvidence) -> float:
    return evidence.distance / evidence.limit if evidence.limit else evidence.distance
