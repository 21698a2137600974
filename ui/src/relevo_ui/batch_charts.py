"""What came batch by batch, as charts. Pure: what was kept of each batch in, an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_ui.chart_style import AROUND, BLUE, GREY, LEGEND, ORANGE, kinds
from relevo_ui.gains import Came
from relevo_ui.promises import Forward, Place
from relevo_ui.wording import Wording

HEIGHT: Final = 200
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


def _opened(batch: int | None, batches: Sequence[int], say: Wording) -> list[alt.Chart]:
    """A line where the batch is that is open below, if it is among these."""
    if batch not in batches:
        return []
    data = pd.DataFrame({"batch": [batch], "said": [say("open below")]})
    x = _batch("batch:Q", batches, say)
    return [
        alt.Chart(data)
        .mark_rule(color=GREY, strokeDash=[2, 3])
        .encode(x=x, tooltip=[alt.Tooltip("batch:Q", title=say("batch")), alt.Tooltip("said:N", title=" ")])
    ]


def errors(found: Sequence[Forward], opened: int | None, text: str, say: Wording) -> alt.LayerChart | None:
    """Each batch's error against the promise and the range that nine in ten should fall into; None without errors.

    `text` says the same, for who cannot see it.
    """
    if not found:
        return None
    data = pd.DataFrame([_error(one, say) for one in found])
    there = [where for where in Place if any(one.place is where for one in found)]
    color, shape = kinds("where:N", [(say(where), *MARKS[where]) for where in there])
    batches = [one.batch for one in found]
    x, left = _batch("batch:Q", batches, say), _batch("from:Q", batches, say)
    y = alt.Y("low:Q", title=say.figure, axis=alt.Axis(format=say.error_axis), scale=alt.Scale(zero=True))
    tooltip = [
        alt.Tooltip("batch:Q", title=say("batch")),
        alt.Tooltip("said:N", title=say("error")),
        alt.Tooltip("promised:N", title=say("promised")),
        alt.Tooltip("expected:N", title=say("nine in ten")),
    ]
    base = alt.Chart(data)
    # Those without a range have no end of it, and Vega leaves them out.
    ranges = base.mark_rect(color=GREY, opacity=0.3).encode(
        x=left, x2="to:Q", y=alt.Y("least:Q"), y2="most:Q", tooltip=tooltip
    )
    promises = base.mark_rule(color=GREY, strokeWidth=2).encode(
        x=left, x2="to:Q", y=alt.Y("promise:Q"), tooltip=tooltip
    )
    whiskers = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=x, y=y, y2="high:Q", color=color, tooltip=tooltip)
    points = base.mark_point(filled=True, size=_size(len(found)), opacity=1).encode(
        x=x, y="error:Q", color=color, shape=shape, tooltip=tooltip
    )
    return alt.LayerChart(layer=[ranges, promises, *_opened(opened, batches, say), whiskers, points]).properties(
        height=HEIGHT + AROUND + LEGEND * (len(there) > 1), description=text
    )


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


def coverage(found: Sequence[Forward], opened: int | None, text: str, say: Wording) -> alt.LayerChart | None:
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
    return alt.LayerChart(layer=[nine, *_opened(opened, batches, say), joined, points]).properties(
        height=LOW_HEIGHT + AROUND, description=text
    )


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
