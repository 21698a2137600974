"""Two versions side by side: the part of Models that sets them beside each other, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.version import ShapleySummary
from relevo_ui import (
    addressed,
    comparison,
    error_charts,
    history,
    model_charts,
    probability_charts,
    segments,
    session,
    versions,
)
from relevo_ui.comparison import Common, Weight
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.versions import Told
from relevo_ui.wording import Wording, listed, sentence

EVERY = "*"
"""Stands for all rows."""


def page(older: Told, newer: Told, say: Wording) -> None:
    """Everything about two versions, in the order in which people ask."""
    names = say("version {version}", version=older.number), say("version {version}", version=newer.number)
    profiles = session.profile(older.number), session.profile(newer.number)
    shap = session.shap(older.number), session.shap(newer.number)
    weights = comparison.weights(*shap)
    found = comparison.common(session.holdout(older.number), session.holdout(newer.number))
    same_rows((older, newer), names, found, say)
    if found is not None and found.described.any():
        by_segment(found, names, weights, say)
    if found is not None and say.outcome is not None:
        said = probability_charts.Said
        pair = [said(names[0], found.actual, found.older), said(names[1], found.actual, found.newer)]
        probabilities(pair, say)
    seen((older, newer), names, profiles, say)
    looks(names, shap, weights, say)
    parameters((older, newer), names, say)


def same_rows(pair: tuple[Told, Told], names: tuple[str, str], found: Common | None, say: Wording) -> None:
    """Their errors on the rows that neither was trained on."""
    st.subheader(say("On the same rows"))
    judged = versions.judged(*pair)
    if judged is not None:
        mark = marking(say)
        show(st.markdown, mark("**What decided between them**: {sentence}", sentence=history.judged(judged, say)))
        st.altair_chart(error_charts.promotion(judged, say))
    if found is not None:
        shared = comparison.shared(found, say.task)
        told = say(
            "On {rows} held-out rows of the {batches} batches that both learnt from, {newer} is the closer one for "
            "{better} of them.",
            rows=f"{shared.rows:,}",
            batches=len(shared.batches),
            newer=names[1],
            better=percent(shared.better),
        )
        show(st.markdown, told)
        st.altair_chart(error_charts.two_errors((names[0], shared.older), (names[1], shared.newer), say))
    elif judged is None:
        show(st.caption, say("They share no held-out rows, so their errors cannot be compared row by row."))


def by_segment(found: Common, names: tuple[str, str], weights: Sequence[Weight], say: Wording) -> None:
    """Where the one is better and where the other, and the rows of which they say the most different things."""
    rows = int(found.described.sum())
    st.subheader(say("Segment by segment"))
    show(
        st.caption,
        say(
            "On the {rows} newest of those rows, whose columns the versions keep, with intervals of 95 %.",
            rows=f"{rows:,}",
        ),
    )
    columns = segments.columns(found.inputs, say)
    name = addressed.selectbox(say("Segments by"), columns, "by", say.column)
    compared = segments.compared(found, name, say)
    st.altair_chart(model_charts.differences(compared, name, names, say))
    with st.expander(say("The figures")):
        table = segments.compared_table(compared, name, names, say)
        st.dataframe(table, hide_index=True, alt=say("Segment by segment"))
    st.subheader(say("The rows that moved most"))
    of = {one.label: one.rows for one in segments.segments(name, found.inputs[name], say)}
    labels = {EVERY: say("all {rows} rows", rows=f"{rows:,}")}
    labels |= {label: f"{say.column(name)}: {label}" for label in of}
    chosen = addressed.selectbox(say("Rows to look into"), list(labels), "of", labels.__getitem__)
    looked_at = [weight.column for weight in weights] or columns
    table = segments.movers(found, of.get(chosen), looked_at, names, say)
    st.dataframe(table, hide_index=True, height="content", alt=say("The rows that moved most"))
    show(
        st.caption,
        say(
            "Held-out rows for which {newer} says something the most different from {older}, the most different first: "
            "what somebody who asked for them again would notice.",
            newer=names[1],
            older=names[0],
        ),
    )


def probabilities(said: Sequence[probability_charts.Said], say: Wording) -> None:
    """How good probabilities are, on held-out rows."""
    st.subheader(say("How good the probabilities are"))
    st.dataframe(probability_charts.figures(said, say), hide_index=True, height="content")
    show(
        st.caption,
        say(
            "AUC is the chance that a row of which {outcome} is true is given more than one of which it is not: 0.5 is "
            "a guess, 1 is perfect. Average precision is the share of true ones among the rows that are given most, "
            "over all cuts: a guess has the share of {outcome}. The Brier score is the mean squared error: less is "
            "better.",
            outcome=say.outcome,
        ),
    )
    st.altair_chart(probability_charts.calibrated(said, say))
    show(
        st.caption,
        say(
            "Each point is a tenth of the held-out rows, with a 95 % interval. On the dashed line probabilities come "
            "true: of the rows that were given 20 %, {outcome} is true of 20 %. Below it they are too high, above it "
            "too low.",
            outcome=say.outcome,
        ),
    )
    show(
        st.markdown,
        Markdown(
            f"##### {marked(say('What acting on a probability would find ({version})', version=said[-1].version))}"
        ),
    )
    st.dataframe(probability_charts.thresholds(said[-1], say), hide_index=True, height="content")


def seen(
    pair: tuple[Told, Told], names: tuple[str, str], profiles: tuple[Profile | None, Profile | None], say: Wording
) -> None:
    """What data each learnt from."""
    st.subheader(say("The data they saw"))
    facts = [versions.facts(one, profile, say) for one, profile in zip(pair, profiles, strict=True)]
    table = {say("what"): list(facts[0])} | {name: list(fact.values()) for name, fact in zip(names, facts, strict=True)}
    st.dataframe(pd.DataFrame(table), hide_index=True, height="content", alt=say("The data they saw"))
    for name in say.data.places:
        new = [say.category(name, place) for place, _ in comparison.new_places(*profiles, name)]
        if new:
            told = say(
                "Never seen by {older}, and by {newer} ({column}): {places}.",
                older=names[0],
                newer=names[1],
                column=say.column(name),
                places=listed(new, 12, say),
            )
            show(st.markdown, told)


def looks(
    names: tuple[str, str],
    shap: tuple[ShapleySummary | None, ShapleySummary | None],
    weights: Sequence[Weight],
    say: Wording,
) -> None:
    """What each looks at, and what the newer looks at that the older did not."""
    st.subheader(say("What they look at"))
    if not weights or None in shap:
        show(st.caption, say("One of them keeps no Shapley values."))
        return
    first, second = names
    gained = [w for w in sorted(weights, key=lambda w: -w.gained)[:4] if w.gained > 0.005]
    if gained:
        named = [f"{say.column(w.column)} (+{percent(w.gained)})" for w in gained]
        more = {"newer": second, "older": first, "columns": listed(named, say=say)}
        show(st.markdown, sentence(say("{newer} looks more than {older} at {columns}.", **more)))
    st.altair_chart(model_charts.importance(weights, first, second, say))
    with st.expander(say("The figures")):
        told = {say("column"): [say.column(w.column) for w in weights]}
        told |= {first: [percent(w.older) for w in weights], second: [percent(w.newer) for w in weights]}
        st.dataframe(pd.DataFrame(told), hide_index=True, alt=say("What they look at"))
    columns = [w.column for w in weights]
    name = addressed.selectbox(say("How one column moves the prediction"), columns, "column", say.column)
    pairs = [
        (label, value, effect)
        for label, summary in zip(names, shap, strict=True)
        if summary is not None and name in summary.columns
        for value, effect in comparison.dependence(summary, name, say.data)
    ]
    st.altair_chart(model_charts.dependence(pairs, name, names, say))
    show(st.caption, say("Each point is one held-out row: its value, and by how much that moved the prediction."))


def parameters(pair: tuple[Told, Told], names: tuple[str, str], say: Wording) -> None:
    """Their parameters, the differing ones marked."""
    both = [
        {**one.record.training.parameters, "seed": one.record.training.seed}
        if one.record is not None and one.record.training is not None
        else {}
        for one in pair
    ]
    with st.expander(say("Parameters")):
        table = pd.DataFrame(
            [
                {
                    say("parameter"): name,
                    names[0]: "" if a is None else str(a),
                    names[1]: "" if b is None else str(b),
                    say("differs"): say("yes") if differs else "",
                }
                for name, a, b, differs in comparison.differing(*both)
            ]
        )
        st.dataframe(table, hide_index=True)
