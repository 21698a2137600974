"""Test-then-train: each batch is first predicted by the model that stands, then the policy is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.policy.models import Model, Models
from benchmarks.policy.policies import Policy, up_to
from benchmarks.policy.relevo import Relevo
from relevo_jobs.past import INSIDE


@dataclass(frozen=True)
class Score:
    """Over all rows of all batches after the first, each predicted before it was seen."""

    error: float
    """The task's headline."""
    loss: float
    """The mean loss, which decides."""
    trainings: float


@dataclass(frozen=True)
class Kept:
    """How Relevo's promises and decisions turned out."""

    promises: float
    """Share of batches whose error lay in the band of nine in ten, or below it; NaN without one."""
    plain: float
    """The same of the 95 % interval of the held-out rows alone."""
    coverage: float
    """Share of rows within their 90 % prediction interval, each on the batch after."""
    better: int
    """Promotions that were better on the next batch..."""
    worse: int
    """...and that were worse."""
    missed: int
    """Rejections that would have been better."""


def _score(models: Models, served: Sequence[Model | None], trainings: int) -> Score:
    """`served[i]` predicted batch i + 1, or the baseline of all rows before it, where there was no model."""
    market, pairs = models.market, []
    for number, model in list(zip(market.numbers, served, strict=True))[1:]:
        mask = market.of(frozenset({number}))
        constant = market.task.baseline(market.actual[market.of(up_to(number - 1))])
        said = np.full(int(mask.sum()), constant) if model is None else models.predictions(model)[mask]
        pairs.append((market.actual[mask], said))
    actual, predicted = (np.concatenate(side) for side in zip(*pairs, strict=True))
    headline, losses = market.task.headline(actual, predicted), market.task.losses(actual, predicted)
    return Score(headline.value, float(losses.mean()), trainings)


def replay(models: Models, policy: Policy) -> tuple[Score, list[Model | None]]:
    """Run a policy over all batches; what served each of them."""
    served: list[Model | None] = []
    model: Model | None = None
    for number in models.market.numbers:
        served.append(model)
        model = policy.after(number, model)
    return _score(models, served, policy.trainings), served


def hindsight(models: Models, trainings: int) -> Score:
    """The best that so many trainings can do, the first after batch 1, chosen with the outcome known.

    A training after the last batch predicts nothing, so it is never among them.
    """
    numbers = list(models.market.numbers)
    best: Score | None = None
    for chosen in combinations(numbers[1:-1], max(0, min(trainings - 1, len(numbers) - 2))):
        served: list[Model | None] = [None]
        for number in numbers[:-1]:
            served.append(up_to(number) if number == 1 or number in chosen else served[-1])
        score = _score(models, served, 1 + len(chosen))
        if best is None or score.loss < best.loss:
            best = score
    assert best is not None
    return best


def kept(models: Models, relevo: Relevo, served: Sequence[Model | None]) -> Kept:
    """Hold what Relevo promised of each batch against what came."""
    market, inside, plain, covered = models.market, [], [], []
    better = worse = missed = 0
    for number, model in zip(market.numbers, served, strict=True):
        error = relevo.verdicts[number].error
        if error is not None and error.expected is not None:
            inside.append(error.expected.low <= error.now.value <= error.expected.high)
            plain.append(error.promised.low <= error.now.value <= error.promised.high)
        mask = market.of(frozenset({number}))
        quantile = None if model is None else models.quantile(model, INSIDE)
        if model is not None and quantile is not None:
            away = np.abs(market.actual[mask] - models.predictions(model)[mask])
            covered.append(away <= quantile * relevo.stretch.get(model, 1.0))
        promotion = relevo.promotions.get(number - 1)
        if promotion is not None and promotion.champion_version is not None:
            # The challenger saw all batches up to the last, but those that were left out; the champion is what it was.
            pair = up_to(promotion.challenger_version), up_to(promotion.champion_version)
            fell = models.losses(pair[0], mask).mean() < models.losses(pair[1], mask).mean()
            better += int(promotion.promoted and fell)
            worse += int(promotion.promoted and not fell)
            missed += int(not promotion.promoted and fell)
    rows = np.concatenate(covered) if covered else np.array([np.nan])
    promises, held_out = (float(np.mean(one)) if one else float("nan") for one in (inside, plain))
    return Kept(promises, held_out, float(rows.mean()), better, worse, missed)
