"""Whether the version that served before would have done better since, as a pure function.

It is looked at after every batch, and the first time that it says so the alias may be given back; so the interval must
hold at all of these times together. It is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy &
Ramdas 2024, Annals of Statistics 52, 2613-2640), at its narrowest where the fewest rows are reached. Batches differ by
more than their rows' noise, as seasons do; that variance is estimated, too (Paule & Mandel 1982), and added to each
batch's own. docs/decisions.md has how often both are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from relevo_contract.identity import Identity, members
from relevo_contract.previous import PairedBatch, Previous
from relevo_contract.record import Estimate
from relevo_contract.tasks import Floats, Task
from relevo_jobs.pooling import LEAST, between
from relevo_jobs.wording import rows_of

ERROR: Final = 0.05
"""Of the interval at all times together, both sides."""
FEWEST_BATCHES: Final = 3
"""Of fewer nobody can tell how much batches differ."""


@dataclass(frozen=True)
class Rule:
    """When the alias is given back; each is a setting of `relevo-job decide`."""

    rows: int = 400
    """Rows of different things on which the version before must be better."""
    roll_back: bool = False
    """Whether promote is asked to give the alias back."""


def paired(batch: int, previous: Floats, champion: Floats, identity: Identity | None = None) -> PairedBatch | None:
    """A batch's figure from both versions' losses, (n,) each; None of fewer than two things, which have no variance."""
    difference = previous - champion
    rows = len(difference)
    group = np.arange(rows) if identity is None else members(identity)[0]
    things = len(np.unique(group))
    if things < 2 or not np.isfinite(difference).all():
        return None
    mean = float(difference.mean())
    squares = float((np.bincount(group, difference - mean) ** 2).sum())
    variance = max(LEAST, things / (things - 1) * squares / rows**2)
    return PairedBatch(batch=batch, rows=rows, things=things, mean=mean, variance=variance)


def together(figures: Sequence[PairedBatch], fewest: int) -> tuple[Estimate, float]:
    """The mean difference over the rows of n > 0 batches with its confidence sequence, and the deviation between them.

    The interval is at its narrowest at so many (`fewest`) things.
    """
    rows, mean, variance = (
        np.array([getattr(one, name) for one in figures], dtype=np.float64) for name in ("rows", "mean", "variance")
    )
    apart = between(mean, variance)
    weight = rows / rows.sum()
    value = float(weight @ mean)
    of_mean = float(weight**2 @ (variance + apart))
    things = sum(one.things for one in figures)
    looks = things * (-2 * math.log(ERROR) + math.log(-2 * math.log(ERROR) + 1)) / fewest
    reach = math.sqrt(of_mean * 2 * (looks + 1) / looks * math.log(math.sqrt(looks + 1) / ERROR))
    return Estimate(value=value, low=value - reach, high=value + reach), math.sqrt(apart)


def judge(
    versions: tuple[int, int],
    headlines: tuple[Estimate, Estimate],
    figures: Sequence[PairedBatch],
    rule: Rule,
    *,
    task: Task,
    unit: str,
) -> Previous:
    """Judge the version before and the champion, in this order, by all batches' figures; the newest is the last."""
    difference, apart = together(figures, rule.rows)
    things, rows = (sum(getattr(one, name) for one in figures) for name in ("things", "rows"))
    better = difference.high < 0 and things >= rule.rows and len(figures) >= FEWEST_BATCHES
    verdict = "would have been better beyond noise" if better else "would not have been better beyond noise"
    return Previous(
        version=versions[0],
        headline=headlines[0],
        champion=headlines[1],
        this=figures[-1],
        batches=len(figures),
        rows=rows,
        things=things,
        difference=difference,
        between=apart,
        better=better,
        roll_back=better and rule.roll_back,
        sentence=f"version {versions[0]}, which served before version {versions[1]}, {verdict} on {rows_of(rows)} of "
        f"{len(figures)} batch{'' if len(figures) == 1 else 'es'} since: {task.decides} differs by "
        f"{task.told_difference(difference, unit)}",
    )
