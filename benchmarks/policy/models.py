"""The model of any set of batches, trained once whoever asks: the policies differ in when they train, not in what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.policy.market import Market
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import copies
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.profile import Profile
from relevo_contract.profiling import column_profiles
from relevo_jobs.train.fitting import fit
from relevo_jobs.use_case import Context
from tests.houses import LISTINGS, OPTIONS, identity

Floats = NDArray[np.float64]


class Models:
    """Trains on demand with the train step's own `fit`, and keeps each model's log prices of all rows."""

    def __init__(self, market: Market, *, seed: int, threads: int, cache: Path | None) -> None:
        self.market, self._seed, self._threads, self._cache = market, seed, threads, cache
        self._log_prices: dict[frozenset[int], Floats] = {}
        self._profiles: dict[frozenset[int], Profile] = {}

    def log_prices(self, batches: frozenset[int]) -> Floats:
        """What the model trained on these batches says of every row, (n,)."""
        if batches not in self._log_prices:
            self._log_prices[batches] = self._kept(batches)
        return self._log_prices[batches]

    def _kept(self, batches: frozenset[int]) -> Floats:
        file = self._cache and self._cache / f"{'-'.join(map(str, sorted(batches)))}.npy"
        if file and file.exists():
            kept: Floats = np.load(file)
            return kept
        training = self.market.rows(self.market.of(batches) & ~self.market.holdout)
        context = Context(LISTINGS, self._seed, self._threads)
        x, y = pd.DataFrame(graph_inputs(LISTINGS, training)), np.log(training["price"])
        model = fit(x, y, context, OPTIONS)
        predicted = np.asarray(
            model.predict(pd.DataFrame(graph_inputs(LISTINGS, self.market.columns))), dtype=np.float64
        )
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, predicted)
        return predicted

    def profile(self, batches: frozenset[int]) -> Profile:
        """The profile the version of these batches carries."""
        if batches not in self._profiles:
            rows = self.market.of(batches)
            held_out = rows & self.market.holdout
            houses = identity(self.market.rows(held_out))
            promised = median_error(self.errors(batches, held_out), houses)
            training = self.market.rows(rows & ~self.market.holdout)
            self._profiles[batches] = Profile(
                rows=len(training["price"]),
                batches=tuple(sorted(batches)),
                columns=column_profiles(LISTINGS, training),
                promised=promised,
                copies=copies(houses),
            )
        return self._profiles[batches]

    def errors(self, batches: frozenset[int], mask: NDArray[np.bool_]) -> Floats:
        """Absolute percentage errors of the model of these batches on some rows."""
        return percentage_errors(np.log(self.market.columns["price"][mask]), self.log_prices(batches)[mask])
