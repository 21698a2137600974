"""What the inference API was asked, as it keeps it in RAW."""

from __future__ import annotations

from typing import Final, LiteralString

from relevo_contract.listing import INPUTS
from relevo_jobs.decide.live import LiveInputs
from relevo_jobs.stores.postgres import connect
from relevo_jobs.stores.raw import SCHEMA
from relevo_jobs.stores.tables import columns

NEWEST: Final = 2_000
"""Houses read: enough to tell a change, and the same cost whatever was asked before."""
_NEWEST: LiteralString = (
    f"select at, {', '.join(INPUTS)} from raw.inferences where model = %s order by at desc limit %s"  # noqa: S608
)


def newest(url: str, model: str, most: int = NEWEST) -> LiveInputs | None:
    """The newest houses that the model's versions priced; None if there are none. Raises Unavailable if RAW is away."""
    with connect(url, SCHEMA) as connection:
        rows = connection.execute(_NEWEST, (model, most), binary=True).fetchall()
    if not rows:
        return None
    return LiveInputs(columns([row[1:] for row in rows], INPUTS), since=rows[-1][0], until=rows[0][0])
