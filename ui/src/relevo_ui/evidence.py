"""The evidence for a batch's decisions, and how such decisions turned out so far, as parts of the history page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from relevo_contract.record import DecisionRecord
from relevo_ui import (
    batch_charts,
    error_charts,
    gains,
    history,
    judgement_charts,
    promises,
    reasons,
    rehearsals,
    session,
    turned_out,
)
from relevo_ui.marked import marking, show
from relevo_ui.wording import Wording


def in_time(records: Sequence[DecisionRecord], opened: int, say: Wording) -> None:
    """Errors against promises, prediction intervals, and how decisions turned out, over the batches, newest first."""
    forward = promises.forward(records)
    told = promises.errors(forward, say)
    chart = batch_charts.errors(forward, opened, told or say("The errors in time"), say)
    if chart is not None:
        with st.expander(say("The errors in time"), expanded=True):
            if told:
                show(st.markdown, told)
            show(st.caption, say("Grey: what was promised (line) and, where it is kept, the range (band)."))
            st.altair_chart(chart)
            held = promises.intervals(forward, say)
            if (drawn := batch_charts.coverage(forward, opened, held, say)) is not None:
                show(st.markdown, held)
                st.altair_chart(drawn)
    sentences = turned_out.told(records, say)
    if sentences:
        with st.expander(say("How past decisions turned out"), expanded=True):
            for one in sentences:
                show(st.markdown, one)
            came = gains.came(records)
            if came and (drawn := batch_charts.came(came, gains.what_came(came, say), say)) is not None:
                st.altair_chart(drawn)


def expected_gain(record: DecisionRecord, say: Wording) -> None:
    """What a training was expected to gain when the batch was decided."""
    found = record.decision.expected
    if found is None:
        return
    st.subheader(say("What would a training gain?"))
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
    st.subheader(say("Does the champion keep its promise?"))
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
    st.subheader(say("Promoted or rejected, and by which criterion"))
    show(st.markdown, history.judged(judged, say))
    show(
        st.caption,
        mark(
            "Criterion `{criterion}`: {meaning}. What decides is the {decides}, challenger minus champion, by row on "
            "{rows} held-out rows: {points}.",
            decides=say.decides,
            criterion=judged.criterion,
            meaning=reasons.criterion(judged, say),
            rows=f"{judged.rows:,}",
            points=say.difference(judged.difference),
        ),
    )
    st.altair_chart(error_charts.promotion(judged, say))
    by_place = error_charts.places(judged.states, say)
    if by_place is not None:
        show(st.markdown, mark("**By {place}**", place=say.place))
        st.altair_chart(by_place)
        if more := len(judged.states) + judged.states_more - len(error_charts.shown_places(judged.states)):
            show(st.caption, say("{count} more", count=more))


def rehearsal(record: DecisionRecord, say: Wording) -> None:
    """What customers would notice of the promotion."""
    judged = record.promotion
    if judged is None or judged.rehearsal is None:
        return
    found, mark = judged.rehearsal, marking(say)
    st.subheader(say("What customers would notice"))
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
