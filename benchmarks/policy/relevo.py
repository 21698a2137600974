"""Relevo's own policy: decide, then train, then promote, by the steps' own functions and default limits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.policy.models import Model, Models
from benchmarks.policy.policies import up_to
from relevo_contract.identity import things
from relevo_contract.record import BatchRef, Promotion, TrainVerdict
from relevo_jobs.decide import gain, policy
from relevo_jobs.decide.case import Case, Champion, Limits
from relevo_jobs.needs import lacking_things
from relevo_jobs.past import INSIDE, Past
from relevo_jobs.promote import comparison


@dataclass
class Relevo:
    """What it decided is kept by batch."""

    models: Models
    limits: Limits = field(default_factory=Limits)
    promote_limits: comparison.Limits = field(default_factory=comparison.Limits)
    seed: int = 0
    trainings: int = 0
    verdicts: dict[int, TrainVerdict] = field(default_factory=dict)
    promotions: dict[int, Promotion] = field(default_factory=dict)
    served: dict[int, Model] = field(default_factory=dict)
    stretch: dict[Model, float] = field(default_factory=dict)
    _excluded: set[int] = field(default_factory=set)

    def after(self, number: int, champion: Model | None) -> Model | None:
        """Decide; train and promote if it says so."""
        verdict = self._decide(number, champion)
        self.verdicts[number] = verdict
        self._excluded |= set(verdict.excluded)
        if not verdict.train:
            return champion
        self.trainings += 1
        challenger = up_to(number) - self._excluded
        self.stretch[challenger] = self._past().stretch
        promotion = self.promotions[number] = self._promote(champion, challenger)
        return challenger if promotion.promoted else champion

    def _past(self) -> Past:
        return Past.of((verdict, self.promotions.get(number)) for number, verdict in self.verdicts.items())

    def _decide(self, number: int, champion: Model | None) -> TrainVerdict:
        market, models = self.models.market, self.models
        untrained = [
            self._ref(n)
            for n in range(number, 0, -1)
            if n not in (champion or ()) and (n == number or n not in self._excluded)
        ]
        batches = policy.judged_together(untrained, self.limits.rows)
        mask = market.of(frozenset(b.number for b in batches))
        kept = sum(b.kept for b in untrained)
        numbers, rows, data = tuple(b.number for b in batches), market.rows(mask), market.data
        if champion is None:
            held = market.of(frozenset(b.number for b in untrained)) & market.holdout
            lacking = lacking_things(things(market.identity(held), int(held.sum())))
            return policy.decide(None, Case(rows, numbers, kept, data, lacking=lacking), self.limits)
        waiting = market.of(frozenset(b.number for b in untrained))
        predicted = models.predictions(champion)
        identity = market.identity(waiting)
        case = Case(
            rows,
            numbers,
            kept,
            data,
            identity=market.identity(mask),
            learns=int((waiting & ~market.holdout).sum()),
            measured=gain.measured(
                market.rows(waiting), predicted[waiting], data, market.use_case.options, identity=identity
            ),
            past=self._past(),
        )
        stretch, quantile = self.stretch.get(champion, 1.0), models.quantile(champion, INSIDE)
        width = None if quantile is None else quantile * stretch
        judged = Champion(max(champion), models.profile(champion), predicted[mask], width, stretch)
        return policy.decide(judged, case, self.limits)

    def _ref(self, number: int) -> BatchRef:
        market = self.models.market
        kept = int((market.batch == number).sum())
        return BatchRef(group=1, number=number, sha256="", rows=market.sizes[number - 1], kept=kept)

    def _promote(self, champion: Model | None, challenger: Model) -> Promotion:
        market, data = self.models.market, self.models.market.data
        mask = market.of(challenger) & market.holdout
        if champion is None:
            learnt_from = market.actual[market.of(challenger) & ~market.holdout]
            scores = np.full(int(mask.sum()), market.task.baseline(learnt_from))
        else:
            scores = self.models.predictions(champion)[mask]
        batches = sorted(challenger)
        held_out = comparison.HeldOut(
            actual=market.actual[mask],
            state=[None] * int(mask.sum()) if data.place is None else list(market.columns[data.place][mask]),
            new=~np.isin(market.batch[mask], list(champion or ())),
            champion=scores,
            challenger=self.models.predictions(challenger)[mask],
            task=market.task,
            target=data.target,
            identity=market.identity(mask),
            weight=comparison.by_age(len(batches) - 1 - np.searchsorted(batches, market.batch[mask])),
        )
        return comparison.compare(
            held_out,
            champion_version=None if champion is None else max(champion),
            challenger_version=max(challenger),
            limits=self.promote_limits,
            seed=self.seed,
        )
