"""Asks MLflow now and then for the newest batches of the models that are followed, for Prometheus alone.

Nothing that serves depends on the answer: what goes wrong is counted (`relevo_operator_registry_calls_total`) and asked
again, and the last answer stays.
"""

from __future__ import annotations

import asyncio
import logging
import random

from relevo_contract.mlflow_rest import MlflowError, Trouble
from relevo_operator.batches import batch_facts
from relevo_operator.following import Following
from relevo_operator.metrics import Metrics

log = logging.getLogger("relevo.batches")


class BatchPolling:
    """One question a model and interval, whatever the number of ModelDeployments that follow it."""

    def __init__(self, following: Following, metrics: Metrics, seconds: float) -> None:
        self._following, self._metrics, self._seconds = following, metrics, seconds
        self._told: set[tuple[str, str]] = set()
        """Registry and model of what Prometheus is told of."""

    async def run(self) -> None:
        """Ask until cancelled; at once, and then once an interval."""
        while True:
            try:
                await self.look()
            except Exception:  # whatever it is, it is tried again
                log.exception("batches_failed")
            # Just after a start nobody is followed yet; later, many operators do not ask in step.
            pause = self._seconds if self._following.models() else min(1.0, self._seconds)
            await asyncio.sleep(pause * random.uniform(0.9, 1.0))  # noqa: S311

    async def look(self) -> None:
        """Ask for every model once; a registry that is away is not waited for once a model."""
        followed = self._following.models()
        self._forget({(shown, model) for shown, models, _ in followed for model in models})
        for shown, models, registry in followed:
            for model in sorted(models):
                try:
                    runs = await registry.newest_batches(model)
                except MlflowError as no:
                    if no.trouble is Trouble.UNREACHABLE:
                        break
                    continue
                facts = batch_facts(runs)
                if facts is not None:
                    self._told.add((shown, model))
                    self._metrics.observe_batch(shown, model, facts)

    def _forget(self, there: set[tuple[str, str]]) -> None:
        for one in self._told - there:
            self._metrics.forget_batch(*one)
        self._told &= there
