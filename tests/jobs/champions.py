"""Champions of the known market: a model that knows what its houses are worth, and what it remembers."""

from __future__ import annotations

import numpy as np

from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.profile import Profile
from relevo_contract.profiling import column_profiles
from relevo_jobs.decide.case import Champion
from tests.houses import LISTINGS
from tests.jobs.market import Table, listings, log_worth


def profile(training: Table | None = None, batches: tuple[int, ...] = (1,)) -> Profile:
    """Of the usual market's training rows, with the promise of a model that knows it."""
    held_out = listings(800, 1000)
    promised = median_error(percentage_errors(np.log(held_out["price"]), log_worth(held_out)))
    rows = training or listings(3000, 0)
    columns = column_profiles(LISTINGS, rows)
    return Profile(rows=len(rows["price"]), batches=batches, columns=columns, promised=promised)


def champion(of: Profile, rows: Table) -> Champion:
    """Version 1, with its prices for the rows."""
    return Champion(1, of, log_worth(rows))
