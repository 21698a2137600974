"""Errors with their intervals, as charts. Pure: a record in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from relevo_contract.record import DecisionRecord, ErrorEvidence, Estimate, Promotion, StateComparison
from relevo_ui.chart_style import AROUND, BLUE, GREY, ORANGE, ROW_HEIGHT, TICKS, lines
from relevo_ui.wording import Wording


def _intervals(rows: Sequence[tuple[str, Estimate, str]], title: str, *, zero: bool, say: Wording) -> alt.LayerChart:
    """Points with their intervals; each row: label, figure, colour."""
    data = pd.DataFrame(
        {
            "label": [label for label, _, _ in rows],
            "value": [figure.value for _, figure, _ in rows],
            "low": [figure.low for _, figure, _ in rows],
            "high": [figure.high for _, figure, _ in rows],
            "colour": [colour for _, _, colour in rows],
            "said": [say.difference(figure) if zero else say.estimate(figure) for _, figure, _ in rows],
        }
    )
    x = alt.X(
        "low:Q",
        title=lines(title),
        axis=alt.Axis(format=say.difference_axis if zero else say.error_axis, tickCount=TICKS),
        scale=alt.Scale(zero=True),
    )
    y = alt.Y("label:N", title=None, sort=data["label"].tolist(), axis=alt.Axis(labelLimit=240, labelOverlap=False))
    tooltip = [
        alt.Tooltip("label:N", title=" "),
        alt.Tooltip("said:N", title=say("difference") if zero else say("error")),
    ]
    base = alt.Chart(data)
    whiskers = base.mark_bar(height=4).encode(
        x=x, x2="high:Q", y=y, color=alt.Color("colour:N", scale=None), tooltip=tooltip
    )
    dots = base.mark_point(size=110, filled=True, opacity=1).encode(
        x="value:Q", y=y, color=alt.Color("colour:N", scale=None), tooltip=tooltip
    )
    layers = [whiskers, dots]
    if zero:
        layers.append(
            alt.Chart(pd.DataFrame({"low": [0.0]})).mark_rule(strokeDash=[5, 4], color=GREY).encode(x="low:Q")
        )
    return alt.LayerChart(layer=layers).properties(height=len(rows) * ROW_HEIGHT + AROUND)


def timeline(records: Sequence[DecisionRecord], say: Wording) -> alt.LayerChart | None:
    """The champion's error on each batch against the challenger's on the rows that decided; None without errors."""
    champion, challenger = say("champion, on the batch"), say("challenger, on rows that decided")
    figures = [(r, champion, r.decision.error.now) for r in records if r.decision.error is not None]
    figures += [(r, challenger, r.promotion.challenger) for r in records if r.promotion is not None]
    if not figures:
        return None
    data = pd.DataFrame(
        [
            {
                "batch": r.batch.number,
                "who": who,
                "error": f.value,
                "low": f.low,
                "high": f.high,
                "said": say.estimate(f),
            }
            for r, who, f in figures
        ]
    )
    x = alt.X(
        "batch:Q",
        title=say("batch"),
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(nice=False, zero=False, padding=15),
    )
    who = alt.Color(
        "who:N",
        title=None,
        scale=alt.Scale(domain=[champion, challenger], range=[ORANGE, BLUE]),
        legend=alt.Legend(orient="top", labelLimit=400, columns=1),
    )
    shape = alt.Shape(
        "who:N", title=None, scale=alt.Scale(domain=[champion, challenger], range=["circle", "triangle-up"])
    )
    base = alt.Chart(data)
    y = alt.Y("low:Q", title=say.figure, axis=alt.Axis(format=say.error_axis), scale=alt.Scale(zero=True))
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=x, y=y, y2="high:Q", color=who)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y="error:Q",
        color=who,
        shape=shape,
        tooltip=[alt.Tooltip("batch:Q"), alt.Tooltip("who:N", title=" "), alt.Tooltip("said:N", title=say("error"))],
    )
    return alt.LayerChart(layer=[whiskers, dots]).properties(height=280)


def promise(error: ErrorEvidence, say: Wording) -> alt.LayerChart:
    """The champion's error on the batch against what it promised."""
    rows = [
        (say("promised"), error.promised, GREY),
        (say("on this batch"), error.now, ORANGE if error.worse else BLUE),
    ]
    return _intervals(rows, say.figure_axis, zero=False, say=say)


def two_errors(older: tuple[str, Estimate], newer: tuple[str, Estimate], say: Wording) -> alt.LayerChart:
    """Two errors on the same rows, each with its label."""
    title = say("{figure}, on the same held-out rows", figure=say.figure_axis)
    return _intervals([(*older, GREY), (*newer, BLUE)], title, zero=False, say=say)


def promotion(judged: Promotion, say: Wording) -> alt.LayerChart:
    """Champion and challenger on the same held-out rows."""
    champion = judged.champion_version
    before = say("version {version}", version=champion) if champion else say.baseline
    after = say("version {version}", version=judged.challenger_version)
    return two_errors((before, judged.champion), (after, judged.challenger), say)


def places(compared: Sequence[StateComparison], say: Wording) -> alt.LayerChart | None:
    """The challenger against the champion place by place; None without places."""
    if not compared:
        return None
    ordered = sorted(compared, key=lambda place: place.rows, reverse=True)
    rows = [
        (
            say("{place} ({rows} rows), worse" if s.worse else "{place} ({rows} rows)", place=s.state, rows=s.rows),
            s.difference,
            ORANGE if s.worse else BLUE,
        )
        for s in ordered
    ]
    title = say("{decides}, challenger minus champion; left of zero the challenger is better", decides=say.decides)
    return _intervals(rows, title, zero=True, say=say)
