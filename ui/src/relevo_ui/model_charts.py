"""Two versions, and one prediction, as charts. Pure: values in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from textwrap import wrap

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_ui.chart_style import AROUND, BAR_HEIGHT, BLUE, GREY, LEGEND, ORANGE, lines
from relevo_ui.chart_style import kinds as style_of
from relevo_ui.comparison import Shown, Weight
from relevo_ui.contributions import Step
from relevo_ui.segments import Compared
from relevo_ui.wording import Wording

SHOWN = 12
"""Columns, or categories of one, in a picture."""
LINE_HEIGHT = 13
LABEL_WIDTH = 20
"""Of a waterfall: its labels take several lines, so that they leave room for the bars on a phone."""
LINE_END = "|"
ON_GREY = "#111111"


def waterfall(base: float, steps: Sequence[Step], prediction: float, say: Wording) -> alt.LayerChart:
    """From the base's prediction to the row's, one bar a step, each with its amount on the side that has room."""
    raised, lowered, whole = say("raises it"), say("lowers it"), say.target
    rows = [(say("a typical row"), 0.0, base, whole, say.amount(base, prediction))]
    rows += [
        (s.label, s.start, s.end, raised if s.amount >= 0 else lowered, say.change(s.amount, prediction)) for s in steps
    ]
    rows.append((say("this row"), 0.0, prediction, whole, say.amount(prediction, base)))
    data = pd.DataFrame(rows, columns=["step", "start", "end", "kind", "said"])
    data["left"], data["right"] = data[["start", "end"]].min(axis=1), data[["start", "end"]].max(axis=1)
    labels = [wrap(step, LABEL_WIDTH) for step in data["step"]]
    data["step"] = [LINE_END.join(label) for label in labels]
    axis = alt.Axis(labelLimit=220, labelOverlap=False, labelExpr=f"split(datum.label, '{LINE_END}')")
    y = alt.Y("step:N", title=None, sort=data["step"].tolist(), axis=axis)
    color = alt.Color(
        "kind:N", scale=alt.Scale(domain=[raised, lowered, whole], range=[BLUE, ORANGE, GREY]), legend=None
    )
    tooltip = [alt.Tooltip("kind:N", title=" "), alt.Tooltip("said:N", title=say.target)]
    x = alt.X("left:Q", title=say.target_axis, axis=alt.Axis(format=say.amount_axis, tickCount=5))
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
        height=len(rows) * (max(2, *map(len, labels)) * LINE_HEIGHT + 8) + AROUND,
        description="; ".join(f"{step}: {said}" for step, _, _, _, said in rows),
    )


def interval(low: float, prediction: float, high: float, say: Wording) -> alt.LayerChart:
    """The prediction within its interval."""
    data = pd.DataFrame({"low": [low], "prediction": [prediction], "high": [high]})
    axis = alt.Axis(format=say.amount_axis, tickCount=5)
    base = alt.Chart(data)
    bar = base.mark_bar(height=10, color=BLUE, opacity=0.5, cornerRadius=5).encode(
        x=alt.X("low:Q", title=None, axis=axis, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    dot = base.mark_point(size=180, filled=True, color=ORANGE, opacity=1).encode(x="prediction:Q")
    told = " – ".join(map(say.amount_with_unit, (low, prediction, high)))
    return alt.LayerChart(layer=[bar, dot]).properties(height=70, description=f"{say.target_axis}: {told}")


def importance(weights: Sequence[Weight], older: str | None, newer: str, say: Wording) -> alt.Chart:
    """What each of two versions looks at, side by side; or one alone."""
    rows = [
        {"column": say.column(w.column), "version": name, "share": share, "said": percent(share)}
        for w in weights[:SHOWN]
        for name, share in ((older, w.older), (newer, w.newer))
        if name is not None
    ]
    names = [name for name in (older, newer) if name is not None]
    data = pd.DataFrame(rows)
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("share:Q", title=say("share of all Shapley values"), axis=alt.Axis(format=".0%", tickCount=5)),
            y=alt.Y(
                "column:N", title=None, sort=data["column"].tolist(), axis=alt.Axis(labelLimit=200, labelOverlap=False)
            ),
            yOffset=alt.YOffset("version:N", sort=names),
            color=alt.Color(
                "version:N",
                title=None,
                scale=alt.Scale(domain=names, range=[GREY, BLUE][-len(names) :]),
                legend=alt.Legend(orient="top") if len(names) > 1 else None,
            ),
            tooltip=[
                alt.Tooltip("column:N", title=" "),
                alt.Tooltip("version:N", title=say("version")),
                alt.Tooltip("said:N", title=say("share")),
            ],
        )
        .properties(
            height=min(SHOWN, len(weights)) * (BAR_HEIGHT + 8) + AROUND + LEGEND,
            description="; ".join(f"{row['column']} ({row['version']}): {row['said']}" for row in rows),
        )
    )
    return drawn


def differences(found: Sequence[Compared], name: str, versions: tuple[str, str], say: Wording) -> alt.LayerChart:
    """Where the newer of two versions is better and where the older: the difference of their losses by segment."""
    first, second = versions
    kinds = {True: say("{version} is closer", version=second), False: say("{version} is closer", version=first)}
    neither = say("neither beyond noise")
    rows = [
        {"label": say("{place} ({rows} rows)", place=one.label, rows=one.rows), "said": say.difference(one.difference)}
        | {"value": one.difference.value, "low": one.difference.low, "high": one.difference.high}
        | {"kind": neither if one.better is None else kinds[one.better]}
        for one in found
    ]
    data = pd.DataFrame(rows)
    title, unit = (
        say("{decides}, {newer} minus {older}", decides=say.decides, newer=second, older=first),
        say.difference_unit,
    )
    ticks = alt.Axis(labelExpr=say.difference_labels, tickCount=6)
    x = alt.X("low:Q", title=lines(f"{title} ({unit})" if unit else title), axis=ticks, scale=alt.Scale(zero=True))
    y = alt.Y("label:N", title=None, sort=data["label"].tolist(), axis=alt.Axis(labelLimit=200, labelOverlap=False))
    told = [(kinds[True], BLUE, "triangle-left"), (kinds[False], ORANGE, "triangle-right"), (neither, GREY, "circle")]
    color, shape = style_of("kind:N", told)
    tooltip = [alt.Tooltip("label:N", title=say.column(name)), alt.Tooltip("said:N", title=say("difference"))]
    base = alt.Chart(data)
    zero = alt.Chart(pd.DataFrame({"low": [0.0]})).mark_rule(strokeDash=[5, 4], color=GREY).encode(x="low:Q")
    return alt.LayerChart(
        layer=[
            zero,
            base.mark_bar(height=4).encode(x=x, x2="high:Q", y=y, color=color, tooltip=tooltip),
            base.mark_point(size=110, filled=True, opacity=1).encode(
                x="value:Q", y=y, color=color, shape=shape, tooltip=tooltip
            ),
        ]
    ).properties(
        height=len(rows) * BAR_HEIGHT + AROUND + LEGEND + 40,
        description="; ".join(f"{row['label']}: {row['said']}, {row['kind']}" for row in rows),
    )


def dependence(
    pairs: Sequence[tuple[str, Shown, float]], name: str, versions: Sequence[str], say: Wording
) -> alt.Chart:
    """How a column moves the prediction in each version; rows: version, the column's value, by how much.

    Texts are drawn by category: the most frequent ones, and all others as one.
    """
    data = pd.DataFrame(list(pairs), columns=["version", "value", "effect"])
    title, effect = say.column(name), say("effect on {target}", target=say.target_axis)
    amounts, height = alt.Axis(format=say.amount_axis, tickCount=5), 320
    if any(isinstance(value, str) for value in data["value"]):
        data["value"] = [say.category(name, value) for value in data["value"]]
        shown = data["value"].value_counts().index[:SHOWN].tolist()
        data["value"] = data["value"].where(data["value"].isin(shown), say("all others"))
        labels = alt.Axis(labelLimit=200, labelOverlap=False)
        channels = {
            "x": alt.X("effect:Q", title=effect, axis=amounts),
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
            "y": alt.Y("effect:Q", title=effect, axis=amounts),
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
                alt.Tooltip("effect:Q", title=effect, format=say.amount_axis),
            ],
        )
        .properties(height=height, description=f"{title}: {effect}, {say('rows')}: {len(data):,}")
    )
    return chart
