"""What came over batches, as charts: rows left out by reason, and columns against the training data. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_contract.record import ColumnEvidence, DecisionRecord
from relevo_ui import batches
from relevo_ui.chart_style import AROUND, BAR_HEIGHT, BLUE, GREY, LEGEND, ORANGE, kinds, lines
from relevo_ui.wording import Wording

REASONS: Final = 4
"""Told apart in a picture; all others are one."""
COLOURS: Final = (BLUE, ORANGE, "#009E73", "#CC79A7", GREY)
"""Of Okabe and Ito's palette."""
FAR: Final = 6.0
"""Times the noise that are drawn largest."""
WIDEST: Final = 30
"""Batches in a picture."""


def _batch(numbers: Sequence[int], say: Wording) -> alt.X:
    """Every batch has its place, also one of which there is nothing to draw."""
    scale = alt.Scale(domain=sorted(set(numbers)))
    return alt.X("batch:O", title=say("batch"), scale=scale, axis=alt.Axis(labelAngle=0, labelOverlap=True))


def left_out(records: Sequence[DecisionRecord], say: Wording) -> alt.Chart | None:
    """Rows left out by reason, batch by batch, of the newest ones; None where none was, or it is not recorded."""
    found = [(record.batch.number, batches.reasons(record, say)) for record in records[:WIDEST]]
    total: Counter[str] = Counter()
    for _, of_one in found:
        total.update(dict(of_one))
    if not total:
        return None
    named, others = [reason for reason, _ in total.most_common(REASONS)], say("all others")
    counted: Counter[tuple[int, str]] = Counter()
    for number, of_one in found:
        for reason, rows in of_one:
            counted[number, reason if reason in named else others] += rows
    data = pd.DataFrame([{"batch": n, "reason": reason, "rows": rows} for (n, reason), rows in counted.items()])
    domain = [*named, *([others] if len(total) > len(named) else [])]
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=_batch([number for number, _ in found], say),
            y=alt.Y("rows:Q", title=say("rows left out")),
            color=alt.Color(
                "reason:N",
                title=None,
                scale=alt.Scale(domain=domain, range=[*COLOURS[: len(named)], GREY][: len(domain)]),
                legend=alt.Legend(orient="top", columns=1, labelLimit=400),
            ),
            tooltip=[
                alt.Tooltip("batch:O", title=say("batch")),
                alt.Tooltip("reason:N", title=say("reason")),
                alt.Tooltip("rows:Q", title=say("rows"), format=","),
            ],
        )
        .properties(height=240 + 20 * len(domain), description="; ".join(f"{r}: {n:,}" for r, n in total.most_common()))
    )
    return chart


@dataclass(frozen=True)
class Seen:
    """A column in a batch, against what the champion of then was trained on."""

    batch: int
    evidence: ColumnEvidence

    @property
    def times(self) -> float:
        """Its distance in multiples of the most that noise alone gives."""
        return self.evidence.distance / self.evidence.limit if self.evidence.limit > 0 else 0.0


def seen(records: Sequence[DecisionRecord | None]) -> list[Seen]:
    """Every column of every batch that was held against a champion, oldest first."""
    known = sorted((record for record in records if record is not None), key=lambda record: record.batch.number)
    return [Seen(record.batch.number, one) for record in known for one in record.decision.columns]


def moved(found: Sequence[Seen], say: Wording) -> alt.Chart | None:
    """How far each column lay from the training data in each batch: the larger, the further; None without any."""
    if not found:
        return None
    words = {True: say("moved"), False: say("within noise")}
    data = pd.DataFrame(
        [
            {
                "batch": one.batch,
                "column": say.column(one.evidence.column),
                "times": min(FAR, one.times),
                "verdict": words[one.evidence.moved],
                "said": say("{times} times the noise", times=f"{one.times:.1f}"),
            }
            for one in found
        ]
    )
    order = data.groupby("column")["times"].sum().sort_values(ascending=False).index.tolist()
    color, shape = kinds("verdict:N", [(words[True], ORANGE, "circle"), (words[False], GREY, "circle")])
    compared = {one.batch for one in found}
    times_moved = Counter(say.column(one.evidence.column) for one in found if one.evidence.moved)
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=_batch([one.batch for one in found], say),
            y=alt.Y("column:N", title=None, sort=order, axis=alt.Axis(labelLimit=160, labelOverlap=False, grid=True)),
            size=alt.Size("times:Q", scale=alt.Scale(domain=[0, FAR], range=[6, 320]), legend=None),
            color=color,
            shape=shape,
            tooltip=[
                alt.Tooltip("column:N", title=say("column")),
                alt.Tooltip("batch:O", title=say("batch")),
                alt.Tooltip("verdict:N", title=say("verdict")),
                alt.Tooltip("said:N", title=say("distance")),
            ],
        )
        .properties(
            height=len(order) * BAR_HEIGHT + AROUND + LEGEND,
            description="; ".join(
                say(
                    "{column}: moved in {count} of {all} batches",
                    column=name,
                    count=times_moved[name],
                    all=len(compared),
                )
                for name in order
            ),
        )
    )
    return chart


def shares(found: Sequence[Seen], name: str, say: Wording) -> alt.Chart:
    """A column's missing values, and categories never seen, as shares of a batch's rows, batch by batch."""
    missing, unseen = say("missing"), say("never seen")
    rows = [
        {"batch": one.batch, "what": what, "share": share, "said": percent(share)}
        for one in found
        if one.evidence.column == name
        for what, share in ((missing, one.evidence.missing_now), (unseen, one.evidence.unseen))
        if share is not None
    ]
    told = [(missing, BLUE, "circle"), (unseen, ORANGE, "triangle-up")]
    color, shape = kinds("what:N", told if any(row["what"] == unseen for row in rows) else told[:1])
    tooltip = [
        alt.Tooltip("batch:O", title=say("batch")),
        alt.Tooltip("what:N", title=" "),
        alt.Tooltip("said:N", title=say("share")),
    ]
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=alt.OverlayMarkDef(size=80, filled=True))
        .encode(
            x=_batch([one.batch for one in found], say),
            y=alt.Y("share:Q", title=lines(say("share of the rows")), axis=alt.Axis(format=".0%", tickCount=5)),
            color=color,
            shape=shape,
            tooltip=tooltip,
        )
        .properties(
            height=240,
            description=f"{say.column(name)}: "
            + "; ".join(f"{row['batch']}: {row['what']} {row['said']}" for row in rows),
        )
    )
    return chart


def table(found: Sequence[Seen], say: Wording) -> pd.DataFrame:
    """The figures behind `moved`: a line a column, a column a batch; * is beyond noise."""
    cells: dict[str, dict[str, str]] = {}
    for one in found:
        line = cells.setdefault(one.evidence.column, {say("column"): say.column(one.evidence.column)})
        line[str(one.batch)] = f"{one.times:.1f}{' *' if one.evidence.moved else ''}"
    return pd.DataFrame(list(cells.values())).fillna("")
