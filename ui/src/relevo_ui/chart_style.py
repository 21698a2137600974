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
RED = "#D32F2F"
MARK_COLORS = {"gray": GREY, "red": RED, "blue": BLUE, "green": "#1E8A63", "orange": ORANGE}
"""Of what became of a batch, by Streamlit's names of colours."""
TICKS = 8
BAR_HEIGHT = 26
ROW_HEIGHT = 36
AROUND = 78
"""Streamlit fits the axis into a chart's height, and the legend as well."""
LEGEND = 64


def lines(title: str) -> list[str]:
    """An axis' title in lines that fit on a phone: Vega would let it run out of the picture."""
    return wrap(title, 44)


def kinds(field: str, told: Sequence[tuple[str, str, str]], *, named: bool = True) -> tuple[alt.Color, alt.Shape]:
    """How a chart's kinds of points are told apart: each by its label, colour and shape; one alone has no legend, nor
    those that are `named` elsewhere.
    """
    labels, colours, shapes = zip(*told, strict=True)
    # Else a legend's signs are as faint as the faintest layer.
    legend = alt.Legend(orient="top", labelLimit=400, columns=1, symbolOpacity=1, symbolSize=90, symbolStrokeWidth=0)
    shown = legend if named and len(told) > 1 else None
    return (
        alt.Color(field, title=None, scale=alt.Scale(domain=labels, range=colours), legend=shown),
        alt.Shape(field, title=None, scale=alt.Scale(domain=labels, range=shapes), legend=shown),
    )
