"""Whether a challenger takes over from the champion, as a pure function. The rules stand in docs/decisions.md.

What people read is the median absolute percentage error. What decides is the mean absolute error of the log price: it
uses every row, so that noise hides less (docs/decisions.md has the measurement). Both are shares of the price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.listing import TARGET
from relevo_contract.record import Criterion, Estimate, Promotion, StateComparison
from relevo_jobs.median_error import median_error, percentage_errors
from relevo_jobs.wording import estimate, listed, percent, rows_of

Floats = NDArray[np.float64]

DRAWS: Final = 2000
"""Bootstrap draws; the ends of a 95 % interval then vary by about 2 % of its length."""
DRAWN: Final = 40_000_000
"""Rows drawn in all, from which fewer draws are made: the interval of so many rows is narrow anyway."""
FEWEST_DRAWS: Final = 200
IN_MEMORY: Final = 500_000
"""Rows drawn at a time: 4 MB, which stays in the processor's cache."""


@dataclass(frozen=True)
class Limits:
    """Where the rules draw their lines; each is a setting of `relevo-job promote`."""

    rows: int = 30
    """Held-out rows, fewer of which tell nothing."""
    confidence: float = 0.95
    """Of the interval that must lie below zero."""
    state_rows: int = 50
    """Held-out rows from which a state weighs."""
    state_tolerance: float = 0.05
    """Mean log error by which a state may become worse: 0.05 is five per cent of the price."""


@dataclass(frozen=True)
class HeldOut:
    """Held-out rows of all batches the challenger was trained on, n in all."""

    log_price: Floats
    """Of whatever is predicted; so all prices here."""
    state: Sequence[str | None]
    """Or what else the rows' places are."""
    new: NDArray[np.bool_]
    """Rows of batches that the champion was not trained on."""
    champion: Floats
    """The champion's log prices; the training rows' median where there is no champion."""
    challenger: Floats
    target: str = TARGET
    """What the price is called in sentences."""


def paired_difference(champion: Floats, challenger: Floats, confidence: float, seed: int) -> Estimate:
    """Mean of challenger minus champion, (n > 0,) losses each, with a percentile bootstrap interval over rows.

    Method: paired bootstrap (Efron & Tibshirani 1993, chapter 13; Koehn 2004 for comparing two systems).
    """
    difference = challenger - champion
    rows = len(difference)
    draws = int(np.clip(DRAWN // rows, FEWEST_DRAWS, DRAWS))
    random = np.random.default_rng(seed)
    at_once = max(1, IN_MEMORY // rows)
    means = np.concatenate(
        [
            difference[random.integers(0, rows, (min(at_once, draws - start), rows))].mean(axis=1)
            for start in range(0, draws, at_once)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = float(difference.mean())
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)))


def _states(held_out: HeldOut, limits: Limits, seed: int) -> tuple[StateComparison, ...]:
    """Each state of weight, worst first; the confidence is of all states together (Bonferroni)."""
    states = np.array([state or "" for state in held_out.state])
    named, counts = np.unique(states, return_counts=True)
    weighty = [name for name, rows in zip(named, counts, strict=True) if name and rows >= limits.state_rows]
    confidence = 1 - (1 - limits.confidence) / max(1, len(weighty))
    found = []
    for name in weighty:
        mine = states == name
        price, champion, challenger = (
            column[mine] for column in (held_out.log_price, held_out.champion, held_out.challenger)
        )
        difference = paired_difference(np.abs(champion - price), np.abs(challenger - price), confidence, seed)
        found.append(
            StateComparison(
                state=str(name),
                rows=int(mine.sum()),
                champion=median_error(percentage_errors(price, champion)).value,
                challenger=median_error(percentage_errors(price, challenger)).value,
                difference=difference,
                worse=difference.low > limits.state_tolerance,
            )
        )
    return tuple(sorted(found, key=lambda state: state.difference.value, reverse=True))


def compare(
    held_out: HeldOut, *, champion_version: int | None, challenger_version: int, limits: Limits, seed: int
) -> Promotion:
    """Promote or reject. The same rows and seed give the same verdict.

    Judged on held-out rows of the batches the champion was not trained on, for those are why the challenger exists; on
    all held-out rows if these are too few, or if there is no champion. The states are judged on all of them.
    """
    judged = held_out.new if held_out.new.sum() >= limits.rows else np.ones(len(held_out.new), dtype=bool)
    price, champion, challenger = (
        column[judged] for column in (held_out.log_price, held_out.champion, held_out.challenger)
    )
    rows = len(price)
    if rows < max(1, limits.rows):
        nothing = Estimate(value=0.0, low=0.0, high=0.0)
        return Promotion(
            promoted=False,
            criterion=Criterion.TOO_FEW_ROWS,
            sentence=f"{rows_of(rows)} held out are too few to judge version {challenger_version} (at least "
            f"{limits.rows})",
            rows=rows,
            champion_version=champion_version,
            challenger_version=challenger_version,
            champion=median_error(percentage_errors(price, champion)) if rows else nothing,
            challenger=median_error(percentage_errors(price, challenger)) if rows else nothing,
            difference=nothing,
        )
    difference = paired_difference(np.abs(champion - price), np.abs(challenger - price), limits.confidence, seed)
    states = _states(held_out, limits, seed) if champion_version is not None else ()
    worse = [state for state in states if state.worse]
    figures = Promotion(
        promoted=False,
        criterion=Criterion.NOT_BETTER,
        sentence="",
        rows=rows,
        champion_version=champion_version,
        challenger_version=challenger_version,
        champion=median_error(percentage_errors(price, champion)),
        challenger=median_error(percentage_errors(price, challenger)),
        difference=difference,
        states=states,
    )
    better = difference.high < 0
    if champion_version is None:
        criterion = Criterion.FIRST_BEATS_MEDIAN if better else Criterion.NOT_BETTER_THAN_MEDIAN
    elif not better:
        criterion = Criterion.NOT_BETTER
    else:
        criterion = Criterion.STATE_WORSE if worse else Criterion.BETTER
    promoted = criterion in {Criterion.FIRST_BEATS_MEDIAN, Criterion.BETTER}
    sentence = _sentence(figures, worse, held_out.target, new=bool(held_out.new[judged].all()))
    return figures.model_copy(update={"promoted": promoted, "criterion": criterion, "sentence": sentence})


def _sentence(figures: Promotion, worse: Sequence[StateComparison], target: str, *, new: bool) -> str:
    """The figures in words; the verdict is told by the criterion."""
    difference = figures.difference
    if figures.champion_version is None:
        against, where = f"always saying the median {target}", "held-out rows"
    else:
        against = f"version {figures.champion_version}"
        where = "held-out rows of batches it was not trained on" if new else "held-out rows"
    if difference.high < 0:
        verdict = f"is better than {against} beyond noise"
    elif difference.low > 0:
        verdict = f"is worse than {against} beyond noise"
    else:
        verdict = f"does not differ from {against} beyond noise"
    places = listed([f"{state.state} (by {percent(state.difference.value)} of the {target})" for state in worse])
    points = f"{100 * difference.value:+.1f} points ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"
    return (
        f"version {figures.challenger_version} {verdict} on {figures.rows:,} {where}: median error "
        f"{estimate(figures.challenger)} against {estimate(figures.champion)}; mean log error differs by "
        f"{points}{f'; but much worse in {places}' if worse else ''}"
    )
