"""Errors with their intervals, as charts. Pure: a record in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import altair as alt
import pandas as pd

from relevo_contract.record import ErrorEvidence, Estimate, ExpectedGain, Promotion, StateComparison
from relevo_ui.chart_style import AROUND, BLUE, GREY, ORANGE, ROW_HEIGHT, TICKS, lines
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import Wording

LINE: Final = 14
"""Of an axis' title that takes several."""
PLACES: Final = 20
"""Places in a picture, at most; all are in the table."""
Told = Callable[[Estimate], str]
"""How a figure is said."""


@dataclass(frozen=True)
class _Axis:
    """What the intervals are of."""

    title: str
    ticks: alt.Axis
    told: Told
    marked: Sequence[tuple[float, str]] = ()
    """Values with a dashed line, and its colour."""


def _intervals(rows: Sequence[tuple[str, Estimate, str]], axis: _Axis, said: str) -> alt.LayerChart:
    """Points with their intervals; each row: label, figure, colour. `said` is what a figure is, in a tooltip."""
    data = pd.DataFrame(
        {
            "label": [label for label, _, _ in rows],
            "value": [figure.value for _, figure, _ in rows],
            "low": [figure.low for _, figure, _ in rows],
            "high": [figure.high for _, figure, _ in rows],
            "colour": [colour for _, _, colour in rows],
            "said": [axis.told(figure) for _, figure, _ in rows],
        }
    )
    x = alt.X(
        "low:Q",
        title=lines(axis.title),
        axis=axis.ticks,
        scale=alt.Scale(zero=True),
    )
    y = alt.Y("label:N", title=None, sort=data["label"].tolist(), axis=alt.Axis(labelLimit=240, labelOverlap=False))
    tooltip = [alt.Tooltip("label:N", title=" "), alt.Tooltip("said:N", title=said)]
    base = alt.Chart(data)
    whiskers = base.mark_bar(height=4).encode(
        x=x, x2="high:Q", y=y, color=alt.Color("colour:N", scale=None), tooltip=tooltip
    )
    dots = base.mark_point(size=110, filled=True, opacity=1).encode(
        x="value:Q", y=y, color=alt.Color("colour:N", scale=None), tooltip=tooltip
    )
    marks = [
        alt.Chart(pd.DataFrame({"low": [at]})).mark_rule(strokeDash=[5, 4], color=colour).encode(x="low:Q")
        for at, colour in axis.marked
    ]
    text = "; ".join(f"{label}: {told}" for label, told in zip(data["label"], data["said"], strict=True))
    return alt.LayerChart(layer=[whiskers, dots, *marks]).properties(
        height=len(rows) * ROW_HEIGHT + AROUND + LINE * (len(lines(axis.title)) - 1),
        description=f"{axis.title}. {text}",
    )


def _errors(rows: Sequence[tuple[str, Estimate, str]], title: str, say: Wording) -> alt.LayerChart:
    return _intervals(rows, _Axis(title, alt.Axis(format=say.error_axis, tickCount=TICKS), say.estimate), say("error"))


def promise(error: ErrorEvidence, say: Wording) -> alt.LayerChart:
    """The champion's error on the batch against what it promised."""
    rows = [
        (say("promised"), error.promised, GREY),
        (say("on this batch"), error.now, ORANGE if error.worse else BLUE),
    ]
    return _errors(rows, say.figure_axis, say)


def two_errors(older: tuple[str, Estimate], newer: tuple[str, Estimate], say: Wording) -> alt.LayerChart:
    """Two errors on the same rows, each with its label."""
    title = say("{figure}, on the same held-out rows", figure=say.figure_axis)
    return _errors([(*older, GREY), (*newer, BLUE)], title, say)


def promotion(judged: Promotion, say: Wording) -> alt.LayerChart:
    """Champion and challenger on the same held-out rows."""
    champion = judged.champion_version
    before = say("version {version}", version=champion) if champion else say.baseline
    after = say("version {version}", version=judged.challenger_version)
    return two_errors((before, judged.champion), (after, judged.challenger), say)


def worst_first(compared: Sequence[StateComparison]) -> list[StateComparison]:
    """Those that became worse first, then those with most rows."""
    return sorted(compared, key=lambda place: (not place.worse, -place.rows))


def _difference_axis(marked: float, say: Wording) -> _Axis:
    title = say("{decides}, challenger minus champion; left of zero the challenger is better", decides=say.decides)
    unit = say.difference_unit
    ticks = alt.Axis(labelExpr=say.difference_labels, tickCount=TICKS)
    return _Axis(f"{title} ({unit})" if unit else title, ticks, say.difference, [(marked, GREY)])


def difference(judged: Promotion, say: Wording) -> alt.LayerChart:
    """The difference that decides, against zero."""
    found = judged.difference
    color = BLUE if found.high < 0 else ORANGE if found.low > 0 else GREY
    return _intervals(
        [(say("all {rows}", rows=say.count("row", judged.rows)), found, color)],
        _difference_axis(0.0, say),
        say("difference"),
    )


def places(compared: Sequence[StateComparison], say: Wording) -> alt.LayerChart:
    """The challenger against the champion place by place, by what decides of a place."""
    rows = [
        (
            say(
                "{place} ({rows}), worse" if s.worse else "{place} ({rows})",
                place=s.state,
                rows=say.count("row", s.rows),
            ),
            s.shrunk or s.difference,
            ORANGE if s.worse else BLUE,
        )
        for s in compared
    ]
    return _intervals(rows, _difference_axis(0.0, say), say("difference"))


def places_table(compared: Sequence[StateComparison], say: Wording) -> pd.DataFrame:
    """The figures of every place."""
    return pd.DataFrame(
        [
            {
                say.place: harmless(s.state),
                say("rows"): s.rows,
                say("champion"): say.loss(s.champion),
                say("challenger"): say.loss(s.challenger),
                say("difference"): say.difference(s.shrunk or s.difference),
                say("worse"): say("yes") if s.worse else say("no"),
            }
            for s in compared
        ]
    )


def expected_gain(found: ExpectedGain, say: Wording) -> alt.LayerChart | None:
    """What a training is expected to take off, as it is measured and by the learning curve, before any of it is
    believed less, against what a training is worth; None where neither is known.
    """
    known = ((say("measured"), found.measured), (say("learning curve"), found.by_curve))
    rows = [(label, figure, BLUE) for label, figure in known if figure is not None]
    if not rows:
        return None
    title = say("taken off the {decides}", decides=say.decides)
    needed = found.worth / found.believed if found.believed > 0 else None
    marked = [(0.0, GREY), *([(needed, ORANGE)] if needed is not None else [])]
    return _intervals(rows, _Axis(title, alt.Axis(format="+.0%", tickCount=TICKS), say.share, marked), say("gain"))
