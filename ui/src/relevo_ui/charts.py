"""The evidence of one batch as charts. Pure: a record in, an Altair chart out.

Colours are two of Okabe and Ito's palette for the colour-blind, legible on dark and on light; a shape or a word always
says the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from relevo_contract.record import ColumnEvidence, ErrorEvidence, Estimate, Promotion, StateComparison
from relevo_ui.wording import column, estimate, percent, points

ORANGE = "#E69F00"
BLUE = "#56B4E9"
GREY = "#8A94A6"
TICKS = 8
BAR_HEIGHT = 26
ROW_HEIGHT = 36
AROUND = 60
"""Streamlit fits the axis into a chart's height, and the legend as well."""
LEGEND = 40


def distances(columns: Sequence[ColumnEvidence]) -> alt.LayerChart | None:
    """How far each column moved, in multiples of what noise alone would give; None without columns."""
    rows = [
        {
            "column": column(c.column),
            "times": c.distance / c.limit,
            "verdict": "moved" if c.moved else "within noise",
            "distance": f"{c.distance:.3g} ({c.method.replace('_', ' ')}), noise up to {c.limit:.3g}",
        }
        for c in columns
        if c.limit > 0
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows)
    bars = (
        alt.Chart(data)
        .mark_bar(height={"band": 0.6}, cornerRadiusEnd=2)
        .encode(
            x=alt.X(
                "times:Q",
                title="distance, in multiples of the most that noise alone gives at this batch size",
                axis=alt.Axis(tickCount=TICKS),
            ),
            y=alt.Y("column:N", title=None, sort="-x", axis=alt.Axis(labelLimit=200, labelOverlap=False)),
            color=alt.Color(
                "verdict:N",
                title=None,
                scale=alt.Scale(domain=["moved", "within noise"], range=[ORANGE, GREY]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[alt.Tooltip("column:N"), alt.Tooltip("verdict:N"), alt.Tooltip("distance:N")],
        )
    )
    limit = (
        alt.Chart(pd.DataFrame({"times": [1.0]})).mark_rule(strokeDash=[5, 4], color=ORANGE, size=2).encode(x="times:Q")
    )
    return alt.LayerChart(layer=[bars, limit]).properties(height=len(rows) * BAR_HEIGHT + AROUND + LEGEND)


def _intervals(rows: Sequence[tuple[str, Estimate, str]], title: str, *, zero: bool) -> alt.LayerChart:
    """Points with their intervals; each row: label, figure, colour."""
    data = pd.DataFrame(
        {
            "label": [label for label, _, _ in rows],
            "value": [figure.value for _, figure, _ in rows],
            "low": [figure.low for _, figure, _ in rows],
            "high": [figure.high for _, figure, _ in rows],
            "colour": [colour for _, _, colour in rows],
            "said": [points(figure) if zero else estimate(figure) for _, figure, _ in rows],
        }
    )
    x = alt.X(
        "low:Q",
        title=title,
        axis=alt.Axis(format="+.0%" if zero else ".0%", tickCount=TICKS),
        scale=alt.Scale(zero=True),
    )
    y = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=240, labelOverlap=False))
    tooltip = [alt.Tooltip("label:N", title=" "), alt.Tooltip("said:N", title="difference" if zero else "error")]
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


def promise(error: ErrorEvidence) -> alt.LayerChart:
    """The champion's error on the batch against what it promised."""
    rows = [
        ("promised", error.promised, GREY),
        ("on this batch", error.now, ORANGE if error.worse else BLUE),
    ]
    return _intervals(rows, "median error, share of the price", zero=False)


def promotion(judged: Promotion) -> alt.LayerChart:
    """Champion and challenger on the same held-out rows."""
    before = f"version {judged.champion_version}" if judged.champion_version else "median price"
    rows = [(before, judged.champion, GREY), (f"version {judged.challenger_version}", judged.challenger, BLUE)]
    return _intervals(rows, "median error on the same held-out rows, share of the price", zero=False)


def states(compared: Sequence[StateComparison]) -> alt.LayerChart | None:
    """The challenger against the champion state by state; None without states."""
    if not compared:
        return None
    ordered = sorted(compared, key=lambda state: state.rows, reverse=True)
    rows = [
        (f"{s.state} ({s.rows} rows){', worse' if s.worse else ''}", s.difference, ORANGE if s.worse else BLUE)
        for s in ordered
    ]
    return _intervals(
        rows, "mean error of the log price, challenger minus champion; left of zero the challenger is better", zero=True
    )


def columns_table(columns: Sequence[ColumnEvidence]) -> pd.DataFrame:
    """The figures behind `distances`."""
    return pd.DataFrame(
        [
            {
                "column": column(c.column),
                "moved": "yes" if c.moved else "no",
                "distance": f"{c.distance:.3g}",
                "limit": f"{c.limit:.3g}",
                "measure": c.method.replace("_", " "),
                "missing before": percent(c.missing_before),
                "missing now": percent(c.missing_now),
                "never seen": "" if c.unseen is None else percent(c.unseen),
                "new categories": ", ".join(c.new_categories),
            }
            for c in columns
        ]
    )
