"""Overview: whether all is well, one timeline of what happened, and a card for each batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from relevo_contract.record import DecisionRecord
from relevo_ui import batch_charts, gains, history, overview, promises, service, session, terms, turned_out
from relevo_ui.chart_style import MARK_COLORS
from relevo_ui.history import MARKS, Row, Verdict
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.session import Story

CARDS = 10  # and so many more at a time
COUNT = "cards"
WIDTH, WIDER = 165, 240  # of a figure: two stand side by side on a phone, and none is cut
looked = session.looked()
say = session.wording(looked)
mark = marking(say)
SILENT = {Verdict.KEPT, Verdict.DECIDING, Verdict.TRAINING}  # nothing came of them, or not yet


def health(story: Story, records: Sequence[DecisionRecord]) -> None:
    """Whether all is well, what is not, and the figures that say so."""
    status = session.status()
    found = service.terms({version.number: version.tags for version in story.versions})
    seen = overview.Seen(records, story.production, found, status, None if status is None else session.last_hour())
    wrong = overview.troubles(seen, say)
    for one in wrong:
        show(st.warning, one, icon=":material/warning:")
    if not wrong:
        show(st.success, overview.well(seen, say), icon=":material/check_circle:")
    if out := history.stay_out(records[history.blocked(records[0]) :] if records else [], say):
        show(st.info, out, icon=":material/block:")
    profile = session.profile(story.production) if story.production is not None and seen.tried is None else None
    promise = overview.promised(seen, None if profile is None else profile.promised)
    helps = (say(terms.SERVED), say(terms.PROMISED), say(terms.REAL), say(terms.ANSWERS), None)
    told = overview.figures(seen, promise, datetime.now(UTC), say)
    with st.container(horizontal=True):
        for (heading, figure, below), meaning in zip(told, helps, strict=True):
            with st.container(width=WIDTH if meaning else WIDER, gap=None):
                st.metric(heading, figure, help=meaning)
                show(st.caption, below)


def in_time(records: Sequence[DecisionRecord], rows: Sequence[Row]) -> None:
    """The timeline; a click opens a batch."""
    forward = promises.forward(records)
    told = promises.errors(forward, say)
    became = {row.batch: row for row in reversed(rows)}
    happened = [
        batch_charts.Happened(
            record.batch.number,
            "" if became[record.batch.number].verdict in SILENT else MARKS[became[record.batch.number].verdict][0],
            MARK_COLORS[MARKS[became[record.batch.number].verdict][1]],
            became[record.batch.number].outcome,
            record.champion_version,
        )
        for record in records
    ]
    marks = overview.marks(rows[: promises.SHOWN], say)
    chart = batch_charts.timeline(forward, happened, f"{told} {marks}", say)
    if chart is None:
        return
    show(st.subheader, say("The errors in time"), help=say(terms.RANGE))
    if told:
        show(st.markdown, told)
    picked: Any = st.altair_chart(chart, on_select="rerun", selection_mode=batch_charts.OPENED, key="timeline")
    show(
        st.caption,
        say(
            "Points: the error of the version in production on each batch, before anything was trained on it. Grey: "
            "what was promised (line) and the range (band); ◆ lies above it, ▼ below. On top: the versions in "
            "production, and what became of each batch. A click opens it."
        ),
    )
    if marks:
        show(st.caption, marks)
    opened = picked.selection.get(batch_charts.OPENED) if picked else None
    if opened:
        st.switch_page("views/history.py", query_params={"batch": str(int(opened[0]["batch"]))})


def card(row: Row, groups: int) -> None:
    """One batch in few lines, and the way to all of it."""
    sign, color = MARKS[row.verdict]
    name = (
        say("Batch {batch} of group {group}", batch=row.batch, group=row.group)
        if groups > 1
        else say("Batch {number}", number=row.batch)
    )
    facts = Markdown(" · ".join(map(marked, row.facts)))
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                "views/history.py",
                label=f"**{name}**",
                icon=":material/arrow_forward:",
                icon_position="right",
                query_params={"batch": str(row.batch)},
                width="content",
            )
            show(st.badge, f"{sign} {row.outcome}", color=color)
        show(st.markdown, row.why)
        if facts:
            show(st.caption, facts)


def judged(records: Sequence[DecisionRecord]) -> None:
    """How promises and decisions turned out; each is drawn once somebody opens it."""
    forward = promises.forward(records)
    if held := promises.intervals(forward, say):
        with st.expander(say("Do the prediction intervals hold?"), on_change="rerun", key="intervals") as folded:
            if folded.open and (drawn := batch_charts.coverage(forward, held, say)) is not None:
                show(st.markdown, held)
                st.altair_chart(drawn)
    if sentences := turned_out.told(records, say):
        with st.expander(say("How past decisions turned out"), on_change="rerun", key="turned_out") as folded:
            if folded.open:
                for one in sentences:
                    show(st.markdown, one)
                came = gains.came(records)
                if came and (chart := batch_charts.came(came, gains.what_came(came, say), say)) is not None:
                    st.altair_chart(chart)


def page(story: Story) -> None:
    """The whole page."""
    records = [record for record in story.records if record is not None]
    health(story, records)
    if not story.runs:
        show(
            st.info,
            mark(
                "**No batch has been decided yet.** The history fills as batches arrive: `relevo-job collect`, "
                "`clean`, then `decide` write the first line. If they have run, check that RELEVO_MODEL is the same "
                "here and there."
            ),
            icon=":material/hourglass_empty:",
        )
        st.button(say("Look again"))
        return
    pairs = zip(story.runs, story.records, strict=True)
    rows = [history.row(run.run_id, run.tags, record, say) for run, record in pairs]
    in_time(records, rows)
    judged(records)
    show(st.subheader, say("Batch by batch"))
    show(st.markdown, history.summary(rows, story.production, say))
    groups = len({row.group for row in rows})
    count = st.session_state.setdefault(COUNT, CARDS)
    for row in rows[:count]:
        card(row, groups)
    if len(rows) > count and st.button(say("Older batches"), icon=":material/expand_more:"):
        st.session_state[COUNT] = count + CARDS
        st.rerun()


st.title(say("Is all well?"))
session.tell(looked, page)
