"""Errors with their intervals, as charts. Pure: a record in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from relevo_contract.record import DecisionRecord, ErrorEvidence, Estimate, Promotion, StateComparison
from relevo_ui.chart_style import AROUND, BLUE, GREY, ORANGE, ROW_HEIGHT, TICKS, lines
from relevo_ui.language import Say, english
from relevo_ui.wording import estimate, points


def _intervals(rows: Sequence[tuple[str, Estimate, str]], title: str, *, zero: bool, say: Say) -> alt.LayerChart:
    """Points with their intervals; each row: label, figure, colour."""
    data = pd.DataFrame(
        {
            "label": [label for label, _, _ in rows],
            "value": [figure.value for _, figure, _ in rows],
            "low": [figure.low for _, figure, _ in rows],
            "high": [figure.high for _, figure, _ in rows],
            "colour": [colour for _, _, colour in rows],
            "said": [points(figure, say) if zero else estimate(figure, say) for _, figure, _ in rows],
        }
    )
    x = alt.X(
        "low:Q",
        title=lines(title),
        axis=alt.Axis(format="+.1%" if zero else ".0%", tickCount=TICKS),
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


def timeline(records: Sequence[DecisionRecord], say: Say = english) -> alt.LayerChart | None:
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
                "said": estimate(f, say),
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
    y = alt.Y("low:Q", title=say("median error"), axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=True))
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=x, y=y, y2="high:Q", color=who)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y="error:Q",
        color=who,
        shape=shape,
        tooltip=[alt.Tooltip("batch:Q"), alt.Tooltip("who:N", title=" "), alt.Tooltip("said:N", title=say("error"))],
    )
    return alt.LayerChart(layer=[whiskers, dots]).properties(height=280)


def promise(error: ErrorEvidence, say: Say = english) -> alt.LayerChart:
    """The champion's error on the batch against what it promised."""
    rows = [
        (say("promised"), error.promised, GREY),
        (say("on this batch"), error.now, ORANGE if error.worse else BLUE),
    ]
    return _intervals(rows, say("median error, share of the price"), zero=False, say=say)


def two_errors(older: tuple[str, Estimate], newer: tuple[str, Estimate], say: Say = english) -> alt.LayerChart:
    """Two errors on the same rows, each with its label."""
    title = say("median error on the same held-out rows, share of the price")
    return _intervals([(*older, GREY), (*newer, BLUE)], title, zero=False, say=say)


def promotion(judged: Promotion, say: Say = english) -> alt.LayerChart:
    """Champion and challenger on the same held-out rows."""
    champion = judged.champion_version
    before = say("version {version}", version=champion) if champion else say("median price")
    after = say("version {version}", version=judged.challenger_version)
    return two_errors((before, judged.champion), (after, judged.challenger), say)


def states(compared: Sequence[StateComparison], say: Say = english) -> alt.LayerChart | None:
    """The challenger against the champion state by state; None without states."""
    if not compared:
        return None
    ordered = sorted(compared, key=lambda state: state.rows, reverse=True)
    rows = [
        (
            say("{state} ({rows} rows), worse" if s.worse else "{state} ({rows} rows)", state=s.state, rows=s.rows),
            s.difference,
            ORANGE if s.worse else BLUE,
        )
        for s in ordered
    ]
    title = say("mean error of the log price, challenger minus champion; left of zero the challenger is better")
    return _intervals(rows, title, zero=True, say=say)
