"""What the inference API was asked, as it keeps it in RAW."""

from __future__ import annotations

from typing import Final

from relevo_contract.data_set import DataSet
from relevo_jobs.decide.live import LiveInputs
from relevo_jobs.rereading import reread
from relevo_jobs.stores.postgres import connect
from relevo_jobs.stores.raw import schema
from relevo_jobs.stores.tables import columns, quoted

NEWEST: Final = 2_000
"""Inputs read: enough to tell a change, and the same cost whatever was asked before."""


def newest(url: str, model: str, data: DataSet, most: int = NEWEST) -> LiveInputs | None:
    """The newest inputs that the model's versions answered; None without any. Raises Unavailable if RAW is away."""
    inputs = quoted(*data.inputs)
    newest_first = f"select at, {inputs} from raw.inferences where model = %s order by at desc limit %s"  # noqa: S608
    with connect(url, schema(data)) as connection:
        rows = connection.execute(newest_first.encode(), (model, most), binary=True).fetchall()
    if not rows:
        return None
    asked = columns(data, [row[1:] for row in rows], data.inputs)
    # RAW keeps as text what was asked of a column that has had several types.
    return LiveInputs(reread(data, asked), since=rows[-1][0], until=rows[0][0])
