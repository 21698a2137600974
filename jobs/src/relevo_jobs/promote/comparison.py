"""Whether a challenger takes over from the champion, as a pure function. The rules stand in docs/decisions.md.

What decides is the mean of the task's losses, which uses every row, so that noise hides less (docs/decisions.md has the
measurement); what people read beside it is the task's headline (`relevo_contract.tasks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from relevo_contract.identity import Identity, members, things
from relevo_contract.record import Criterion, Estimate, Promotion, StateComparison
from relevo_contract.tasks import Task
from relevo_jobs.needs import THINGS
from relevo_jobs.promote.segments import pool
from relevo_jobs.wording import listed, rows_of

Floats = NDArray[np.float64]

DRAWS: Final = 2000
"""Bootstrap draws; the ends of a 95 % interval then vary by about 2 % of its length."""
DRAWN: Final = 40_000_000
"""Rows drawn in all, from which fewer draws are made: the interval of so many rows is narrow anyway."""
FEWEST_DRAWS: Final = 200
IN_MEMORY: Final = 500_000
"""Rows drawn at a time: 4 MB, which stays in the processor's cache."""
ENOUGH: Final = 30
"""Held-out rows of different things from which those of new batches are judged alone."""
KEPT: Final = 100
"""States that a record tells of: of more, those that became worse, and those with most rows."""


@dataclass(frozen=True)
class Limits:
    """Where the rules draw their lines; each is a setting of `relevo-job promote`."""

    rows: int = THINGS
    """Held-out rows of different things (houses), fewer of which tell nothing."""
    confidence: float = 0.9
    """Of the interval that must lie below zero: one challenger in twenty that is as good passes."""
    state_tolerance: float = 0.05
    """Mean loss by which a state may become worse, as a share of the spread: 0.05 is five per cent of a price."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of all batches the challenger was trained on, n in all."""

    actual: Floats
    """The target on the task's scale, as are the predictions."""
    state: Sequence[str | None]
    """Or what else the rows' places are."""
    new: NDArray[np.bool_]
    """Rows of batches that the champion was not trained on."""
    champion: Floats
    """The champion's predictions; the baseline's where there is no champion."""
    challenger: Floats
    task: Task
    target: str
    """What is predicted, in sentences..."""
    unit: str = ""
    """...and its unit."""
    identity: Identity | None = None
    """Which rows are of one thing, (n,); None: each is its own."""
    weight: Floats | None = None
    """How much each row tells of the rows to come, (n,); None: all alike."""

    def of(self, chosen: NDArray[np.bool_]) -> HeldOut:
        """Some of the rows, by a mask."""
        return replace(
            self,
            actual=self.actual[chosen],
            state=[state for state, mine in zip(self.state, chosen, strict=True) if mine],
            new=self.new[chosen],
            champion=self.champion[chosen],
            challenger=self.challenger[chosen],
            identity=None if self.identity is None else self.identity[chosen],
            weight=None if self.weight is None else self.weight[chosen],
        )

    @property
    def things(self) -> int:
        """How many different things the rows are of."""
        return things(self.identity, len(self.actual))

    @property
    def errors(self) -> tuple[Estimate, Estimate]:
        """The champion's headline and the challenger's."""
        champion, challenger = (
            self.task.headline(self.actual, predicted, self.identity) for predicted in (self.champion, self.challenger)
        )
        return champion, challenger

    def difference(self, confidence: float, seed: int) -> tuple[Estimate, float]:
        """Of their mean losses, challenger minus champion, and the champion's mean loss."""
        champion, challenger = (self.task.losses(self.actual, one) for one in (self.champion, self.challenger))
        weight = np.ones(len(champion)) if self.weight is None else self.weight
        found = paired_difference(champion, challenger, confidence, seed, identity=self.identity, weight=weight)
        return found, float(np.average(champion, weights=weight))


def by_age(age: NDArray[np.int64]) -> Floats:
    """How much rows count by how many batches ago theirs came, (n,): half as much with each.

    The next batch is most like the newest; docs/decisions.md has what the weight was held against.
    """
    return np.asarray(0.5**age, dtype=np.float64)


def paired_difference(  # noqa: PLR0917  # as it is read: one, the other, how sure, how drawn
    champion: Floats,
    challenger: Floats,
    confidence: float,
    seed: int,
    identity: Identity | None = None,
    weight: Floats | None = None,
) -> Estimate:
    """Mean of challenger minus champion, (n > 0,) losses each, with a percentile bootstrap interval.

    Method: paired bootstrap (Efron & Tibshirani 1993, chapter 13; Koehn 2004 for comparing two systems) of the things
    that the rows are of, each with all its rows (cluster bootstrap: Davison & Hinkley 1997, 3.8; Cameron, Gelbach &
    Miller 2008): copies of a row tell nothing that it does not. Without an identity, of the rows. The mean is weighted
    if there is a `weight`, (n,). Few things, k, are drawn too much alike: both ends are moved out by the standard error
    that k - 1 degrees of freedom take, Student's quantile over the normal one (Efron & Tibshirani 1993, 12.5 and 13.2).
    """
    sizes = np.ones(len(champion)) if weight is None else weight
    sums = sizes * (challenger - champion)
    value = float(sums.sum() / sizes.sum())
    if identity is not None:
        group, _ = members(identity)
        sums, sizes = (np.bincount(group, one).astype(np.float64) for one in (sums, sizes))
    drawn = len(sums)
    draws = int(np.clip(DRAWN // drawn, FEWEST_DRAWS, DRAWS))
    random = np.random.default_rng(seed)
    at_once = max(1, IN_MEMORY // drawn)
    means = np.concatenate(
        [
            _mean(sums, sizes, random.integers(0, drawn, (min(at_once, draws - start), drawn)))
            for start in range(0, draws, at_once)
        ]
    )
    low, high = value + _few(drawn, confidence) * (
        np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]) - value
    )
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)))


def _few(things: int, confidence: float) -> float:
    """How many times as wide as the bootstrap draws it an interval of the mean of so many things is to be."""
    if things < THINGS:
        return 1.0  # judged by nobody
    quantile = (1 + confidence) / 2
    return float(stdtrit(things - 1, quantile) / ndtri(quantile) * np.sqrt(things / (things - 1)))


def _mean(sums: Floats, sizes: Floats, drawn: NDArray[np.int64]) -> Floats:
    """The mean over the rows of the things drawn, (draws,), from their places, (draws, things)."""
    return np.asarray(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), dtype=np.float64)


def _states(held_out: HeldOut, limits: Limits) -> tuple[tuple[StateComparison, ...], int, float | None]:
    """The states, worst first; how many more there are than the record keeps; and how far they are truly apart.

    Those that became worse are kept, and of the others those with most rows.
    """
    states = np.array([state or "" for state in held_out.state])
    there = held_out.of(states != "")
    if not len(there.actual):
        return (), 0, None
    names, segment = np.unique(states[states != ""], return_inverse=True)
    champion, challenger = (there.task.losses(there.actual, one) for one in (there.champion, there.challenger))
    found = pool(challenger - champion, segment, there.identity, limits.confidence)
    worse = found.shrunk[1] > limits.state_tolerance * held_out.task.spread(held_out.actual)
    kept = np.lexsort((-found.rows, ~worse))[:KEPT]

    def told(place: int) -> StateComparison:
        mine = there.of(segment == place)
        before, now = mine.errors
        own, shrunk = (
            Estimate(value=float(value[place]), low=float(low[place]), high=float(high[place]))
            for value, low, high in (found.own, found.shrunk)
        )
        return StateComparison(
            state=str(names[place]),
            rows=int(found.rows[place]),
            things=int(found.things[place]),
            champion=before.value,
            challenger=now.value,
            difference=own,
            shrunk=shrunk,
            worse=bool(worse[place]),
        )

    ordered = kept[np.argsort(-found.shrunk[0][kept], kind="stable")]
    return tuple(told(int(place)) for place in ordered), len(names) - len(kept), found.between


def compare(
    held_out: HeldOut, *, champion_version: int | None, challenger_version: int, limits: Limits, seed: int
) -> Promotion:
    """Promote or reject. The same rows and seed give the same verdict.

    A challenger that answers a row with something that is not finite is rejected, whatever it is on the others; rows
    that the champion answers so say nothing of either.
    """
    lost = ~np.isfinite(held_out.challenger)
    finite = held_out.of(~lost & np.isfinite(held_out.champion))
    told = _compared(
        finite, champion_version=champion_version, challenger_version=challenger_version, limits=limits, seed=seed
    )
    if not lost.any():
        return told
    answers = f"answers {rows_of(int(lost.sum()))} held out with no finite number"
    sentence = f"version {challenger_version} {answers}; {told.sentence}"
    return told.model_copy(update={"promoted": False, "criterion": Criterion.NOT_FINITE, "sentence": sentence})


def _compared(
    held_out: HeldOut, *, champion_version: int | None, challenger_version: int, limits: Limits, seed: int
) -> Promotion:
    """The verdict on rows that both answer.

    Judged on held-out rows of the batches the champion was not trained on, for those are why the challenger exists; on
    all held-out rows if these are too few, or if there is no champion. The states are judged on all of them.
    """
    judged = held_out.of(held_out.new)
    if judged.things < max(ENOUGH, limits.rows):
        judged = held_out
    rows = len(judged.actual)
    if judged.things < max(1, limits.rows):
        nothing = Estimate(value=0.0, low=0.0, high=0.0)
        champion, challenger = judged.errors if rows else (nothing, nothing)
        different = f", of {judged.things:,} different," if judged.things < rows else ""
        return Promotion(
            promoted=False,
            criterion=Criterion.TOO_FEW_ROWS,
            sentence=f"{rows_of(rows)} held out{different} are too few to judge version {challenger_version} (at least "
            f"{limits.rows})",
            rows=rows,
            champion_version=champion_version,
            challenger_version=challenger_version,
            champion=champion,
            challenger=challenger,
            difference=nothing,
        )
    (difference, loss), (champion, challenger) = judged.difference(limits.confidence, seed), judged.errors
    states, more, between = _states(held_out, limits) if champion_version is not None else ((), 0, None)
    worse = [state for state in states if state.worse]
    figures = Promotion(
        promoted=False,
        criterion=Criterion.NOT_BETTER,
        sentence="",
        rows=rows,
        champion_version=champion_version,
        challenger_version=challenger_version,
        champion=champion,
        challenger=challenger,
        difference=difference,
        gain=-difference.value / loss if loss > 0 else 0.0,
        states=states,
        states_more=more,
        states_between=between,
    )
    better = difference.high < 0
    if champion_version is None:
        criterion = Criterion.FIRST_BEATS_BASELINE if better else Criterion.NOT_BETTER_THAN_BASELINE
    elif not better:
        criterion = Criterion.NOT_BETTER
    else:
        criterion = Criterion.STATE_WORSE if worse else Criterion.BETTER
    promoted = criterion in {Criterion.FIRST_BEATS_BASELINE, Criterion.BETTER}
    sentence = _sentence(figures, worse, held_out, new=bool(judged.new.all()))
    return figures.model_copy(update={"promoted": promoted, "criterion": criterion, "sentence": sentence})


def _sentence(figures: Promotion, worse: Sequence[StateComparison], of: HeldOut, *, new: bool) -> str:
    """The figures in words; the verdict is told by the criterion."""
    difference, task = figures.difference, of.task
    if figures.champion_version is None:
        against, where = f"always saying {task.baseline_words} {of.target}", "held-out rows"
    else:
        against = f"version {figures.champion_version}"
        where = "held-out rows of batches it was not trained on" if new else "held-out rows"
    if difference.high < 0:
        verdict = f"is better than {against} beyond noise"
    elif difference.low > 0:
        verdict = f"is worse than {against} beyond noise"
    else:
        verdict = f"does not differ from {against} beyond noise"
    places = listed([f"{state.state} (by {task.told_loss(state.difference.value, of.unit)})" for state in worse])
    return (
        f"version {figures.challenger_version} {verdict} on {figures.rows:,} {where}: {task.figure} "
        f"{task.told(figures.challenger, of.unit)} against {task.told(figures.champion, of.unit)}; {task.decides} "
        f"differs by {task.told_difference(difference, of.unit)}{f'; but much worse in {places}' if worse else ''}"
    )
