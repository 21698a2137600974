"""Two versions, and one price, as charts. Pure: values in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import altair as alt
import pandas as pd

from relevo_ui.chart_style import AROUND, BAR_HEIGHT, BLUE, GREY, LEGEND, ORANGE
from relevo_ui.comparison import Weight
from relevo_ui.contributions import Step
from relevo_ui.language import Say, english
from relevo_ui.wording import dollars, percent, signed_dollars

SHOWN = 12
"""Features in a picture."""
STEP_HEIGHT = 34
"""Of a waterfall: its labels take two lines, so that they leave room for the bars on a phone."""
LABEL_WIDTH = 20
LINE_END = "|"
ON_GREY = "#111111"


def waterfall(base: float, steps: Sequence[Step], price: float, say: Say = english) -> alt.LayerChart:
    """From the base price to the price, one bar a step, each with its dollars on the side that has room."""
    raised, lowered, whole = say("raises the price"), say("lowers the price"), say("price")
    rows = [(say("an average house"), 0.0, base, whole, dollars(base))]
    rows += [(s.label, s.start, s.end, raised if s.dollars >= 0 else lowered, signed_dollars(s.dollars)) for s in steps]
    rows.append((say("this house"), 0.0, price, whole, dollars(price)))
    data = pd.DataFrame(rows, columns=["step", "start", "end", "kind", "said"])
    data["left"], data["right"] = data[["start", "end"]].min(axis=1), data[["start", "end"]].max(axis=1)
    axis = alt.Axis(labelLimit=220, labelOverlap=False, labelExpr=f"split(datum.label, '{LINE_END}')")
    data["step"] = [LINE_END.join(wrap(step, LABEL_WIDTH)) for step in data["step"]]
    y = alt.Y("step:N", title=None, sort=None, axis=axis)
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
    return alt.LayerChart(layer=layers).properties(height=len(rows) * STEP_HEIGHT + AROUND)


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
        {"feature": w.feature.replace("_", " "), "version": name, "share": share, "said": percent(share)}
        for w in weights[:SHOWN]
        for name, share in ((older, w.older), (newer, w.newer))
    ]
    data = pd.DataFrame(rows)
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("share:Q", title=say("share of all SHAP values"), axis=alt.Axis(format=".0%", tickCount=5)),
            y=alt.Y("feature:N", title=None, sort=None, axis=alt.Axis(labelLimit=200, labelOverlap=False)),
            yOffset=alt.YOffset("version:N", sort=[older, newer]),
            color=alt.Color(
                "version:N",
                title=None,
                scale=alt.Scale(domain=[older, newer], range=[GREY, BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("feature:N", title=" "),
                alt.Tooltip("version:N", title=say("version")),
                alt.Tooltip("said:N", title=say("share")),
            ],
        )
        .properties(height=min(SHOWN, len(weights)) * (BAR_HEIGHT + 8) + AROUND + LEGEND)
    )
    return drawn


def dependence(
    pairs: Sequence[tuple[str, float, float]], feature: str, names: Sequence[str], say: Say = english
) -> alt.Chart:
    """How a feature moves the log price in each version; rows: version, the feature's value, its SHAP value."""
    data = pd.DataFrame(list(pairs), columns=["version", "value", "effect"])
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_point(filled=True, opacity=0.65, size=45)
        .encode(
            x=alt.X("value:Q", title=feature.replace("_", " "), scale=alt.Scale(zero=False)),
            y=alt.Y("effect:Q", title=say("effect on the log price (SHAP)")),
            color=alt.Color(
                "version:N",
                title=None,
                scale=alt.Scale(domain=list(names), range=[GREY, BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            shape=alt.Shape(
                "version:N", title=None, scale=alt.Scale(domain=list(names), range=["circle", "triangle-up"])
            ),
            tooltip=[alt.Tooltip("version:N", title=say("version")), alt.Tooltip("value:Q"), alt.Tooltip("effect:Q")],
        )
        .properties(height=320)
    )
    return drawn
