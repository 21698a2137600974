"""What the charts share: colours, sizes, and how an axis is named. Pure.

Colours are two of Okabe and Ito's palette for the colour-blind, with a contrast of 3 on Streamlit's dark and on its
light ground (WCAG 1.4.11); a shape or a word always says the same.
"""

from __future__ import annotations

from textwrap import wrap

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
