"""A learning curve and a dress rehearsal, as charts. Pure: a record's evidence in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_contract.profile import LearningCurve
from relevo_contract.record import ExpectedGain
from relevo_contract.rehearsal import Gathering, Rehearsal
from relevo_ui import gains, rehearsals
from relevo_ui.chart_style import AROUND, BAR_HEIGHT, BLUE, GREY, LEGEND, ORANGE, kinds, lines
from relevo_ui.wording import Wording

HEIGHT: Final = 180
"""Of a learning curve, without what is around it."""


def learning(curve: LearningCurve, found: ExpectedGain, text: str, say: Wording) -> alt.LayerChart:
    """The mean loss by rows, and what the rows that wait would make of it. `text` says the same in words."""
    known, awaited = say("as measured"), say("with the rows that wait")
    points = [
        {"rows": rows, "loss": loss, "low": None, "high": None, "kind": known, "said": say.loss(loss)}
        for rows, loss in zip(curve.rows, curve.losses, strict=True)
    ]
    after = gains.next_point(curve, found)
    if after is not None:
        loss = after.loss
        said = f"{say.loss(loss.value)} ({say.loss(loss.low)} {say('to')} {say.loss(loss.high)})"
        kind = {"kind": awaited, "said": said}
        points.append({"rows": after.rows, "loss": loss.value, "low": loss.low, "high": loss.high, **kind})
    data = pd.DataFrame(points)
    told = [(known, BLUE, "circle"), (awaited, ORANGE, "diamond")][: data["kind"].nunique()]
    color, shape = kinds("kind:N", told)
    ticks = alt.Axis(values=data["rows"].tolist(), format=",d", labelOverlap="greedy")
    x = alt.X("rows:Q", title=say("rows"), axis=ticks, scale=alt.Scale(type="log", nice=False, padding=25))
    y = alt.Y(
        "loss:Q", title=say.decides, axis=alt.Axis(format=say.loss_axis, tickCount=5), scale=alt.Scale(zero=False)
    )
    tooltip = [
        alt.Tooltip("kind:N", title=" "),
        alt.Tooltip("rows:Q", title=say("rows"), format=","),
        alt.Tooltip("said:N", title=say.decides),
    ]
    base = alt.Chart(data)
    joined = base.mark_line(color=GREY, strokeDash=[5, 4]).encode(x=x, y=y)
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5, color=ORANGE).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(x=x, y=y, color=color, shape=shape, tooltip=tooltip)
    return alt.LayerChart(layer=[joined, whiskers, dots]).properties(height=HEIGHT + AROUND + LEGEND, description=text)


def changed(found: Rehearsal, text: str, say: Wording) -> alt.Chart:
    """The shares that two versions answer differently, of what was asked last and of the newest batch."""
    some, much = (say(say.task.told_change(by)) for by in (rehearsals.SOME, rehearsals.MUCH))
    both = ((say("requests"), found.requests), (say("newest batch"), found.batch))
    rows = [
        {"rows": f"{label} ({one.rows:,})", "change": change, "share": share, "said": percent(share)}
        for label, one in both
        if one is not None
        for change, share in ((some, one.some), (much, one.much))
    ]
    data = pd.DataFrame(rows)
    of = data["rows"].unique().tolist()
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("share:Q", title=lines(say("share of the rows")), axis=alt.Axis(format=".0%", tickCount=5)),
            y=alt.Y("rows:N", title=None, sort=of, axis=alt.Axis(labelLimit=240, labelOverlap=False)),
            yOffset=alt.YOffset("change:N", sort=[some, much]),
            color=alt.Color(
                "change:N",
                title=None,
                scale=alt.Scale(domain=[some, much], range=[GREY, ORANGE]),
                legend=alt.Legend(orient="top", labelLimit=360, columns=1),
            ),
            tooltip=[
                alt.Tooltip("rows:N", title=" "),
                alt.Tooltip("change:N", title=" "),
                alt.Tooltip("said:N", title=say("share of the rows")),
            ],
        )
        .properties(height=len(of) * 2 * BAR_HEIGHT + AROUND + LEGEND, description=text)
    )
    return drawn


def gathered(found: Sequence[Gathering], say: Wording, *, of_places: bool = False) -> alt.Chart | None:
    """Of the rows with each value, how many change much; None without any. Places need no name of their column."""
    if not found:
        return None
    rows = [
        {
            "value": say(
                "{place} ({rows})" if of_places else "{column} {value} ({rows})",
                place=rehearsals.value(one, say),
                column=say.column(one.column),
                value=rehearsals.value(one, say),
                rows=say.count("row", one.rows),
            ),
            "share": one.changed / one.rows,
            "said": say("{changed} of {rows}", changed=f"{one.changed:,}", rows=f"{one.rows:,}"),
        }
        for one in found
    ]
    data = pd.DataFrame(rows)
    title = say("share that changes much")
    text = "; ".join(f"{row['value']}: {row['said']}" for row in rows)
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2, height={"band": 0.6}, color=ORANGE)
        .encode(
            x=alt.X("share:Q", title=lines(title), axis=alt.Axis(format=".0%", tickCount=4)),
            y=alt.Y(
                "value:N", title=None, sort=data["value"].tolist(), axis=alt.Axis(labelLimit=170, labelOverlap=False)
            ),
            tooltip=[alt.Tooltip("value:N", title=" "), alt.Tooltip("said:N", title=say("rows"))],
        )
        .properties(height=len(rows) * BAR_HEIGHT + AROUND, description=f"{title}: {text}")
    )
    return drawn
