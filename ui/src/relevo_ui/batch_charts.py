"""What came batch by batch, as charts. Pure: what was kept of each batch in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_ui.chart_style import AROUND, BLUE, GREY, LEGEND, ORANGE, kinds
from relevo_ui.gains import Came
from relevo_ui.promises import SHOWN, Forward, Place
from relevo_ui.wording import Wording

HEIGHT: Final = 200
LANES: Final = 56
"""Above the errors: the versions in production, and what happened."""
BAND: Final = 20
"""Of these the versions."""
BANDS: Final = (BLUE, GREY)
FEWEST_LABELLED: Final = 24
"""A band of at least one batch in so many has room for its name."""
OPENED: Final = "opened"
"""The selection that a click makes."""
LOW_HEIGHT: Final = 120
"""Without what is around it."""
MARKS: Final = {
    Place.AS_EXPECTED: (BLUE, "circle"),
    Place.ABOVE: (ORANGE, "diamond"),
    Place.BELOW: (BLUE, "triangle-down"),
}
"""Each with its colour and shape."""
INTERVALS_HOLD: Final = 0.9
"""The share of the rows that a prediction's interval is said to hold."""
CROWDED: Final = 60
"""Batches from which points are drawn smaller."""


def _batch(field: str, batches: Sequence[int], say: Wording) -> alt.X:
    """The batches from left to right, half a batch of room on either side."""
    domain = [min(batches) - 0.5, max(batches) + 0.5]
    axis = alt.Axis(tickMinStep=1, format="d")
    return alt.X(field, title=say("batch"), axis=axis, scale=alt.Scale(nice=False, zero=False, domain=domain))


def _size(count: int) -> int:
    return 90 if count < CROWDED else 35


@dataclass(frozen=True)
class Happened:
    """What became of a batch, and which version was in production when it came."""

    batch: int
    mark: str
    """A sign; empty where nothing happened."""
    color: str
    said: str
    version: int | None


def timeline(found: Sequence[Forward], happened: Sequence[Happened], text: str, say: Wording) -> alt.LayerChart | None:
    """Each batch's error against the promise and the range that nine in ten should fall into, newest first; above
    them the versions as bands of the batches they served, and what became of each batch. None without errors.

    A click anywhere at a batch selects it (`OPENED`). `text` says the same, for who cannot see it.
    """
    if not found:
        return None
    shown = happened[:SHOWN]
    batches = [one.batch for one in shown]
    x, left = _batch("batch:Q", batches, say), _batch("from:Q", batches, say)
    data = pd.DataFrame([_error(one, say) for one in found])
    color, shape = kinds("where:N", [(say(where), *MARKS[where]) for where in Place], named=False)
    # What is expected may reach so far that nothing else could be told apart: the band then leaves the picture.
    top = max(
        min(max(one.error.expected.high if one.error.expected else 0.0 for one in found), 1.4 * _most(found)),
        _most(found),
    )
    y = alt.Y(
        "low:Q",
        title=say.figure,
        axis=alt.Axis(format=say.error_axis, tickCount=5),
        scale=alt.Scale(domain=[0, top * (1 + LANES / HEIGHT)], nice=False),
    )
    base = alt.Chart(data)
    # Those without a range have no end of it, and Vega leaves them out.
    ranges = base.mark_rect(color=GREY, opacity=0.25, clip=True, aria=False).encode(
        x=left, x2="to:Q", y=alt.Y("least:Q"), y2="most:Q"
    )
    promises = base.mark_rule(color=GREY, strokeWidth=2).encode(x=left, x2="to:Q", y=alt.Y("promise:Q"))
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=x, y=y, y2="high:Q", color=color)
    points = base.mark_point(filled=True, size=_size(len(found)), opacity=1).encode(
        x=x, y="error:Q", color=color, shape=shape
    )
    return alt.LayerChart(
        layer=[ranges, promises, *_lanes(shown, x, left), whiskers, points, _clickable(found, shown, left, say)]
    ).properties(height=HEIGHT + LANES + AROUND, description=text)


def _most(found: Sequence[Forward]) -> float:
    return max(max(one.error.now.high, one.error.promised.value) for one in found)


def _lanes(shown: Sequence[Happened], x: alt.X, left: alt.X) -> list[alt.Chart]:
    """The versions as bands, and the signs of what happened."""
    bands: list[dict[str, Any]] = []
    for version, group in groupby(sorted(shown, key=lambda one: one.batch), key=lambda one: one.version):
        numbers = [one.batch for one in group]
        if version is not None:
            wide = (numbers[-1] - numbers[0] + 1) * FEWEST_LABELLED >= len(shown)
            middle = (numbers[0] + numbers[-1]) / 2
            about = {"from": numbers[0] - 0.5, "to": numbers[-1] + 0.5, "batch": middle}
            bands.append(about | {"name": f"v{version}" if wide else "", "color": BANDS[len(bands) % 2]})
    drawn = alt.Chart(pd.DataFrame(bands or [{"from": 0, "to": 0, "batch": 0, "name": "", "color": GREY}]))
    signs = alt.Chart(
        pd.DataFrame([{"batch": one.batch, "mark": one.mark, "color": one.color} for one in shown], dtype=object)
    )
    own = alt.Color("color:N", scale=None, legend=None)
    return [
        drawn.mark_rect(opacity=0.35).encode(x=left, x2="to:Q", y=alt.value(0), y2=alt.value(BAND), color=own),
        drawn.mark_text(fontSize=12, color=GREY, fontWeight="bold").encode(
            x=x, y=alt.value(BAND / 2 + 1), text="name:N"
        ),
        signs.mark_text(fontSize=15 if len(shown) < CROWDED else 9).encode(
            x=x, y=alt.value((BAND + LANES) / 2 + 2), text="mark:N", color=own
        ),
    ]


def _clickable(found: Sequence[Forward], shown: Sequence[Happened], left: alt.X, say: Wording) -> alt.Chart:
    """The height of the picture at each batch, which tells all of it and is what a click finds."""
    errors = {one.batch: _error(one, say) for one in found}
    none = dict.fromkeys(("said", "promised", "expected"), "")
    data = pd.DataFrame(
        [
            {"from": one.batch - 0.5, "to": one.batch + 0.5, "came": one.said}
            | {"version": "" if one.version is None else str(one.version)}
            | {key: value for key, value in {**none, **errors.get(one.batch, {})}.items() if key in none}
            | {"batch": one.batch}
            for one in shown
        ]
    )
    tooltip = [
        alt.Tooltip("batch:Q", title=say("batch")),
        alt.Tooltip("came:N", title=" "),
        alt.Tooltip("version:N", title=say("in production")),
        alt.Tooltip("said:N", title=say("error")),
        alt.Tooltip("promised:N", title=say("promised")),
        alt.Tooltip("expected:N", title=say("nine in ten")),
    ]
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_rect(opacity=0, cursor="pointer")
        .encode(x=left, x2="to:Q", y=alt.value(0), y2=alt.value(alt.expr("height")), tooltip=tooltip)
        .add_params(alt.selection_point(OPENED, fields=["batch"]))
    )
    return drawn


def _error(one: Forward, say: Wording) -> dict[str, Any]:
    error, expected = one.error, one.error.expected
    return {
        "batch": one.batch,
        "from": one.batch - 0.5,
        "to": one.batch + 0.5,
        "error": error.now.value,
        "low": error.now.low,
        "high": error.now.high,
        "promise": error.promised.value,
        "least": None if expected is None else expected.low,
        "most": None if expected is None else expected.high,
        "where": say(one.place),
        "said": say.estimate(error.now),
        "promised": say.estimate(error.promised),
        "expected": "" if expected is None else say.estimate(expected),
    }


def coverage(found: Sequence[Forward], text: str, say: Wording) -> alt.LayerChart | None:
    """The share of each batch's rows within the prediction interval; None for probabilities."""
    held = [(one.batch, one.error.coverage) for one in found if one.error.coverage is not None]
    if not held:
        return None
    data = pd.DataFrame(held, columns=["batch", "share"])
    data["said"] = [percent(share) for share in data["share"]]
    y = alt.Y(
        "share:Q",
        title=say("share of the rows"),
        axis=alt.Axis(format=".0%", tickCount=4),
        scale=alt.Scale(zero=False, domainMax=1),
    )
    tooltip = [alt.Tooltip("batch:Q", title=say("batch")), alt.Tooltip("said:N", title=say("share of the rows"))]
    base = alt.Chart(data)
    # The same batches as of the errors above, so that both are read together.
    batches = [one.batch for one in found]
    x = _batch("batch:Q", batches, say)
    joined = base.mark_line(color=BLUE, opacity=0.4).encode(x=x, y=y)
    points = base.mark_point(filled=True, size=_size(len(held)), opacity=1, color=BLUE).encode(
        x=x, y=y, tooltip=tooltip
    )
    nine = alt.Chart(pd.DataFrame({"share": [INTERVALS_HOLD]})).mark_rule(strokeDash=[5, 4], color=ORANGE).encode(y=y)
    return alt.LayerChart(layer=[nine, joined, points]).properties(height=LOW_HEIGHT + AROUND, description=text)


def came(found: Sequence[Came], text: str, say: Wording) -> alt.LayerChart | None:
    """What each training was expected to take off the loss, with its interval, against what it did."""
    if not found:
        return None
    hoped, promoted, rejected = say("expected"), say("came, promoted"), say("came, rejected")
    who = [(hoped, GREY, "circle"), (promoted, BLUE, "triangle-up"), (rejected, ORANGE, "cross")]
    rows: list[dict[str, Any]] = []
    for one in found:
        about, far = {"batch": one.batch, "version": str(one.version)}, one.expected
        rows.append(about | {"who": hoped, "gain": far.value, "low": far.low, "high": far.high, "said": say.share(far)})
        rows.append(
            about | {"who": promoted if one.promoted else rejected, "gain": one.gain, "said": percent(one.gain)}
        )
    data = pd.DataFrame(rows)
    color, shape = kinds("who:N", [one for one in who if (data["who"] == one[0]).any()])
    x = _batch("batch:Q", [one.batch for one in found], say)
    y = alt.Y("gain:Q", title=say("taken off"), axis=alt.Axis(format="+.0%", tickCount=5))
    tooltip = [
        alt.Tooltip("batch:Q", title=say("batch")),
        alt.Tooltip("version:N", title=say("version")),
        alt.Tooltip("who:N", title=" "),
        alt.Tooltip("said:N", title=say("gain")),
    ]
    base = alt.Chart(data)
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5, color=GREY).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", tooltip=tooltip
    )
    points = base.mark_point(filled=True, size=_size(len(found)), opacity=1).encode(
        x=x, y=y, color=color, shape=shape, tooltip=tooltip
    )
    zero = alt.Chart(pd.DataFrame({"gain": [0.0]})).mark_rule(strokeDash=[5, 4], color=GREY).encode(y=y)
    return alt.LayerChart(layer=[zero, whiskers, points]).properties(height=HEIGHT + AROUND + LEGEND, description=text)
