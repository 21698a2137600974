"""Models: two versions side by side, and the written analysis of the best one at each stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import streamlit as st

from relevo_contract import names
from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.version import ShapleySummary
from relevo_ui import (
    comparison,
    error_charts,
    history,
    links,
    model_charts,
    probability_charts,
    report,
    service,
    session,
    versions,
)
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.session import Story
from relevo_ui.versions import Told
from relevo_ui.wording import Wording, listed, sentence

looked = session.looked()
say = session.wording(looked)
mark = marking(say)


def told(story: Story) -> list[Told]:
    """The versions, newest first, each with its run's outline."""
    records = {run.run_id: record for run, record in zip(story.runs, story.records, strict=True)}
    return [Told(v.number, v.run_id, v.tags, records.get(v.run_id)) for v in story.versions]


def probabilities(versions: Sequence[probability_charts.Said]) -> None:
    """How good probabilities are, on held-out rows."""
    st.subheader(say("How good the probabilities are"))
    st.dataframe(probability_charts.figures(versions, say), hide_index=True, height="content")
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
    st.altair_chart(probability_charts.calibrated(versions, say))
    show(
        st.caption,
        say(
            "Each point is a tenth of the held-out rows, with a 95 % interval. On the dashed line probabilities come "
            "true: of the rows that were given 20 %, {outcome} is true of 20 %. Below it they are too high, above it "
            "too low.",
            outcome=say.outcome,
        ),
    )


def alone(one: Told) -> None:
    """The only version."""
    told = say("There is one version so far; a second one can be set beside it.")
    show(st.info, told, icon=":material/looks_one:")
    for heading, fact in versions.facts(one, session.profile(one.number), say).items():
        if fact:
            show(st.markdown, Markdown(f"**{marked(heading)}**: {marked(fact)}"))
    kept = session.holdout(one.number) if say.outcome is not None else None
    if kept is not None and kept.actual:
        named = say("version {version}", version=one.number)
        probabilities([probability_charts.Said(named, np.array(kept.actual), np.array(kept.predicted))])


def same_rows(older: Told, newer: Told) -> None:
    """Their errors on the rows that both were kept from."""
    st.subheader(say("On the same rows"))
    first, second = say("version {version}", version=older.number), say("version {version}", version=newer.number)
    judged = versions.judged(older, newer)
    if judged is not None:
        show(st.markdown, mark("**What decided between them**: {sentence}", sentence=history.judged(judged, say)))
        st.altair_chart(error_charts.promotion(judged, say))
    common = comparison.common(session.holdout(older.number), session.holdout(newer.number))
    if common is not None:
        shared = comparison.shared(common, say.task)
        show(
            st.markdown,
            say(
                "On {rows} held-out rows of the {batches} batches that both learnt from, {newer} is the closer one for "
                "{better} of them.",
                rows=f"{shared.rows:,}",
                batches=len(shared.batches),
                newer=second,
                better=percent(shared.better),
            ),
        )
        st.altair_chart(error_charts.two_errors((first, shared.older), (second, shared.newer), say))
        if say.outcome is not None:
            said = probability_charts.Said
            probabilities([said(first, common.actual, common.older), said(second, common.actual, common.newer)])
    elif judged is None:
        show(st.caption, say("They share no held-out rows, so their errors cannot be compared row by row."))


def seen(older: Told, newer: Told, profiles: tuple[Profile | None, Profile | None]) -> None:
    """What data each learnt from."""
    st.subheader(say("The data they saw"))
    facts = [versions.facts(one, profile, say) for one, profile in zip((older, newer), profiles, strict=True)]
    table = pd.DataFrame(
        {
            say("what"): list(facts[0]),
            say("version {version}", version=older.number): list(facts[0].values()),
            say("version {version}", version=newer.number): list(facts[1].values()),
        }
    )
    st.dataframe(table, hide_index=True, height="content")
    for name in say.data.places[:2]:
        new = [say.category(name, place) for place, _ in comparison.new_places(*profiles, name)]
        if new:
            show(
                st.markdown,
                say(
                    "New to version {version} ({column}): {places}.",
                    version=newer.number,
                    column=say.column(name),
                    places=listed(new, 12, say),
                ),
            )


def parameters(older: Told, newer: Told) -> None:
    """Their parameters, the differing ones marked."""
    both = [
        {**one.record.training.parameters, "seed": one.record.training.seed}
        if one.record is not None and one.record.training is not None
        else {}
        for one in (older, newer)
    ]
    with st.expander(say("Parameters")):
        table = pd.DataFrame(
            [
                {
                    say("parameter"): name,
                    say("version {version}", version=older.number): "" if a is None else str(a),
                    say("version {version}", version=newer.number): "" if b is None else str(b),
                    say("differs"): say("yes") if differs else "",
                }
                for name, a, b, differs in comparison.differing(*both)
            ]
        )
        st.dataframe(table, hide_index=True)


def looks(older: Told, newer: Told, shap: tuple[ShapleySummary | None, ShapleySummary | None]) -> None:
    """What each looks at, and what the newer looks at that the older did not."""
    st.subheader(say("What they look at"))
    weights = comparison.weights(*shap)
    if not weights or None in shap:
        show(st.caption, say("One of them keeps no Shapley values."))
        return
    first, second = say("version {version}", version=older.number), say("version {version}", version=newer.number)
    gained = [w for w in sorted(weights, key=lambda w: -w.gained)[:4] if w.gained > 0.005]
    if gained:
        named = [f"{say.column(w.column)} (+{percent(w.gained)})" for w in gained]
        more = {"newer": second, "older": first, "columns": listed(named, say=say)}
        show(st.markdown, sentence(say("{newer} looks more than {older} at {columns}.", **more)))
    st.altair_chart(model_charts.importance(weights, first, second, say))
    name = st.selectbox(
        say("How one column moves the prediction"),
        [w.column for w in weights],
        format_func=say.column,
        key="column",
    )
    pairs = [
        (label, value, effect)
        for label, summary in ((first, shap[0]), (second, shap[1]))
        if summary is not None and name in summary.columns
        for value, effect in comparison.dependence(summary, name, say.data)
    ]
    st.altair_chart(model_charts.dependence(pairs, name, (first, second), say))
    show(st.caption, say("Each point is one held-out row: its value, and by how much that moved the prediction."))


def analysis(story: Story, spoken: Wording) -> str:
    """The written analysis as HTML; asks MLflow for what each promoted version keeps.

    It is made when it is asked for, in a thread that knows no visitor: so it is told the words.
    """
    whole = [record for run in story.runs if (record := session.record(run)) is not None]
    stages = []
    for record, rejected in report.stages(whole):
        version = record.promotion.challenger_version if record.promotion is not None else 0
        pictures = [p for name in names.SHAPLEY_PICTURES if (p := session.picture(version, name)) is not None]
        stages.append(report.Stage(record, session.profile(version), session.shap(version), pictures, rejected))
    return report.report(session.settings().model, stages, datetime.now(UTC), spoken)


def two(found: list[Told], story: Story, pair: tuple[int, int]) -> None:
    """Two versions side by side."""
    by_number = {one.number: one for one in found}
    left, right = st.columns(2)

    def choose(heading: str, number: int, key: str) -> Told:
        numbers = list(by_number)
        return by_number[
            st.selectbox(
                heading,
                numbers,
                index=numbers.index(number),
                format_func=lambda n: versions.label(by_number[n], story.production, say),
                key=key,
            )
        ]

    with left:
        older = choose(say("One version"), pair[0], "older")
    with right:
        newer = choose(say("Another version"), pair[1], "newer")
    if older.number == newer.number:
        show(st.info, say("Choose two different versions to compare them."), icon=":material/compare_arrows:")
        return
    settings = session.settings()
    named = [
        f"[{say('version {version}', version=one.number)}]({links.version(settings, one.number)})"
        for one in (older, newer)
    ]
    show(st.caption, Markdown(" · ".join(named)))
    same_rows(older, newer)
    seen(older, newer, (session.profile(older.number), session.profile(newer.number)))
    looks(older, newer, (session.shap(older.number), session.shap(newer.number)))
    parameters(older, newer)


def page(story: Story) -> None:
    """The whole page."""
    found = told(story)
    if not found:
        show(
            st.info,
            mark(
                "**No version has been trained yet.** The first appears once `relevo-job train` has run; the history "
                "tells how far it is."
            ),
            icon=":material/hourglass_empty:",
        )
        return
    status = session.status()
    serving = status.serving.version if status is not None and status.serving is not None else None
    if status is not None:
        terms = service.terms({one.number: one.tags for one in found})
        given_up = [term.version for term in terms if term.given_up]
        show(st.markdown, service.agreement(story.production, serving, given_up, say))
    st.download_button(
        say("Written analysis of the best model at each stage (HTML)"),
        lambda: analysis(story, say),
        "relevo-analysis.html",
        "text/html",
        icon=":material/description:",
        on_click="ignore",
    )
    pair = versions.pair(found, story.production)
    if pair is None:
        alone(found[0])
        return
    two(found, story, pair)


st.title(say("Which model, and why"))
session.tell(looked, page)
