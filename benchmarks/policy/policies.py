"""The policies beside Relevo's: after each batch, whether to train, and which model serves the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np

from benchmarks.policy.models import Model, Models
from relevo_contract.profile import CategoricalProfile
from relevo_contract.profiling import bin_counts, categories, numbers

ERROR_FELL: Final = 0.05
"""How far above its promise, relatively, the mean loss must be for the rule that practitioners use most."""
PSI: Final = 0.2
"""The population stability index from which a column is usually said to have drifted."""
FRACTIONS: Final = (0.25, 0.5, 1.0)


class Policy(Protocol):
    """Told of each batch in turn; `champion` None is no model yet."""

    trainings: int

    def after(self, number: int, champion: Model | None) -> Model | None:
        """The model that serves from here on."""


def up_to(number: int) -> Model:
    """All batches so far."""
    return frozenset(range(1, number + 1))


@dataclass
class Plain:
    """Trains whenever `asks` says so, and serves what was trained."""

    asks: Callable[[int, Model], bool]
    trainings: int = 0

    def after(self, number: int, champion: Model | None) -> Model | None:
        """Train or stay."""
        if champion is not None and not self.asks(number, champion):
            return champion
        self.trainings += 1
        return up_to(number)


def plain(models: Models) -> dict[str, Callable[[], Plain]]:
    """Each rule beside Relevo's, by its name."""
    rules: dict[str, Callable[[], Plain]] = {
        "always": lambda: Plain(lambda number, champion: True),
        "never": lambda: Plain(lambda number, champion: False),
        "error fell": lambda: Plain(lambda number, champion: _error_fell(models, number, champion)),
    }
    for fraction in FRACTIONS:
        rules[f"rows {fraction:g}"] = partial(_rows_wait, models, fraction)
    rules["ADWIN"] = lambda: Plain(lambda number, champion: _detected(models, number, champion, "ADWIN"))
    rules["Page-Hinkley"] = lambda: Plain(lambda number, champion: _detected(models, number, champion, "PageHinkley"))
    rules["PSI"] = lambda: Plain(lambda number, champion: _psi(models, number, champion) > PSI)
    return rules


def _rows_wait(models: Models, fraction: float) -> Plain:
    return Plain(lambda number, champion: _waiting(models, number, champion) >= fraction)


def _error_fell(models: Models, number: int, champion: Model) -> bool:
    """If the batch's mean loss is well above that on the model's own held-out rows."""
    market = models.market
    own = models.losses(champion, market.of(champion) & market.holdout).mean()
    return bool(models.losses(champion, market.of(frozenset({number}))).mean() > own * (1 + ERROR_FELL))


def _waiting(models: Models, number: int, champion: Model) -> float:
    """Rows waiting, by rows trained on."""
    market = models.market
    return float(market.of(up_to(number) - champion).sum() / market.of(champion).sum())


def _detected(models: Models, number: int, champion: Model, name: str) -> bool:
    """If a detector of river's with its defaults finds a change in the losses, those of the held-out rows first.

    ADWIN: Bifet & Gavalda 2007; Page-Hinkley: Page 1954. Losses are told as multiples of the held-out rows' mean.
    """
    from river import drift  # noqa: PLC0415

    market, detector = models.market, getattr(drift, name)()
    own = models.losses(champion, market.of(champion) & market.holdout)
    for loss in own / own.mean():
        detector.update(float(loss))
    found = False
    for batch in sorted(up_to(number) - champion):
        for loss in models.losses(champion, market.of(frozenset({batch}))) / own.mean():
            detector.update(float(loss))
            found = found or (batch == number and detector.drift_detected)
    return found


def _psi(models: Models, number: int, champion: Model) -> float:
    """The largest population stability index of a column, the batch against the training rows."""
    rows = models.market.rows(models.market.of(frozenset({number})))
    found = [0.0]
    for name, known in models.profile(champion).columns.items():
        if isinstance(known, CategoricalProfile):
            often = sorted(known.counts, key=lambda one: -known.counts[one])[:20]
            now = [one for one in categories(rows, name) if one is not None]
            before = [known.counts[one] for one in often]
            pair = np.array([[*before, sum(known.counts.values()) - sum(before)], _counted(now, often)], dtype=float)
        else:
            pair = np.array([known.counts, bin_counts(known.edges, numbers(rows, name))], dtype=float)
        if pair.sum(axis=1).min() > 0:
            share = np.maximum(pair / pair.sum(axis=1, keepdims=True), 1e-4)
            found.append(float(((share[1] - share[0]) * np.log(share[1] / share[0])).sum()))
    return max(found)


def _counted(now: list[Any], often: list[str]) -> list[int]:
    counts = [now.count(one) for one in often]
    return [*counts, len(now) - sum(counts)]
