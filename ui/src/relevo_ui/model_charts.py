"""Two versions, and one price, as charts. Pure: values in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from textwrap import wrap

import altair as alt
import pandas as pd

from relevo_ui.chart_style import AROUND, BAR_HEIGHT, BLUE, GREY, LEGEND, ORANGE
from relevo_ui.comparison import Shown, Weight
from relevo_ui.contributions import Step
from relevo_ui.language import Say, english
from relevo_ui.wording import category, column, dollars, percent, signed_dollars

SHOWN = 12
"""Columns, or categories of one, in a picture."""
LINE_HEIGHT = 13
LABEL_WIDTH = 20
"""Of a waterfall: its labels take several lines, so that they leave room for the bars on a phone."""
LINE_END = "|"
ON_GREY = "#111111"


def waterfall(base: float, steps: Sequence[Step], price: float, say: Say = english) -> alt.LayerChart:
    """From the base's price to the price, one bar a step, each with its dollars on the side that has room."""
    raised, lowered, whole = say("raises the price"), say("lowers the price"), say("price")
    rows = [(say("a typical listing"), 0.0, base, whole, dollars(base))]
    rows += [(s.label, s.start, s.end, raised if s.dollars >= 0 else lowered, signed_dollars(s.dollars)) for s in steps]
    rows.append((say("this house"), 0.0, price, whole, dollars(price)))
    data = pd.DataFrame(rows, columns=["step", "start", "end", "kind", "said"])
    data["left"], data["right"] = data[["start", "end"]].min(axis=1), data[["start", "end"]].max(axis=1)
    labels = [wrap(step, LABEL_WIDTH) for step in data["step"]]
    data["step"] = [LINE_END.join(label) for label in labels]
    axis = alt.Axis(labelLimit=220, labelOverlap=False, labelExpr=f"split(datum.label, '{LINE_END}')")
    y = alt.Y("step:N", title=None, sort=data["step"].tolist(), axis=axis)
    color = alt.Color(
        "kind:N", scale=alt.Scale(domain=[raised, lowered, whole], range=[BLUE, ORANGE, GREY]), legend=None
    )
    tooltip = [alt.Tooltip("kind:N", title=" "), alt.Tooltip("said:N", title=say("dollars"))]
    x = alt.X("left:Q", title=say("price, US dollars"), axis=alt.Axis(format="$,.0f", tickCount=5))
    marks = alt.Chart(data).mark_bar(height={"band": 0.65}, cornerRadius=2)
    bars = marks.encode(x=x, x2="right:Q", y=y, color=color, tooltip=tooltip)
    totals = data["kind"] == whole
    before = data["right"] > data["right"].max() / 2
    inside = alt.Chart(data[totals]).mark_text(align="right", dx=-6, fontSize=13, color=ON_GREY)
    left = alt.Chart(data[before & ~totals]).mark_text(align="right", dx=-5, fontSize=13, color=GREY)
    right = alt.Chart(data[~before & ~totals]).mark_text(align="left", dx=5, fontSize=13, color=GREY)
    layers = [
        bars,
        inside.encode(x="right:Q", y=y, text="said:N"),
        left.encode(x="left:Q", y=y, text="said:N"),
        right.encode(x="right:Q", y=y, text="said:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        height=len(rows) * (max(2, *map(len, labels)) * LINE_HEIGHT + 8) + AROUND
    )


def interval(low: float, price: float, high: float) -> alt.LayerChart:
    """The price within its interval."""
    data = pd.DataFrame({"low": [low], "price": [price], "high": [high]})
    axis = alt.Axis(format="$,.0f", tickCount=5)
    base = alt.Chart(data)
    bar = base.mark_bar(height=10, color=BLUE, opacity=0.5, cornerRadius=5).encode(
        x=alt.X("low:Q", title=None, axis=axis, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    dot = base.mark_point(size=180, filled=True, color=ORANGE, opacity=1).encode(x="price:Q")
    return alt.LayerChart(layer=[bar, dot]).properties(height=70)


def importance(weights: Sequence[Weight], older: str, newer: str, say: Say = english) -> alt.Chart:
    """What each of two versions looks at, side by side."""
    rows = [
        {"column": column(w.column, say), "version": name, "share": share, "said": percent(share)}
        for w in weights[:SHOWN]
        for name, share in ((older, w.older), (newer, w.newer))
    ]
    data = pd.DataFrame(rows)
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("share:Q", title=say("share of all Shapley values"), axis=alt.Axis(format=".0%", tickCount=5)),
            y=alt.Y(
                "column:N", title=None, sort=data["column"].tolist(), axis=alt.Axis(labelLimit=200, labelOverlap=False)
            ),
            yOffset=alt.YOffset("version:N", sort=[older, newer]),
            color=alt.Color(
                "version:N",
                title=None,
                scale=alt.Scale(domain=[older, newer], range=[GREY, BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("column:N", title=" "),
                alt.Tooltip("version:N", title=say("version")),
                alt.Tooltip("said:N", title=say("share")),
            ],
        )
        .properties(height=min(SHOWN, len(weights)) * (BAR_HEIGHT + 8) + AROUND + LEGEND)
    )
    return drawn


def dependence(
    pairs: Sequence[tuple[str, Shown, float]], name: str, versions: Sequence[str], say: Say = english
) -> alt.Chart:
    """How a column moves the price in each version; rows: version, the column's value, its dollars.

    Texts are drawn by category: the most frequent ones, and all others as one.
    """
    data = pd.DataFrame(list(pairs), columns=["version", "value", "effect"])
    title, effect = column(name, say), say("effect on the price, US dollars")
    dollar_axis, height = alt.Axis(format="$,.0f", tickCount=5), 320
    if any(isinstance(value, str) for value in data["value"]):
        data["value"] = [category(name, value, say) for value in data["value"]]
        shown = data["value"].value_counts().index[:SHOWN].tolist()
        data["value"] = data["value"].where(data["value"].isin(shown), say("all others"))
        labels = alt.Axis(labelLimit=200, labelOverlap=False)
        channels = {
            "x": alt.X("effect:Q", title=effect, axis=dollar_axis),
            "y": alt.Y("value:N", title=None, sort=[*shown, say("all others")], axis=labels),
            "yOffset": alt.YOffset("version:N", sort=list(versions)),
        }
        height = data["value"].nunique() * BAR_HEIGHT + AROUND + LEGEND
    else:
        days = any(isinstance(value, date) for value in data["value"])
        data["value"] = pd.to_datetime(data["value"]) if days else data["value"].astype(float)
        scale = alt.Scale(zero=False) if not days else alt.Undefined
        channels = {
            "x": alt.X("value", title=title, scale=scale),
            "y": alt.Y("effect:Q", title=effect, axis=dollar_axis),
        }
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=0.65, size=45)
        .encode(
            **channels,
            color=alt.Color(
                "version:N",
                title=None,
                scale=alt.Scale(domain=list(versions), range=[GREY, BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            shape=alt.Shape(
                "version:N", title=None, scale=alt.Scale(domain=list(versions), range=["circle", "triangle-up"])
            ),
            tooltip=[
                alt.Tooltip("version:N", title=say("version")),
                alt.Tooltip("value", title=title),
                alt.Tooltip("effect:Q", title=say("dollars"), format="$,.0f"),
            ],
        )
        .properties(height=height)
    )
    return chart
