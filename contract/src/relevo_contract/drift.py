"""How far columns are from a profile, and how far noise alone would bring them. Pure.

Categories are compared by Jensen-Shannon distance (Lin 1991; base 2), missing values being one more category; it stays
finite where one side has no row, which PSI does not; and by that of seen against never seen. Numbers are compared in
three ways: Wasserstein distance of the values, which finds shifts; Jensen-Shannon over their bins, which finds changes
of shape; and Jensen-Shannon of missing against there. The one that is furthest beyond its noise is told.
docs/decisions.md has what each finds.

Noise: if batch and training data came from one distribution, how large would the distance be at these row counts? Drawn
from the pooled shares, both sides; the draws' mean and variance give a gamma distribution (a Jensen-Shannon divergence
is asymptotically a multiple of chi-squared: Menéndez et al. 1997), its upper quantile the limit, by Wilson and Hilferty
(1931). The rate of false alarms is that of all comparisons together (Bonferroni).

The steps hold a batch against the champion's profile with it, the inference API what it is asked; numpy is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.identity import Identity, copies
from relevo_contract.profile import CategoricalProfile, ColumnProfile, NumericProfile, Profile
from relevo_contract.profiling import bin_counts, categories, numbers
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


def _of_numbers(profile: NumericProfile, values: NDArray[np.float64]) -> list[Comparison]:
    there = values[~np.isnan(values)]
    before, now = np.array(profile.counts, dtype=np.int64), bin_counts(profile.edges, there)
    missing, missing_now = profile.missing, len(values) - len(there)
    return [
        ("wasserstein", before, now),
        ("jensen_shannon", np.append(before, missing), np.append(now, missing_now)),
        ("jensen_shannon", np.array([before.sum(), missing]), np.array([now.sum(), missing_now])),
    ]


def _of_categories(profile: CategoricalProfile, found: Mapping[str | None, int]) -> list[Comparison]:
    frequent = [category for category, count in profile.counts.items() if count >= FREQUENT]
    before, now = [profile.counts[c] for c in frequent], [found.get(c, 0) for c in frequent]
    missing = found.get(None, 0)
    before += [sum(profile.counts.values()) - sum(before), profile.missing]
    now += [sum(found.values()) - missing - sum(now), missing]
    return [
        ("jensen_shannon", np.array(before, dtype=np.int64), np.array(now, dtype=np.int64)),
        _of_unseen(profile, found),
    ]


def _of_unseen(profile: CategoricalProfile, found: Mapping[str | None, int]) -> Comparison:
    """Rows of categories seen and never seen, as many independent rows as they are worth.

    The share never seen that is expected is that of the categories seen once (Good 1953). It varies more than that of
    independent rows: by the categories seen twice on either side, for rows of one new category come together.
    """
    rows, now = sum(profile.counts.values()), sum(n for c, n in found.items() if c is not None)
    once, twice = (sum(count == times for count in profile.counts.values()) for times in (1, 2))
    together = 2 * twice / max(1, once)
    new = sum(n for c, n in found.items() if c is not None and c not in profile.counts)
    before_worth, now_worth = 1 / (1 + together), 1 / (1 + together * now / max(1, rows))
    return (
        "jensen_shannon",
        before_worth * np.array([rows - once, once]),
        now_worth * np.array([now - new, new]),
    )


def _shown(profile: CategoricalProfile, found: Mapping[str | None, int]) -> tuple[str, ...]:
    """The categories that have the largest share before or now."""
    before, now = max(1, sum(profile.counts.values())), max(1, sum(found.values()))
    share = {c: n / before for c, n in profile.counts.items()}
    share = {c: max(share.get(c, 0.0), found.get(c, 0) / now) for c in {*share, *found} if c is not None}
    return tuple(sorted(share, key=lambda category: (-share[category], category))[:SHOWN])


def _category_counts(shown: Sequence[str], counts: Mapping[Any, int]) -> tuple[int, ...]:
    """Of each category shown, and of all the others together; missing values aside."""
    named = [counts.get(category, 0) for category in shown]
    return (*named, sum(n for c, n in counts.items() if c is not None) - sum(named))


def _evidence(profile: Profile, columns: Columns, name: str, rate: float, copied: float) -> ColumnEvidence:
    known = profile.columns[name]
    rows = len(columns[name])
    unseen: float | None = None
    new: tuple[str, ...] = ()
    if isinstance(known, NumericProfile):
        values = numbers(columns, name)
        missing = int(np.isnan(values).sum())
        comparisons = _of_numbers(known, values)
        now = bin_counts(known.edges, values[~np.isnan(values)])
        pictured = Distribution(edges=known.edges, before=known.counts, now=tuple(now.tolist()))
    else:
        spelled = categories(columns, name)
        found = Counter(spelled)
        missing = found.get(None, 0)
        comparisons = _of_categories(known, found)
        unknown = [(c, n) for c, n in found.most_common() if c is not None and c not in known.counts]
        unseen = sum(n for _, n in unknown) / rows
        new = _as_written(columns, name, spelled, [c for c, _ in unknown[:NAMED]])
        shown = _shown(known, found)
        pictured = Distribution(
            categories=shown, before=_category_counts(shown, known.counts), now=_category_counts(shown, found)
        )
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


def _as_written(columns: Columns, name: str, spelled: list[str | None], wanted: Sequence[str]) -> tuple[str, ...]:
    """Categories as the batch writes them, for people."""
    return tuple(str(columns[name][spelled.index(category)]) for category in wanted)


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
    grown: dict[str, ColumnProfile] = {}
    for name, known in profile.columns.items():
        if name not in columns:  # the data set has it no more
            grown[name] = known
        elif isinstance(known, NumericProfile):
            values = numbers(columns, name)
            there = values[~np.isnan(values)]
            added = bin_counts(known.edges, there)
            grown[name] = known.model_copy(
                update={
                    "counts": tuple((np.array(known.counts, dtype=np.int64) + added).tolist()),
                    "missing": known.missing + len(values) - len(there),
                }
            )
        else:
            found = Counter(categories(columns, name))
            missing = found.pop(None, 0)
            counts = Counter(known.counts) + Counter({str(category): n for category, n in found.items()})
            grown[name] = known.model_copy(update={"counts": dict(counts), "missing": known.missing + missing})
    rows = len(next(iter(columns.values())))
    return profile.model_copy(update={"rows": profile.rows + rows, "columns": grown})


def _beyond_noise(evidence: ColumnEvidence) -> float:
    return evidence.distance / evidence.limit if evidence.limit else evidence.distance
