"""The model of any set of batches, trained once whoever asks: the policies differ in when they train, not in what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.policy.market import Market
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import copies
from relevo_contract.profile import LearningCurve, Profile
from relevo_contract.profiling import column_profiles
from relevo_jobs.train.fitting import fit
from relevo_jobs.train.holdout import residuals_of
from relevo_jobs.train.learning import curve
from relevo_jobs.use_case import Context

Floats = NDArray[np.float64]
Model = frozenset[int]
"""The batches that it was trained on."""
NONE = "null"


class Models:
    """Trains on demand as the train step does, and keeps what each model says of all rows."""

    def __init__(self, market: Market, *, seed: int, threads: int, cache: Path | None) -> None:
        self.market, self._seed, self._threads, self._cache = market, seed, threads, cache
        self._predictions: dict[Model, Floats] = {}
        self._profiles: dict[Model, Profile] = {}

    def predictions(self, batches: Model) -> Floats:
        """What the model trained on these batches says of every row on the task's scale, (n,)."""
        if batches not in self._predictions:
            file = self._file(batches, "npy")
            if file is not None and file.exists():
                self._predictions[batches] = np.load(file)
            else:
                self._predictions[batches] = self._trained(batches)
                if file is not None:
                    np.save(file, self._predictions[batches])
        return self._predictions[batches]

    def _file(self, batches: Model, ending: str) -> Path | None:
        if self._cache is None:
            return None
        self._cache.mkdir(parents=True, exist_ok=True)
        return self._cache / f"{'-'.join(map(str, sorted(batches)))}.{ending}"

    def _trained(self, batches: Model) -> Floats:
        market, case = self.market, self.market.use_case
        training = market.rows(market.of(batches) & ~market.holdout)
        context = Context(market.data, self._seed, self._threads)
        x, y = pd.DataFrame(graph_inputs(market.data, training)), market.task.scaled(training[market.data.target])
        model = fit(x, y, context, case.options) if case.fit is None else case.fit(x, y, context)
        every = pd.DataFrame(graph_inputs(market.data, market.columns))
        if hasattr(model, "predict_proba"):
            return np.asarray(model.predict_proba(every)[:, 1], dtype=np.float64)
        return market.task.linked(np.asarray(model.predict(every), dtype=np.float64))

    def profile(self, batches: Model) -> Profile:
        """The profile the version of these batches carries."""
        if batches not in self._profiles:
            market, rows = self.market, self.market.of(batches)
            held_out, training = rows & market.holdout, market.rows(rows & ~market.holdout)
            things = market.identity(held_out)
            self._profiles[batches] = Profile(
                rows=len(training[market.data.target]),
                batches=tuple(sorted(batches)),
                columns=column_profiles(market.data, training),
                promised=market.task.headline(market.actual[held_out], self.predictions(batches)[held_out], things),
                copies=copies(things),
                learning=self._curve(batches),
            )
        return self._profiles[batches]

    def _curve(self, batches: Model) -> LearningCurve | None:
        file = self._file(batches, "json")
        if file is not None and file.exists():
            text = file.read_text()
            return None if text == NONE else LearningCurve.model_validate_json(text)
        market, rows = self.market, self.market.of(batches)
        held = rows & market.holdout
        sides = (market.rows(rows & ~market.holdout), market.rows(held))
        options, identity = market.use_case.options, market.identity(held)
        found = curve(*sides, market.data, options, seed=self._seed, identity=identity)
        if file is not None:
            file.write_text(NONE if found is None else found.model_dump_json())
        return found

    def quantile(self, batches: Model, level: float) -> float | None:
        """Of the model's absolute residuals on its held-out rows; None: a probability has none."""
        market = self.market
        if market.task.interval(0.0) is None:
            return None
        held = market.of(batches) & market.holdout
        return residuals_of(market.actual[held], self.predictions(batches)[held], market.identity(held)).at(level)

    def losses(self, batches: Model, mask: NDArray[np.bool_]) -> Floats:
        """Of the model of these batches on some rows."""
        return self.market.task.losses(self.market.actual[mask], self.predictions(batches)[mask])
