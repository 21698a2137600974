"""The evidence for a batch's decisions, as parts of its page."""

from __future__ import annotations

import streamlit as st

from relevo_contract.figures import percent
from relevo_contract.record import DecisionRecord
from relevo_ui import (
    batches,
    column_charts,
    comparison,
    error_charts,
    gains,
    history,
    judgement_charts,
    model_charts,
    promises,
    reasons,
    rehearsals,
    session,
    terms,
    turned_out,
)
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.wording import Wording, listed, sentence

FEWEST_GAINED = 0.005
"""Of all Shapley values, from which a version looks at a column more than the one before."""


def came(record: DecisionRecord, say: Wording) -> None:
    """The rows that came: from where, what was kept, and what was left out and why."""
    show(st.subheader, say("What came"), help=say(terms.HELD_OUT))
    batch = record.batch
    told = [
        say(
            "{rows} came, {kept} were kept, {out} left out.",
            rows=say.count("row", batch.rows),
            kept=f"{batch.kept:,}",
            out=f"{batch.rows - batch.kept:,}",
        )
    ]
    reasons_told = [f"{rows:,}: {reason}" for reason, rows in batches.reasons(record, say)]
    if reasons_told:
        told.append(sentence(say("left out: {reasons}", reasons="; ".join(reasons_told))))
    if where := history.origin(record, say, most=len(record.origin or ())):
        told.append(sentence(say("they come from {places}", places=where)))
    if record.promotion is not None and record.promotion.rows:
        told.append(say("Of the batches judged, {rows} were held out.", rows=say.count("row", record.promotion.rows)))
    show(st.markdown, " ".join(told))


def changed(record: DecisionRecord, say: Wording) -> None:
    """The batch's columns against the champion's training data, the largest change first."""
    show(st.subheader, say("What changed"), help=say(terms.NOISE))
    evidence = column_charts.largest_first(record.decision.columns)
    chart = column_charts.distances(evidence, say)
    if chart is None:
        nothing = say("No column was compared.")
        first = record.champion_version is None
        show(st.caption, say("There was no model to compare this batch with.") if first else nothing)
        return
    lines = [
        f"- **{marked(say.column(one.column))}**: {marked(column_charts.before_and_now(one, say))}"
        for one in evidence
        if one.moved
    ][: column_charts.TOLD]
    show(st.markdown, Markdown("\n".join(lines)) if lines else say("Nothing moved beyond noise."))
    st.altair_chart(chart)
    pictured = {one.column: one for one in evidence if one.distribution is not None}
    if pictured:
        broken = next((one.column for one in record.decision.defects if one.column in pictured), None)
        names = list(pictured)
        name = st.selectbox(
            say("A column before and now"),
            names,
            index=names.index(broken) if broken is not None else 0,
            format_func=say.column,
            key=f"column-{record.batch.group}-{record.batch.number}",
        )
        before = say("training data of version {version}", version=record.champion_version)
        now = say("batch {batch}", batch=record.batch.number)
        if (picture := column_charts.distribution(pictured[name], before, now, say)) is not None:
            st.altair_chart(picture)
    with st.expander(say("The figures")):
        st.dataframe(column_charts.columns_table(evidence, say), hide_index=True)


def decided(record: DecisionRecord, say: Wording) -> None:
    """Why it trained or did not: the sentence, the promise, and what a training was expected to gain."""
    heading = say("Why it trained") if record.decision.train else say("Why it did not train")
    show(st.subheader, heading, help=say(terms.GAIN))
    show(st.markdown, history.why(record, say))
    promise(record, say)
    expected_gain(record, say)


def expected_gain(record: DecisionRecord, say: Wording) -> None:
    """What a training was expected to gain when the batch was decided."""
    found = record.decision.expected
    if found is None:
        return
    show(st.markdown, Markdown(f"##### {say('What would a training gain?')}"))
    show(st.markdown, " ".join(gains.expected(found, record.champion_version, say)))
    if (chart := error_charts.expected_gain(found, say)) is not None:
        st.altair_chart(chart)
        show(st.caption, say("Dashed, orange: from where on a training is made, after what is not believed."))
    if found.by_curve is None or record.champion_version is None:
        return
    profile = session.profile(record.champion_version)
    if profile is not None and profile.learning is not None:
        told = gains.learning(profile.learning, found, say)
        mark = marking(say)
        show(st.markdown, mark("**The learning curve of version {version}**", version=record.champion_version))
        show(st.markdown, told)
        st.altair_chart(judgement_charts.learning(profile.learning, found, told, say))


def promise(record: DecisionRecord, say: Wording) -> None:
    """The champion's error on the batch against its promise."""
    error = record.decision.error
    if error is None:
        return
    show(st.markdown, Markdown(f"##### {say('Does the champion keep its promise?')}"), help=say(terms.PROMISED))
    figures = say(
        "On {rows} of its rows version {version} {errs} {now}; it promised {promised}.",
        errs=say.errs,
        rows=f"{error.rows:,}",
        version=record.champion_version,
        now=say.estimate(error.now),
        promised=say.estimate(error.promised),
    )
    more = [*promises.of_one(error, say), turned_out.previous(record, say)]
    show(st.markdown, " ".join([f"{history.promise(error, say)}. {figures}", *filter(None, more)]))
    st.altair_chart(error_charts.promise(error, say))


def promotion(record: DecisionRecord, say: Wording) -> None:
    """The comparison that decided."""
    judged = record.promotion
    if judged is None:
        return
    mark = marking(say)
    show(st.subheader, say("Who was better, on which rows"), help=say(terms.CHAMPION))
    show(st.markdown, history.judged(judged, say))
    show(
        st.caption,
        mark(
            "Criterion `{criterion}`: {meaning}. What decides is the {decides}, challenger minus champion, by row on "
            "{rows} held out: {points}.",
            decides=say.decides,
            criterion=judged.criterion,
            meaning=reasons.criterion(judged, say),
            rows=say.count("row", judged.rows),
            points=say.difference(judged.difference),
        ),
    )
    if judged.rows:
        st.altair_chart(error_charts.difference(judged, say))
        st.altair_chart(error_charts.promotion(judged, say))


def by_segment(record: DecisionRecord, say: Wording) -> None:
    """Every segment with its rows and its interval, and which rows these are."""
    judged = record.promotion
    if judged is None or not judged.states:
        return
    show(st.subheader, say("By {place}", place=say.place), help=say(terms.SHRUNK))
    ordered = error_charts.worst_first(judged.states)
    count, more = len(ordered), judged.states_more
    told = say(
        "Judged on all rows held out of all batches, and not only on the {rows} that decided; each has its number of "
        "rows. Right of zero the challenger is worse.",
        rows=f"{judged.rows:,}",
    )
    if more:
        told += " " + say("The record keeps {count} of {all}.", count=count, all=count + more)
    show(st.markdown, told)
    st.altair_chart(error_charts.places(ordered[: error_charts.PLACES], say))
    if count > error_charts.PLACES:
        with st.expander(say("All {count}, worst first", count=count)):
            st.dataframe(error_charts.places_table(ordered, say), hide_index=True)


def looks(record: DecisionRecord, version: int | None, say: Wording) -> None:
    """What the version of this batch looks at, and did not before; where none was trained, the champion."""
    shown = version or record.champion_version
    if shown is None or (now := session.shap(shown)) is None:
        return
    champion = record.champion_version if version is not None else None
    before = None if champion is None else session.shap(champion)
    show(st.subheader, say("What version {version} looks at", version=shown), help=say(terms.SHAPLEY))
    weights = comparison.weights(before, now)
    newer = say("version {version}", version=shown)
    if before is None or champion is None:
        named = [f"{say.column(one.column)} ({percent(one.newer)})" for one in weights[:3]]
        text = say("It looks most at {columns}.", columns=listed(named, 3, say))
        show(st.markdown, text)
        st.altair_chart(model_charts.importance(weights, newer, newer, say).properties(description=text))
        return
    older = say("version {version}", version=champion)
    gained = [one for one in sorted(weights, key=lambda one: -one.gained)[:4] if one.gained > FEWEST_GAINED]
    named = [f"{say.column(one.column)} (+{100 * one.gained:.1f} {say('points')})" for one in gained]
    text = (
        say("{newer} looks more than {older} at {columns}.", newer=newer, older=older, columns=listed(named, say=say))
        if named
        else say("It looks at what version {version} looked at.", version=champion)
    )
    show(st.markdown, sentence(text))
    st.altair_chart(model_charts.importance(weights, older, newer, say).properties(description=sentence(text)))


def rehearsal(record: DecisionRecord, say: Wording) -> None:
    """What customers would notice of the promotion."""
    judged = record.promotion
    if judged is None or judged.rehearsal is None:
        return
    found, mark = judged.rehearsal, marking(say)
    show(st.subheader, say("What customers would notice"))
    told = rehearsals.told(found, say)
    for warning in rehearsals.not_finite(judged, found, say):
        show(st.warning, warning, icon=":material/error:")
    show(st.markdown, " ".join(told))
    st.altair_chart(judgement_charts.changed(found, told[0], say))
    by_place = judgement_charts.gathered(found.segments, say, of_places=True)
    by_value = judgement_charts.gathered(found.gathered, say)
    for title, chart in (
        (mark("**By {place}**", place=say.place), by_place),
        (mark("**Where changes gather beyond noise**"), by_value),
    ):
        if chart is not None:
            show(st.markdown, title)
            st.altair_chart(chart)
    show(st.caption, rehearsals.speed(judged, found, say))
