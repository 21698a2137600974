"""The policies: after each batch, whether to train, and which model serves the next. A model is the batches it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from benchmarks.policy.models import Models
from relevo_contract.record import BatchRef, Promotion, TrainVerdict
from relevo_jobs.decide import policy
from relevo_jobs.promote import comparison
from tests.houses import LISTINGS, identity

Model = frozenset[int]
R2_FALL: Final = 0.05
"""How far R2 of the log price may fall below its value on held-out rows before the peer trains."""


class Policy(Protocol):
    """Told of each batch in turn; `champion` None is no model yet."""

    trainings: int

    def after(self, number: int, champion: Model | None) -> Model | None:
        """The model that serves from here on."""


def _up_to(number: int) -> Model:
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
        return _up_to(number)


def always() -> Plain:
    """Train after each batch."""
    return Plain(lambda number, champion: True)


def never() -> Plain:
    """Train after the first batch and never again."""
    return Plain(lambda number, champion: False)


def r2_fell(models: Models) -> Plain:
    """Train if R2 of the log price on the batch is well below R2 on the model's own held-out rows."""
    log_price, market = np.log(models.market.columns["price"]), models.market

    def r2(model: Model, mask: np.typing.NDArray[np.bool_]) -> float:
        actual, predicted = log_price[mask], models.log_prices(model)[mask]
        spread = float(((actual - actual.mean()) ** 2).sum())
        return 1 - float(((actual - predicted) ** 2).sum()) / spread if spread else 0.0

    def asks(number: int, champion: Model) -> bool:
        own = r2(champion, market.of(champion) & market.holdout)
        return r2(champion, market.of(frozenset({number}))) < own - R2_FALL

    return Plain(asks)


@dataclass
class Relevo:
    """The steps' own functions: decide, then train, then promote."""

    models: Models
    decide_limits: policy.Limits
    promote_limits: comparison.Limits
    seed: int = 0
    trainings: int = 0
    verdicts: dict[int, TrainVerdict] = field(default_factory=dict)
    promotions: dict[int, Promotion] = field(default_factory=dict)
    _excluded: set[int] = field(default_factory=set)

    def after(self, number: int, champion: Model | None) -> Model | None:
        """Decide; train and promote if it says so."""
        verdict = self._decide(number, champion)
        self.verdicts[number] = verdict
        self._excluded |= set(verdict.excluded)
        if not verdict.train:
            return champion
        self.trainings += 1
        challenger = _up_to(number) - self._excluded
        promotion = self.promotions[number] = self._promote(champion, challenger)
        return challenger if promotion.promoted else champion

    def _decide(self, number: int, champion: Model | None) -> TrainVerdict:
        market = self.models.market
        last = max(champion, default=0) if champion else 0
        untrained = [self._ref(n) for n in range(number, last, -1) if n == number or n not in self._excluded]
        profile = None if champion is None else self.models.profile(champion)
        batches = policy.judged_together(untrained, policy.rows_needed(profile, self.decide_limits))
        mask = market.of(frozenset(b.number for b in batches))
        numbers, waiting, rows = tuple(b.number for b in batches), sum(b.kept for b in untrained), market.rows(mask)
        case = policy.Case(rows, numbers, waiting, LISTINGS, identity=identity(rows))
        judged = None
        if champion is not None and profile is not None:
            judged = policy.Champion(max(champion), profile, self.models.log_prices(champion)[mask])
        return policy.decide(judged, case, self.decide_limits)

    def _ref(self, number: int) -> BatchRef:
        market = self.models.market
        kept = int((market.batch == number).sum())
        return BatchRef(group=1, number=number, sha256="", rows=market.sizes[number - 1], kept=kept)

    def _promote(self, champion: Model | None, challenger: Model) -> Promotion:
        market = self.models.market
        mask = market.of(challenger) & market.holdout
        if champion is None:
            median = np.median(market.columns["price"][market.of(challenger) & ~market.holdout])
            scores = np.full(int(mask.sum()), np.log(median))
        else:
            scores = self.models.log_prices(champion)[mask]
        held_out = comparison.HeldOut(
            actual=np.log(market.columns["price"][mask]),
            state=list(market.columns["state"][mask]),
            new=~np.isin(market.batch[mask], list(champion or ())),
            champion=scores,
            challenger=self.models.log_prices(challenger)[mask],
            task=LISTINGS.predicts,
            target=LISTINGS.target,
            identity=identity(market.rows(mask)),
        )
        return comparison.compare(
            held_out,
            champion_version=None if champion is None else max(champion),
            challenger_version=max(challenger),
            limits=self.promote_limits,
            seed=self.seed,
        )
