"""What the charts share: colours, sizes, and how an axis is named. Pure.

Colours are two of Okabe and Ito's palette for the colour-blind, with a contrast of 3 on Streamlit's dark and on its
light ground (WCAG 1.4.11); a shape or a word always says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import altair as alt

ORANGE = "#D55E00"
BLUE = "#0072B2"
GREY = "#8A8F98"
TICKS = 8
BAR_HEIGHT = 26
ROW_HEIGHT = 36
AROUND = 78
"""Streamlit fits the axis into a chart's height, and the legend as well."""
LEGEND = 64


def lines(title: str) -> list[str]:
    """An axis' title in lines that fit on a phone: Vega would let it run out of the picture."""
    return wrap(title, 44)


def kinds(field: str, told: Sequence[tuple[str, str, str]]) -> tuple[alt.Color, alt.Shape]:
    """How a chart's kinds of points are told apart: each by its label, colour and shape; one alone has no legend."""
    labels, colours, shapes = zip(*told, strict=True)
    # Else a legend's signs are as faint as the faintest layer.
    legend = alt.Legend(orient="top", labelLimit=400, columns=1, symbolOpacity=1, symbolSize=90, symbolStrokeWidth=0)
    return (
        alt.Color(
            field, title=None, scale=alt.Scale(domain=labels, range=colours), legend=legend if len(told) > 1 else None
        ),
        alt.Shape(
            field, title=None, scale=alt.Scale(domain=labels, range=shapes), legend=legend if len(told) > 1 else None
        ),
    )
