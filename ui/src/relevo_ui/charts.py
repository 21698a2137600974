"""The evidence of one batch as charts. Pure: a record in, an Altair chart out.

Colours are two of Okabe and Ito's palette for the colour-blind, with a contrast of 3 on Streamlit's dark and on its
light ground (WCAG 1.4.11); a shape or a word always says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap

import altair as alt
import pandas as pd

from relevo_contract.record import (
    ColumnEvidence,
    DecisionRecord,
    Distribution,
    ErrorEvidence,
    Estimate,
    Promotion,
    StateComparison,
)
from relevo_ui.language import Say, english
from relevo_ui.wording import category, column, estimate, percent, points

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


def distances(columns: Sequence[ColumnEvidence], say: Say = english) -> alt.LayerChart | None:
    """How far each column moved, in multiples of what noise alone would give; None without columns."""
    moved, still = say("moved"), say("within noise")
    rows = [
        {
            "column": column(c.column, say),
            "times": c.distance / c.limit,
            "verdict": moved if c.moved else still,
            "distance": say(
                "{distance} ({method}), noise up to {limit}",
                distance=f"{c.distance:.3g}",
                method=c.method.replace("_", " "),
                limit=f"{c.limit:.3g}",
            ),
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
                title=lines(say("distance, in multiples of the most that noise alone gives at this batch size")),
                axis=alt.Axis(tickCount=TICKS),
            ),
            y=alt.Y("column:N", title=None, sort="-x", axis=alt.Axis(labelLimit=200, labelOverlap=False)),
            color=alt.Color(
                "verdict:N",
                title=None,
                scale=alt.Scale(domain=[moved, still], range=[ORANGE, GREY]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("column:N", title=say("column")),
                alt.Tooltip("verdict:N", title=say("verdict")),
                alt.Tooltip("distance:N", title=say("distance")),
            ],
        )
    )
    limit = (
        alt.Chart(pd.DataFrame({"times": [1.0]})).mark_rule(strokeDash=[5, 4], color=ORANGE, size=2).encode(x="times:Q")
    )
    return alt.LayerChart(layer=[bars, limit]).properties(height=len(rows) * BAR_HEIGHT + AROUND + LEGEND)


def bins(name: str, distribution: Distribution, say: Say = english) -> list[str]:
    """What each count of a column's distribution is of: a range of numbers, or a category."""
    if distribution.categories:
        return [*(category(name, found, say) for found in distribution.categories), say("all others")]
    edges = [f"{edge:,.6g}" for edge in distribution.edges]
    if not edges:
        return [say("all values")]
    between = [f"{low}–{high}" for low, high in pairwise(edges)]
    return [say("below {edge}", edge=edges[0]), *between, say("{edge} and above", edge=edges[-1])]


def distribution_shares(
    evidence: ColumnEvidence, kept: Distribution, say: Say = english
) -> dict[str, tuple[float, float]]:
    """By bin its share of all rows, in the training data and in the batch; a missing value is a bin as well."""
    there = (1 - evidence.missing_before, 1 - evidence.missing_now)
    sums = (max(1, sum(kept.before)), max(1, sum(kept.now)))
    shares = {
        label: (there[0] * before / sums[0], there[1] * now / sums[1])
        for label, before, now in zip(bins(evidence.column, kept, say), kept.before, kept.now, strict=True)
    }
    if shares.get(say("all others")) == (0, 0):
        del shares[say("all others")]
    if evidence.missing_before or evidence.missing_now:
        shares[say("(no value)")] = (evidence.missing_before, evidence.missing_now)
    return shares


def distribution(evidence: ColumnEvidence, before: str, now: str, say: Say = english) -> alt.Chart | None:
    """A column's shares in the training data and in the batch, bin by bin; None if the record does not keep them."""
    if evidence.distribution is None:
        return None
    shares = distribution_shares(evidence, evidence.distribution, say)
    data = pd.DataFrame(
        [
            {"bin": label, "data": source, "share": share}
            for label, both in shares.items()
            for source, share in zip((before, now), both, strict=True)
        ]
    )
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(
                "share:Q",
                title=lines(say("share of the rows")),
                axis=alt.Axis(format=".0%", tickCount=5),
            ),
            y=alt.Y("bin:N", title=None, sort=None, axis=alt.Axis(labelLimit=180, labelOverlap=False)),
            yOffset=alt.YOffset("data:N", sort=[before, now]),
            color=alt.Color(
                "data:N",
                title=None,
                scale=alt.Scale(domain=[before, now], range=[GREY, ORANGE]),
                legend=alt.Legend(orient="top", labelLimit=300, columns=1),
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=column(evidence.column, say)),
                alt.Tooltip("data:N", title=" "),
                alt.Tooltip("share:Q", title=say("share"), format=".1%"),
            ],
        )
        .properties(height=len(shares) * BAR_HEIGHT + AROUND + LEGEND)
    )
    return drawn


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
    y = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=240, labelOverlap=False))
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


def columns_table(columns: Sequence[ColumnEvidence], say: Say = english) -> pd.DataFrame:
    """The figures behind `distances`."""
    return pd.DataFrame(
        [
            {
                say("column"): column(c.column, say),
                say("moved"): say("yes") if c.moved else say("no"),
                say("distance"): f"{c.distance:.3g}",
                say("limit"): f"{c.limit:.3g}",
                say("measure"): c.method.replace("_", " "),
                say("missing before"): percent(c.missing_before),
                say("missing now"): percent(c.missing_now),
                say("never seen"): "" if c.unseen is None else percent(c.unseen),
                say("new categories"): ", ".join(c.new_categories),
            }
            for c in columns
        ]
    )
