"""XGBoost over partitions: each worker its own, the histograms added up between them by XGBoost's collective.

A worker never holds its rows' features: they are made partition by partition when XGBoost asks, and kept as it
quantizes them, a byte or two each (`QuantileDMatrix`). Everything here runs on a worker, in `collective.together`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract.features import Features
from relevo_jobs.train.fitting import CANDIDATES, FIXED, MOST_ROUNDS, PATIENCE, Parameters
from relevo_jobs.train.partitioned.grouping import Grouping
from relevo_jobs.train.partitioned.learning import Model
from relevo_jobs.train.partitioned.partition import Partition, Sizes

Batch = tuple[NDArray[np.float32], NDArray[np.float64]]
"""Features (n, features) and log prices (n,)."""


@dataclass(frozen=True)
class Encoded:
    """How rows become features: each group by its model."""

    grouping: Grouping
    models: tuple[Model, ...]
    sizes: Sizes

    def batches(self, partitions: Sequence[Partition], *, validation: bool = False) -> Iterator[Batch]:
        """The rows that are trained on, or those of the validation group, partition by partition."""
        features = [Features(model) for model in self.models]
        held = self.grouping.count - 1 if self.grouping.validation else -1
        for partition in partitions:
            groups = self.grouping.groups(partition, self.sizes)
            chosen = np.flatnonzero((groups == held) == validation)
            made = np.empty((len(chosen), len(features[0].names)), dtype=np.float32)
            for group in np.unique(groups[chosen]):
                of_group = groups[chosen] == group
                rows = partition.take(chosen[of_group])
                made[of_group] = features[group].of(rows.given, rows.codes)
            yield made, partition.log_price[chosen]


class _Batches(xgboost.DataIter):
    """XGBoost asks for all batches several times over: what it needs of one is gone before the next is made."""

    def __init__(self, batches: Callable[[], Iterator[Batch]], names: Sequence[str]) -> None:
        self._batches, self._names = batches, list(names)
        self._left = batches()
        super().__init__(release_data=True)

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand over the next one; false if there is none."""
        for features, label in self._left:
            input_data(data=features, label=label, feature_names=self._names)
            return True
        return False

    def reset(self) -> None:
        """From the first one again."""
        self._left = self._batches()


def matrix(
    encoded: Encoded,
    partitions: Sequence[Partition],
    threads: int,
    *,
    validation_of: xgboost.QuantileDMatrix | None = None,
) -> xgboost.QuantileDMatrix:
    """The rows to train on, quantized; or the validation rows, over the same bins."""
    names = Features(encoded.models[0]).names
    batches = _Batches(lambda: encoded.batches(partitions, validation=validation_of is not None), names)
    return xgboost.QuantileDMatrix(batches, ref=validation_of, max_bin=int(FIXED["max_bin"]), nthread=threads)


@dataclass(frozen=True)
class Attempts:
    """What each candidate of the search came to on validation rows: sums, which add up over workers."""

    rounds: tuple[int, ...]
    """Of each candidate, the same on every worker."""
    rows: int
    errors: NDArray[np.float64]
    """Sum of the absolute errors, (candidates,)."""
    products: NDArray[np.float64]
    """Sums of the products of two candidates' errors, (candidates, candidates)."""


def added_attempts(parts: Sequence[Attempts]) -> Attempts:
    """Of all workers."""
    return Attempts(
        parts[0].rounds,
        sum(part.rows for part in parts),
        np.sum([part.errors for part in parts], axis=0),
        np.sum([part.products for part in parts], axis=0),
    )


def best(attempts: Attempts) -> int:
    """The candidate to take, by the rule of `fitting`: the first, unless one is better beyond one standard error."""
    mean = attempts.errors / attempts.rows
    chosen = 0
    for challenger in range(1, len(mean)):
        difference = mean[challenger] - mean[chosen]
        squares = (
            attempts.products[challenger, challenger]
            - 2 * attempts.products[challenger, chosen]
            + attempts.products[chosen, chosen]
        )
        variance = (squares - attempts.rows * difference**2) / max(1, attempts.rows - 1)
        if difference < -np.sqrt(max(0.0, variance) / attempts.rows):
            chosen = challenger
    return chosen


def search(partitions: Sequence[Partition], threads: int, encoded: Encoded, common: Parameters) -> Attempts:
    """Try the candidates, each stopped early on the validation rows of all workers."""
    training = matrix(encoded, partitions, threads)
    validation = matrix(encoded, partitions, threads, validation_of=training)
    actual = validation.get_label()
    rounds: list[int] = []
    errors: list[NDArray[np.float64]] = []
    for candidate in CANDIDATES:
        booster = xgboost.train(
            {**common, **candidate, "nthread": threads},
            training,
            MOST_ROUNDS,
            evals=[(validation, "validation")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        rounds.append(booster.best_iteration + 1)
        predicted = booster.predict(validation, iteration_range=(0, rounds[-1]))
        errors.append(np.abs(predicted - actual).astype(np.float64))
    table = np.array(errors)
    return Attempts(tuple(rounds), len(actual), table.sum(axis=1), table @ table.T)


def member(
    partitions: Sequence[Partition], threads: int, encoded: Encoded, parameters: Parameters, rounds: int
) -> bytes:
    """One booster of the average, as UBJSON; the same on every worker."""
    training = matrix(encoded, partitions, threads)
    return bytes(xgboost.train({**parameters, "nthread": threads}, training, rounds).save_raw("ubj"))
