"""Data: RAW and CLEAN by batch, what was left out and why, and what customers ask against the training data."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from relevo_contract.record import DecisionRecord
from relevo_ui import addressed, batches, column_charts, over_batches, session
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.mlflow_records import BatchRun
from relevo_ui.session import Story
from relevo_ui.wording import moment

ROW_PIXELS = 76  # three lines; with fewer, Streamlit wraps no text
TABLE_PIXELS = 560
BATCHES, COLUMNS, LIVE = "batches", "columns", "live"
looked = session.looked()
say = session.wording(looked)
mark = marking(say)
Pairs = list[tuple[BatchRun, DecisionRecord]]
"""Batches' runs with the outlines of their records, newest first."""


def one_batch(record: DecisionRecord | None) -> None:
    """What came, what was kept, and what is missing in it."""
    if record is None:
        return
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


def live(record: DecisionRecord | None) -> None:
    """What the API was asked when the batch was decided, against the champion's training data."""
    if record is None:
        return
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
        name = addressed.selectbox(say("A column asked for and trained on"), list(pictured), "column", say.column)
        before = say("training data of version {version}", version=record.champion_version)
        if (picture := column_charts.distribution(pictured[name], before, say("rows asked for"), say)) is not None:
            st.altair_chart(picture)


def every_batch(pairs: Pairs) -> None:
    """RAW and CLEAN by batch, what was left out, and one batch."""
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
        alt=say("RAW and CLEAN by batch"),
    )
    if (chart := over_batches.left_out(records, say)) is not None:
        show(st.markdown, Markdown(f"##### {marked(say('Rows left out'))}"))
        st.altair_chart(chart)
    one_batch(opened(pairs))


def opened(pairs: Pairs) -> DecisionRecord | None:
    """The whole record of the batch that is chosen; its number stands in the address."""
    runs: dict[int, BatchRun] = {}
    for run, record in pairs:
        runs.setdefault(record.batch.number, run)
    number = addressed.selectbox(
        say("Open a batch"), list(runs), "batch", lambda number: say("Batch {number}", number=number)
    )
    found = session.record(runs[number])
    if found is None:
        show(st.info, say("The record of batch {number} cannot be read: it is of another release.", number=number))
    return found


def columns(pairs: Pairs) -> None:
    """Columns over batches, against what the champion of then was trained on."""
    st.subheader(say("Columns over batches"))
    found = over_batches.seen(session.records([run for run, _ in pairs[: over_batches.WIDEST]]))
    chart = over_batches.moved(found, say)
    if chart is None:
        show(st.caption, say("No batch was held against a model yet."))
        return
    show(
        st.caption,
        say(
            "How far each column of a batch lay from what the version in production then was trained on, in multiples "
            "of the most that noise alone gives at its size: the larger, the further. The newest {count} batches at "
            "most.",
            count=over_batches.WIDEST,
        ),
    )
    st.altair_chart(chart)
    with st.expander(say("The figures")):
        table = over_batches.table(found, say)
        st.dataframe(table, hide_index=True, height="content", alt=say("Columns over batches"))
        show(st.caption, say("Multiples of the noise, by batch; * moved."))
    names = list(dict.fromkeys(one.evidence.column for one in found))
    name = addressed.selectbox(say("Missing and new values of a column"), names, "column", say.column)
    st.altair_chart(over_batches.shares(found, name, say))


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
    kinds = {BATCHES: say("Batches"), COLUMNS: say("Columns over batches"), LIVE: say("What customers ask")}
    kind = addressed.segmented(say("Show"), list(kinds), "show", kinds.__getitem__)
    if kind == COLUMNS:
        columns(pairs)
    elif kind == LIVE:
        live(opened(pairs))
    else:
        every_batch(pairs)


st.title(say("What data came"))
session.tell(looked, page)
