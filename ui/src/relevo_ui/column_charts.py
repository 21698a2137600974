"""How columns moved, as charts. Pure: a record's evidence in, an Altair chart out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import altair as alt
import pandas as pd

from relevo_contract.figures import percent
from relevo_contract.record import ColumnEvidence, Distribution
from relevo_ui.chart_style import AROUND, BAR_HEIGHT, GREY, LEGEND, ORANGE, TICKS, lines
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import Wording, listed

MISSING_TOLD: Final = 0.1
"""Change of the share of missing values that is told in words."""
TOLD: Final = 6
"""Columns told of in words."""


def largest_first(columns: Sequence[ColumnEvidence]) -> list[ColumnEvidence]:
    """The furthest beyond what noise gives first."""
    return sorted(columns, key=lambda one: -one.distance / one.limit if one.limit > 0 else 0.0)


def before_and_now(one: ColumnEvidence, say: Wording) -> str:
    """How the column's values were in training and are in the batch: the middle of a number, and of categories the one
    whose share changed most; then what was never seen, and what is missing, where that is why.
    """
    told = []
    kept = one.distribution
    if kept is not None and kept.categories:
        rest = {say("all others"), say("(no value)")}
        shares = [both for both in distribution_shares(one, kept, say).items() if both[0] not in rest]
        label, (before, now) = max(shares, key=lambda item: abs(item[1][1] - item[1][0]), default=("", (0.0, 0.0)))
        if label:
            shown = {"before": percent(before), "now": percent(now)}
            told.append(say("{value} from {before} to {now}", value=label, **shown))
    elif kept is not None and kept.edges and sum(kept.before) and sum(kept.now):
        before_at, now_at = (_middle(one.column, kept, counts, say) for counts in (kept.before, kept.now))
        if before_at != now_at:
            told.append(say("median from {before} to {now}", before=before_at, now=now_at))
    if one.new_categories:
        named = listed([say.category(one.column, new) for new in one.new_categories], 4, say)
        told.append(say("{share} never seen: {categories}", share=percent(one.unseen or 0.0), categories=named))
    if abs(one.missing_now - one.missing_before) > MISSING_TOLD:
        shares_missing = {"before": percent(one.missing_before), "now": percent(one.missing_now)}
        told.append(say("missing from {before} to {now}", **shares_missing))
    if not told and one.limit > 0:
        told.append(say("{times} times as far as noise gives", times=f"{one.distance / one.limit:.1f}"))
    return "; ".join(told)


def _middle(name: str, kept: Distribution, counts: Sequence[int], say: Wording) -> str:
    """The bin in which the middle row lies."""
    reached, half = 0, sum(counts) / 2
    for label, count in zip(bins(name, kept, say), counts, strict=True):
        reached += count
        if reached >= half:
            return label
    return ""


METHODS: Final = {"jensen_shannon": "Jensen–Shannon", "wasserstein": "Wasserstein", "psi": "PSI"}
"""The distances' names, which are people's in every language."""


def distances(columns: Sequence[ColumnEvidence], say: Wording) -> alt.LayerChart | None:
    """How far each column moved, in multiples of what noise alone would give; None without columns."""
    moved, still = say("moved"), say("within noise")
    rows = [
        {
            "column": say.column(c.column),
            "times": c.distance / c.limit,
            "verdict": moved if c.moved else still,
            "distance": say(
                "{distance} ({method}), noise up to {limit}",
                distance=f"{c.distance:.3g}",
                method=METHODS[c.method],
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
    text = "; ".join(f"{row['column']}: {row['verdict']}, {row['distance']}" for row in rows)
    return alt.LayerChart(layer=[bars, limit]).properties(
        height=len(rows) * BAR_HEIGHT + AROUND + LEGEND, description=text
    )


def bins(name: str, distribution: Distribution, say: Wording) -> list[str]:
    """What each count of a column's distribution is of: a range of numbers, or a category."""
    if distribution.categories:
        return [*(say.category(name, found) for found in distribution.categories), say("all others")]
    edges = [say.edge(name, edge) for edge in distribution.edges]
    if not edges:
        return [say("all values")]
    between = [
        low if _is_value(*both) else f"{low}–{high}"
        for (low, high), both in zip(pairwise(edges), pairwise(distribution.edges), strict=True)
    ]
    # Above what was seen there is no row of the training data; profiles of earlier releases have some in the last bin.
    seen = distribution.before[-1]
    last = say("{edge} and above", edge=edges[-1]) if seen else say("above {edge}", edge=edges[-1])
    return [say("below {edge}", edge=edges[0]), *between, last]


def _is_value(low: float, high: float) -> bool:
    """Whether a bin is of one value: the next number is beyond it."""
    return high == math.nextafter(low, math.inf)


def distribution_shares(evidence: ColumnEvidence, kept: Distribution, say: Wording) -> dict[str, tuple[float, float]]:
    """By bin its share of all rows, in the training data and in the batch; a missing value is a bin as well."""
    there = (1 - evidence.missing_before, 1 - evidence.missing_now)
    sums = (max(1, sum(kept.before)), max(1, sum(kept.now)))
    shares: dict[str, tuple[float, float]] = {}
    for label, before, now in zip(bins(evidence.column, kept, say), kept.before, kept.now, strict=True):
        if before or now:  # bins so narrow that they read the same are one to a person
            drawn = shares.get(label, (0.0, 0.0))
            shares[label] = (drawn[0] + there[0] * before / sums[0], drawn[1] + there[1] * now / sums[1])
    if evidence.missing_before or evidence.missing_now:
        shares[say("(no value)")] = (evidence.missing_before, evidence.missing_now)
    return shares


def distribution(evidence: ColumnEvidence, before: str, now: str, say: Wording) -> alt.Chart | None:
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
    told = "; ".join(f"{label}: {percent(both[0])}, {percent(both[1])}" for label, both in shares.items())
    text = f"{say.column(evidence.column)} ({before}, {now}): {told}"
    drawn: alt.Chart = (
        alt.Chart(data)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X(
                "share:Q",
                title=lines(say("share of the rows")),
                axis=alt.Axis(format=".0%", tickCount=5),
            ),
            y=alt.Y("bin:N", title=None, sort=list(shares), axis=alt.Axis(labelLimit=180, labelOverlap=False)),
            yOffset=alt.YOffset("data:N", sort=[before, now]),
            color=alt.Color(
                "data:N",
                title=None,
                scale=alt.Scale(domain=[before, now], range=[GREY, ORANGE]),
                legend=alt.Legend(orient="top", labelLimit=300, columns=1),
            ),
            tooltip=[
                alt.Tooltip("bin:N", title=say.column(evidence.column)),
                alt.Tooltip("data:N", title=" "),
                alt.Tooltip("share:Q", title=say("share"), format=".1%"),
            ],
        )
        .properties(height=len(shares) * BAR_HEIGHT + AROUND + LEGEND, description=text)
    )
    return drawn


def columns_table(columns: Sequence[ColumnEvidence], say: Wording) -> pd.DataFrame:
    """The figures behind `distances`."""
    return pd.DataFrame(
        [
            {
                say("column"): say.column(c.column),
                say("moved"): say("yes") if c.moved else say("no"),
                say("distance"): f"{c.distance:.3g}",
                say("limit"): f"{c.limit:.3g}",
                say("measure"): METHODS[c.method],
                say("missing before"): percent(c.missing_before),
                say("missing now"): percent(c.missing_now),
                say("never seen"): "" if c.unseen is None else percent(c.unseen),
                say("new categories"): harmless(", ".join(c.new_categories)),
            }
            for c in columns
        ]
    )
