"""What customers would notice if the challenger took over, as a pure function of both versions' answers.

The rules stand in docs/decisions.md. The rows are the newest that the inference API was asked, and the newest batch's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.figures import percent, significant
from relevo_contract.profiling import categories, numbers
from relevo_contract.record import Criterion, Promotion
from relevo_contract.rehearsal import Changed, Gathering, Rehearsal, Speed
from relevo_jobs.decide.live import FEWEST
from relevo_jobs.promote.comparison import Floats
from relevo_jobs.wording import listed, rows_of

SOME: Final = 0.10
MUCH: Final = 0.25
"""Changes, as the task counts them (`relevo_contract.tasks.Task.changes`)."""
KEPT: Final = 10
"""Values that a record tells of."""
WEIGHTY: Final = 20
"""Rows of one value from which it is told of: of fewer, a share says nothing."""
FALSE_ALARMS: Final = 0.01
"""Rate at which changes that fall by chance alone are said to gather in any value."""
MOSTLY: Final = 0.5
"""Share of the changes that is most of them."""
QUARTERS: Final = (0.25, 0.5, 0.75)
"""Quantiles of the rows at which a number's ranges end."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Answered:
    """Rows with both versions' answers on the task's scale, (n,) each."""

    columns: Columns
    before: Floats
    """The champion's."""
    after: Floats
    """The challenger's."""
    since: datetime | None = None
    until: datetime | None = None

    def __len__(self) -> int:
        return len(self.before)


def rehearse(
    requests: Answered | None,
    batch: Answered,
    data: DataSet,
    *,
    spread: float,
    speeds: tuple[Speed, Speed],
    version: int,
) -> Rehearsal:
    """Tell what changes from the champion to the challenger, of this version.

    `spread` is of the target (`Task.spread`), `speeds` are the champion's and the challenger's.
    """
    some = [one for one in (requests, batch) if one is not None]
    asked = requests is not None and len(requests) >= FEWEST
    told = requests if requests is not None and asked else batch
    changed = _much(told, data, spread)
    segments = [] if data.place is None else list(_of_values(data, told.columns, [data.place], changed))
    segments.sort(key=lambda one: one.changed, reverse=True)
    gathered = _gathered(data, told.columns, changed)
    lost = sum(int((~np.isfinite(one.after)).sum()) for one in some)
    share = _changed(told, data, spread)
    sentence = (
        f"of {f'the last {len(told):,} requests' if asked else f'the {rows_of(len(told))} of the newest batch'} "
        f"{percent(share.much)} would be answered {data.predicts.told_change(MUCH)}"
        f"{_mostly(data, gathered, int(changed.sum()))}, and {percent(share.some)} {data.predicts.told_change(SOME)}"
    )
    if lost:
        sentence = f"version {version} answers {rows_of(lost)} with no finite number; {sentence}"
    return Rehearsal(
        requests=None if requests is None else _changed(requests, data, spread),
        since=None if requests is None else requests.since,
        until=None if requests is None else requests.until,
        batch=_changed(batch, data, spread),
        told=share,
        segments=tuple(one for one in segments if one.changed)[:KEPT],
        gathered=gathered[:KEPT],
        champion=speeds[0],
        challenger=speeds[1],
        champion_not_finite=sum(int((~np.isfinite(one.before)).sum()) for one in some),
        challenger_not_finite=lost,
        sentence=sentence,
    )


def after_rehearsal(judged: Promotion, found: Rehearsal, most: float | None) -> Promotion:
    """The verdict with the rehearsal as evidence, rejected if an answer is not finite, or too many change.

    `most` is the share of the rows told of that may change by more than `MUCH`; None: any.
    """
    sentence = f"{judged.sentence}; {found.sentence}"
    update: dict[str, object] = {"rehearsal": found, "sentence": sentence}
    if found.challenger_not_finite:
        update |= {"promoted": False, "criterion": Criterion.NOT_FINITE}
    elif judged.promoted and most is not None and found.told.much > most:
        allowed = f"; that is more than the {percent(most)} that RELEVO_REHEARSAL_MOST allows"
        update |= {"promoted": False, "criterion": Criterion.CHANGES_TOO_MUCH, "sentence": sentence + allowed}
    return judged.model_copy(update=update)


def _much(rows: Answered, data: DataSet, spread: float, than: float = MUCH) -> Mask:
    """Which rows change by more; an answer that is not finite is a change."""
    with np.errstate(invalid="ignore", over="ignore"):
        return ~(data.predicts.changes(rows.before, rows.after, spread) <= than)


def _changed(rows: Answered, data: DataSet, spread: float) -> Changed:
    some, much = (float(_much(rows, data, spread, than).mean()) if len(rows) else 0.0 for than in (SOME, MUCH))
    return Changed(rows=len(rows), some=some, much=much)


def _gathered(data: DataSet, columns: Columns, changed: Mask) -> tuple[Gathering, ...]:
    """The values whose rows change more often than chance would have it, for all values together.

    Method: Fisher's exact test, one side, at a share of `FALSE_ALARMS` for each value (Bonferroni).
    """
    rows, all_changed = len(changed), int(changed.sum())
    names = [name for name in data.inputs if name in columns and (name in data.compared or name in data.numbers)]
    found = [one for one in _of_values(data, columns, names, changed) if WEIGHTY <= one.rows < rows]

    def above(one: Gathering) -> float:
        return one.changed - one.rows * all_changed / rows

    beyond = [
        one
        for one in found
        if above(one) > 0 and hypergeom.sf(one.changed - 1, rows, all_changed, one.rows) < FALSE_ALARMS / len(found)
    ]
    return tuple(sorted(beyond, key=above, reverse=True))


def _of_values(data: DataSet, columns: Columns, names: Iterable[str], changed: Mask) -> Iterator[Gathering]:
    """Rows and changes of each value of these columns."""
    for name in names:
        values, of = _values(data, columns, name)
        rows, marked = np.bincount(of, minlength=len(values)), np.bincount(of, changed, minlength=len(values))
        for value, n, k in zip(values, rows, marked, strict=True):
            if n:
                yield Gathering(column=name, value=value, rows=int(n), changed=round(k))


def _values(data: DataSet, columns: Columns, name: str) -> tuple[list[str], NDArray[np.int64]]:
    """A column's values, and the place of each row's among them, (n,)."""
    if name in data.compared:
        written = dict(zip(categories(columns, name), columns[name], strict=True))
        places = {spelled: place for place, spelled in enumerate(written)}
        told = ["missing" if spelled is None else str(value) for spelled, value in written.items()]
        return told, np.array([places[spelled] for spelled in categories(columns, name)], dtype=np.int64)
    values = numbers(columns, name)
    missing = np.isnan(values)
    if missing.all():
        return ["missing"], np.zeros(len(values), dtype=np.int64)
    ends = np.quantile(values[~missing], QUARTERS, method="higher")
    ends = np.unique(np.floor(ends) if name in data.dates else ends)
    of = np.where(missing, len(ends) + 1, np.searchsorted(ends, values, side="right"))
    spelled_ends = [f"{end:.0f}" if name in data.dates else significant(float(end)) for end in ends]
    between = [f"{low} to below {high}" for low, high in pairwise(spelled_ends)]
    told = [f"below {spelled_ends[0]}", *between, f"{spelled_ends[-1]} or more", "missing"]
    return told, of.astype(np.int64)


def _mostly(data: DataSet, gathered: tuple[Gathering, ...], changed: int) -> str:
    """Where most of the changes are, in words; empty where they are spread."""
    places: list[Gathering] = []
    for one in gathered:
        if one.column == data.place and len(places) < 3:
            places.append(one)
            if sum(each.changed for each in places) >= MOSTLY * changed:
                return f", mostly in {listed([each.value for each in places])}"
    for one in gathered:
        if one.column != data.place and one.changed >= MOSTLY * changed:
            return f", mostly where {one.column} is {one.value}"
    return ""
