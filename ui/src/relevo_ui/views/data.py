"""Data: RAW and CLEAN by batch, what was left out and why, and what customers ask against the training data."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from relevo_contract.record import DecisionRecord
from relevo_ui import batches, column_charts, session
from relevo_ui.marked import Markdown, marking, show
from relevo_ui.session import Story
from relevo_ui.wording import moment

ROW_PIXELS = 76  # three lines; with fewer, Streamlit wraps no text
TABLE_PIXELS = 560
looked = session.looked()
say = session.wording(looked)
mark = marking(say)


def one_batch(record: DecisionRecord) -> None:
    """What came, what was kept, and what is missing in it."""
    came, kept, out = st.columns(3)
    came.metric(say("RAW rows"), f"{record.batch.rows:,}")
    kept.metric(say("CLEAN rows"), f"{record.batch.kept:,}")
    out.metric(say("Left out"), f"{record.batch.rows - record.batch.kept:,}")
    reasons = batches.reasons(record, say)
    if reasons:
        st.dataframe(
            pd.DataFrame({say("reason"): [r for r, _ in reasons], say("rows"): [n for _, n in reasons]}),
            hide_index=True,
        )
    elif record.rejected is None:
        show(st.caption, say("Why rows were left out was not recorded then."))
    else:
        show(st.caption, say("No row was left out."))
    if record.decision.columns:
        show(st.markdown, Markdown(f"##### {say('Missing values')}"))
        missing = pd.DataFrame(batches.missing(record.decision.columns, say))
        st.dataframe(missing, hide_index=True, height="content")


def live(record: DecisionRecord) -> None:
    """What the API was asked when the batch was decided, against the champion's training data."""
    st.subheader(say("What customers ask, against the training data"))
    evidence = record.decision.live
    if evidence is None:
        show(
            st.caption,
            say(
                "Not told for this batch: it takes at least 200 rows asked for, a model, and an inference API that "
                "keeps them in RAW (RELEVO_RAW_URL)."
            ),
        )
        return
    show(
        st.markdown,
        say(
            "The newest {rows} rows asked for, from {since} to {until}, against what version {version} was trained on.",
            rows=f"{evidence.rows:,}",
            since=moment(evidence.since),
            until=moment(evidence.until),
            version=record.champion_version,
        ),
    )
    chart = column_charts.distances(evidence.columns, say)
    if chart is not None:
        st.altair_chart(chart)
    pictured = {one.column: one for one in evidence.columns if one.distribution is not None}
    if pictured:
        name = st.selectbox(
            say("A column asked for and trained on"),
            list(pictured),
            format_func=say.column,
            key="live_column",
        )
        before = say("training data of version {version}", version=record.champion_version)
        if (picture := column_charts.distribution(pictured[name], before, say("rows asked for"), say)) is not None:
            st.altair_chart(picture)


def page(story: Story) -> None:
    """The whole page."""
    pairs = [(run, record) for run, record in zip(story.runs, story.records, strict=True) if record is not None]
    if not pairs:
        show(
            st.info,
            mark(
                "**No batch has been decided yet.** Each batch is told here once `relevo-job decide` has looked at it."
            ),
            icon=":material/hourglass_empty:",
        )
        st.button(say("Look again"))
        return
    records = [record for _, record in pairs]
    rows, kept = sum(r.batch.rows for r in records), sum(r.batch.kept for r in records)
    show(
        st.markdown,
        say(
            "{rows} rows came in {batches} batches, {kept} are in CLEAN.",
            rows=f"{rows:,}",
            batches=len(records),
            kept=f"{kept:,}",
        ),
    )
    number = st.column_config.NumberColumn(format="localized")
    wide = {say("Why left out"): 220, say("Origin"): 220, say("SHA-256 of the body"): 165}
    st.dataframe(
        pd.DataFrame(batches.lines(records, say)),
        hide_index=True,
        height=min(TABLE_PIXELS, ROW_PIXELS * len(records) + 40),
        row_height=ROW_PIXELS,
        column_config={
            **dict.fromkeys((say("RAW rows"), say("CLEAN rows"), say("Left out")), number),
            **{name: st.column_config.TextColumn(width=pixels) for name, pixels in wide.items()},
        },
    )
    by_run = {run.run_id: run for run, _ in pairs}
    numbers = {run.run_id: record.batch.number for run, record in pairs}
    if st.session_state.get("data_batch") not in by_run:
        st.session_state["data_batch"] = next(iter(by_run))
    run_id = st.selectbox(
        say("Open a batch"),
        list(by_run),
        format_func=lambda run_id: say("Batch {number}", number=numbers[run_id]),
        key="data_batch",
    )
    record = session.record(by_run[run_id])
    if record is None:
        number_of = numbers[run_id]
        show(st.info, say("The record of batch {number} cannot be read: it is of another release.", number=number_of))
        return
    one_batch(record)
    live(record)


st.title(say("What data came"))
session.tell(looked, page)
