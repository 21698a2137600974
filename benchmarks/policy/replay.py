"""Test-then-train: each batch is first priced by the model that stands, then the policy is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.policy.models import Models
from benchmarks.policy.policies import Model, Policy


@dataclass(frozen=True)
class Score:
    """Over all rows of all batches after the first, each priced before it was seen."""

    median_ape: float
    rmsle: float
    trainings: float


def _score(models: Models, served: Sequence[Model | None], trainings: int) -> Score:
    """`served[i]` priced batch i + 1; batches without a model are left out."""
    market = models.market
    apes, squares = [], []
    for number, model in zip(market.numbers, served, strict=True):
        if model is None:
            continue
        mask = market.of(frozenset({number}))
        apes.append(models.errors(model, mask))
        price = market.columns["price"][mask]
        squares.append((np.log1p(np.exp(models.log_prices(model)[mask])) - np.log1p(price)) ** 2)
    return Score(float(np.median(np.concatenate(apes))), float(np.sqrt(np.concatenate(squares).mean())), trainings)


def replay(models: Models, policy: Policy) -> Score:
    """Run a policy over all batches."""
    served: list[Model | None] = []
    model: Model | None = None
    for number in models.market.numbers:
        served.append(model)
        model = policy.after(number, model)
    return _score(models, served, policy.trainings)


def hindsight(models: Models, trainings: int) -> Score:
    """The best that so many trainings can do, the first after batch 1, chosen with the outcome known.

    A training after the last batch prices nothing, so it is never among them.
    """
    numbers = list(models.market.numbers)
    best: Score | None = None
    for chosen in combinations(numbers[1:-1], min(trainings - 1, len(numbers) - 2)):
        served: list[Model | None] = [None]
        for number in numbers[:-1]:
            served.append(frozenset(range(1, number + 1)) if number == 1 or number in chosen else served[-1])
        score = _score(models, served, 1 + len(chosen))
        if best is None or score.median_ape < best.median_ape:
            best = score
    assert best is not None
    return best
