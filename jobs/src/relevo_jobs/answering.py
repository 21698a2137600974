"""What a version answers for rows of a data set whose columns may have come or gone since its training. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from relevo_contract.data_set import Columns
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_jobs.errors import StepError
from relevo_jobs.stores.tables import NUMBER, TEXT, empty
from relevo_jobs.use_case import Scorer


def answers(
    version: int, scorer: Scorer, profile: Profile, rows: Columns, former: Mapping[str, str]
) -> NDArray[np.float64]:
    """Natural logarithm of the target for each of the rows, (n,).

    A column that the version learnt and the data set no longer has is empty: so it is asked from now on, and so it is
    judged. `former` has such columns with their types, as far as CLEAN knows them; the profile tells of others whether
    they are text. Raises StepError if the version asks for one that neither knows.
    """
    count = len(next(iter(rows.values())))
    learnt = {
        name: TEXT if isinstance(column, CategoricalProfile) else NUMBER for name, column in profile.columns.items()
    }
    gone = {name: empty(count, kind) for name, kind in {**learnt, **former}.items() if name not in rows}
    try:
        return scorer.predict({**rows, **gone})
    except KeyError as error:
        raise StepError(
            f"expected version {version} to answer for rows with the columns {', '.join([*rows, *gone])}, it asks for "
            f"{error}: if that is a column that was taken out of the DataSet, have the use case's load do without it, "
            "or put it back; train and promote then go on"
        ) from error
