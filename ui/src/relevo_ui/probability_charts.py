"""How good probabilities are, as figures and a chart. Pure: held-out rows in, a table or an Altair chart out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from relevo_contract.figures import percent, significant
from relevo_contract.probabilities import auc, average_precision, brier, calibration
from relevo_contract.tasks import Floats
from relevo_ui.chart_style import BLUE, GREY
from relevo_ui.wording import Wording

ACTED_ON: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Shares of the rows that somebody may have the means to look at."""


class Said(NamedTuple):
    """What a version said of held-out rows, (n,) each: what came, as 1 and 0, and its probability of 1."""

    version: str
    actual: Floats
    predicted: Floats


def figures(versions: Sequence[Said], say: Wording) -> pd.DataFrame:
    """A line a figure, a column a version."""
    first = {
        say("figure"): [
            say("AUC"),
            say("average precision"),
            say("Brier score"),
            say("share of {outcome}", outcome=say.outcome),
            say("rows"),
        ]
    }
    return pd.DataFrame(first | {one.version: _of(one) for one in versions})


def _of(one: Said) -> list[str]:
    ranked = [significant(measure(one.actual, one.predicted)) for measure in (auc, average_precision, brier)]
    return [*ranked, percent(float(one.actual.mean())), f"{len(one.actual):,}"]


def thresholds(one: Said, say: Wording) -> pd.DataFrame:
    """What comes of acting on the rows that are given most: a line for each share of the rows that are acted on."""
    order = np.sort(one.predicted)[::-1]
    true = one.actual > 0.5
    lines = []
    for share in ACTED_ON:
        least = float(order[max(0, round(share * len(order)) - 1)])
        acted = one.predicted >= least  # rows of one probability are acted on together
        found = int((acted & true).sum())
        lines.append(
            {
                say("from a probability of"): percent(least),
                say("rows acted on"): f"{int(acted.sum()):,} ({percent(float(acted.mean()))})",
                say("of them {outcome}", outcome=say.outcome): f"{found:,} ({percent(found / int(acted.sum()))})",
                say("found of all {outcome}", outcome=say.outcome): percent(found / max(1, int(true.sum()))),
            }
        )
    return pd.DataFrame(lines).drop_duplicates(ignore_index=True)


def calibrated(versions: Sequence[Said], say: Wording) -> alt.LayerChart:
    """What was said of rows of like probability against the share that came true, with its 95 % interval."""
    rows = [
        {"version": one.version, "said": bin_.said, "came": bin_.came, "low": bin_.low, "high": bin_.high}
        | {
            "told": say(
                "{said} said, {came} came true, of {rows} rows",
                said=percent(bin_.said),
                came=percent(bin_.came),
                rows=f"{bin_.rows:,}",
            )
        }
        for one in versions
        for bin_ in calibration(one.actual, one.predicted)
    ]
    data = pd.DataFrame(rows)
    most = float(data[["said", "high"]].max().max())
    percents = alt.Axis(format=".0%", tickCount=6)
    x = alt.X("said:Q", title=say("{target}, as said", target=say.target), axis=percents)
    y = alt.Y("low:Q", title=say("share that came true"), axis=percents)
    names = [one.version for one in versions]
    colour = alt.Color(
        "version:N", title=None, scale=alt.Scale(domain=names, range=[GREY, BLUE][-len(names) :]),
        legend=alt.Legend(orient="top"),
    )  # fmt: skip
    shape = alt.Shape(
        "version:N", title=None, scale=alt.Scale(domain=names, range=["circle", "triangle-up"][-len(names) :])
    )
    tooltip = [alt.Tooltip("version:N", title=say("version")), alt.Tooltip("told:N", title=" ")]
    base = alt.Chart(data)
    honest = alt.Chart(pd.DataFrame({"said": [0.0, most], "low": [0.0, most]}))
    return alt.LayerChart(
        layer=[
            honest.mark_line(strokeDash=[5, 4], color=GREY).encode(x=x, y=y),
            base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=x, y=y, y2="high:Q", color=colour, tooltip=tooltip),
            base.mark_line(opacity=0.5).encode(x=x, y="came:Q", color=colour),
            base.mark_point(filled=True, size=90, opacity=1).encode(
                x=x, y="came:Q", color=colour, shape=shape, tooltip=tooltip
            ),
        ]
    ).properties(
        height=340,
        description="; ".join(f"{row['version']}: {row['told']}" for row in rows),
    )
